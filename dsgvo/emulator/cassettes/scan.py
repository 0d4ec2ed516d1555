"""The scan: where secrets stand, and what they look like.

What takes them out (``secrets.py``) goes by the same names and patterns, so that the scan finds
nothing which was recorded by the rules.
"""

import base64
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from dsgvo.emulator.cassettes.bodies import parsed
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, is_list, is_number, is_object

PLACEHOLDER = "SCRUBBED"
MIN_LENGTH = 8
"""Shorter texts are no secrets worth the name, and would be found in ordinary words."""

_NAMES = (
    r"(?:(?:api|access|auth|subscription|secret|private|session)[-_]?keys?|(?:client[-_]?)?secrets?"
    r"|passwords?|passwd|passphrase|pwd|jwt|(?:client[-_]?)?assertion|authorization|credentials?"
    r"|(?:set-)?cookies?|session[-_]?id|(?:access|refresh|api|auth|bearer)[-_]?tokens?"
    r"|(?:id|session|security|csrf|xsrf|private|personal|user)[-_]?token)"
)
_BEFORE = r"(?:[-_]|(?-i:(?<=[a-z])(?=[A-Z])))"
"""What parts such a name from one before it, as in ``neuroflash_api_key`` and ``myApiKey``."""
SECRET_HEADERS = re.compile(
    r"(?i).*(?:auth(?!enticate|ority)|cookie|(?:^|[-_]|api)key|token(?!s)|secret|password|session).*"
)
SECRET_FIELDS = re.compile(rf"(?i)(?:.*{_BEFORE})?{_NAMES}")
QUERY_FIELDS = re.compile(
    r"(?i)key|token|code|auth|sig|signature|x-(?:amz|goog)-(?:signature|credential)|"
    + SECRET_FIELDS.pattern[4:]
)

PATTERNS: dict[str, re.Pattern[str]] = {
    "an API key": re.compile(r"(?<![\w-])(?:sk|pk|rk)[-_](?=[\w-]*[\dA-Z])[A-Za-z0-9_-]{16,}"),
    "a JSON web token": re.compile(r"(?<!\w)eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
    "a bearer token": re.compile(r"(?i)(?<!\w)bearer\s+(?=[\w.~+/-]*\d)[\w.~+/-]{12,}=*"),
    "a key of a cloud": re.compile(
        r"(?<!\w)(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,})"
    ),
    "a private key": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
        r"(?:(?s:.*?)-----END [A-Z ]*PRIVATE KEY-----|[\w+/=\s\\:,-]*)"
    ),
    "an address with a login": re.compile(r"(?<=://)[^\s/:@\"'<>{}]+:[^\s/@\"'<>{}]+(?=@)"),
}
BASIC = re.compile(r"(?i)(?<!\w)basic\s+([A-Za-z0-9+/]{6,}={0,2})")
PAIR = re.compile(
    rf"""(?ix) (?P<head> (?<![\w-]) (?P<name> (?:[\w-]{{0,40}}{_BEFORE})? {_NAMES} )
    (?:\\*["'])? \s* [:=] [^\S\n]* \[? )
    (?: (?P<quote> \\*["'] ) (?P<quoted> (?: (?!(?P=quote)) [^\n] ){{8,}} ) (?=(?P=quote))
    | (?P<before> (?:\\*["'])? (?:(?:bearer|basic|token)\s+)? )
      (?P<bare> [^\s"'&,;{{}}\[\]\\]{{8,}} )
    )"""
)
"""``name: value`` and ``name=value`` with a telling name, in whatever syntax."""
PARAMETER = re.compile(
    r"(?P<head>(?:\A|[?&#])(?:amp;)?(?P<name>[^\s=&?#]{1,60})=)(?P<bare>[^\s&#\"'<>\\]+)"
)
"""A parameter of a form or of a URL that stands in a text."""
ENCODED = re.compile(
    r"(?<![^\s&=?#\"'<>{},;])[^\s&=?#\"'<>{},;]*%[0-9A-Fa-f]{2}[^\s&=?#\"'<>{},;]*"
    r"|[A-Za-z0-9+/_-]{11,}={0,2}"
)
"""What may be something else in percent encoding or base64."""
_LINE = re.compile(r"(\ufeff?\s*(?:data:\s*)?)([\[{].*[\]}])(\s*)", re.S)
_READABLE = re.compile(rb"[ -~]{12,}")
"""Long enough for a name with its value, and rare in the bytes of numbers."""
_OPAQUE = re.compile(r"(?=\S*\d)\S{8,}|\S{20,}")
_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_OF_A_PART = frozenset({"text", "json", "value"})


@dataclass(frozen=True)
class Finding:
    """A secret where none may be.

    Args:
        what: What it looks like.
        where: The field or line; never the secret itself.
    """

    what: str
    where: str


def find_secrets(content: Any, known: Iterable[str] = ()) -> list[Finding]:
    """Find what looks like a secret, or is a known one, in parsed content or plain text.

    Args:
        content: A parsed cassette (``parse``), or text of any format.
        known: Secrets to look for by value, in plain, percent-encoded or base64.

    Returns:
        The findings; they say where and what, and do not quote it.
    """
    secrets = tuple(known)
    found = (
        Finding(what, where)
        for where, held, text in strings(content)
        if text and text != PLACEHOLDER
        for what in (*([held] if held else []), *in_text(text, secrets))
    )
    return list(dict.fromkeys(found))


def strings(
    value: Any, where: str = "", parent: str = "", held: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Yield every text with its path and, in a secret's place, what to call it; keys are texts too.

    JSON that is written in a text counts, and numbers count where a secret stands.
    """
    if isinstance(value, str):
        yield where or "text", held, value
        for _, _, inner, _ in json_lines(value):
            yield from strings(inner, where, "", held)
    elif is_list(value):
        for index, one in enumerate(as_list(value)):
            yield from strings(one, f"{where}[{index}]", parent, held)
    elif is_object(value):
        for key, one, name in members(as_object(value), parent, held):
            yield where or "text", "", key
            yield from strings(one, f"{where}.{key}" if where else key, key, name)
    elif held and is_number(value):
        yield where or "text", held, str(value)


def members(value: JsonObject, parent: str, held: str) -> Iterator[tuple[str, Any, str]]:
    """Yield an object's keys and values and, in a secret's place, what to call it.

    Args:
        value: The object.
        parent: Name of the field that it stands in.
        held: What to call it if it is a secret as a whole.
    """
    for key, one in value.items():
        yield str(key), one, held or _called(value, str(key), one, parent)


def json_lines(text: str) -> list[tuple[str, str, Any, str]]:
    """Return what stands before JSON, the JSON, its value and what stands after it.

    That is the text as a whole, or each line. One without JSON stands before it, its value is None.
    """
    for pieces in ([text], re.split(r"(?<=\n)", text)):
        shown = [_json_line(piece) for piece in pieces]
        if any(value is not None for _, _, value, _ in shown):
            return shown
    return [(text, "", None, "")]


def in_text(text: str, known: Collection[str], *, deep: bool = True) -> Iterator[str]:
    """Yield what there is of secrets in a text, by pattern, by name and by value."""
    for what, pattern in PATTERNS.items():
        if any(PLACEHOLDER not in found.group() for found in pattern.finditer(text)):
            yield what
    if any(login(found.group(1)) for found in BASIC.finditer(text)):
        yield "a basic login"
    yield from ("a known secret" for secret in known if secret in text)
    for found in (*PAIR.finditer(text), *filter(is_secret_parameter, PARAMETER.finditer(text))):
        groups = found.groupdict()
        if not (groups.get("quoted") or groups["bare"]).startswith(PLACEHOLDER):
            yield f"a field {groups['name']}"
    if deep:
        for run in ENCODED.finditer(text):
            yield from in_code(run.group(), known)


def in_code(run: str, known: Collection[str]) -> Iterator[str]:
    """Yield what there is of secrets in a run of percent encoding or base64."""
    if "%" in run:
        yield from in_text(unquote_plus(run), known, deep=False)
        return
    if decoded := _from_base64(run) or _readable_in_base64(run):
        yield from in_text(decoded, known, deep=False)
    # A known secret may begin anywhere in what was encoded, and the run before what was.
    raws = [_bytes_of_base64(run[offset:]) for offset in range(4)] if known else []
    yield from ("a known secret" for one in known if any(one.encode() in raw for raw in raws))


def is_secret_parameter(found: re.Match[str]) -> bool:
    """Tell whether a ``PARAMETER`` has a telling name."""
    return bool(QUERY_FIELDS.fullmatch(unquote_plus(found["name"])))


def login(encoded: str) -> tuple[str, ...]:
    """Return name and password of a basic login and the two together, or nothing."""
    decoded = _from_base64(encoded)
    name, colon, password = decoded.partition(":")
    whole = bool(colon) and decoded.isprintable() and " " not in decoded
    return (decoded, name, password) if whole else ()


def _called(whole: JsonObject, key: str, one: Any, parent: str) -> str:
    label = whole.get("name")
    name = label if key in _OF_A_PART and isinstance(label, str) else key
    if parent in _SCHEMAS and is_object(one):
        return ""  # a JSON schema may well have a property of that name
    if parent == "headers" and SECRET_HEADERS.fullmatch(name):
        return f"a header {name.lower()}"
    telling = SECRET_FIELDS.fullmatch(name) or (
        isinstance(one, str) and _by_company(name, one, whole)
    )
    return f"a field {name}" if telling else ""


def _by_company(name: str, text: str, whole: JsonObject) -> bool:
    """Tell whether a name that has other meanings too is a credential's, by what is beside it."""
    if name.lower() in {"token", "auth"}:
        return "logprob" not in whole and bool(_OPAQUE.fullmatch(text))
    return name.lower() == "code" and "grant_type" in whole


def _json_line(line: str) -> tuple[str, str, Any, str]:
    found = _LINE.fullmatch(line)
    value = parsed(found[2]) if found else None
    return (
        (line, "", None, "")
        if not found or value is None
        else (found[1], found[2], value, found[3])
    )


def _bytes_of_base64(text: str) -> bytes:
    standard = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    # One character too many is of no byte.
    standard = standard[: len(standard) - (len(standard) % 4 == 1)]
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:  # not base64, or not ASCII
        return b""


def _from_base64(text: str) -> str:
    try:
        return _bytes_of_base64(text).decode()
    except UnicodeDecodeError:
        return ""


def _readable_in_base64(text: str) -> str:
    """Return what is readable in bytes that are no text, such as numbers or UTF-16."""
    return b"\n".join(_READABLE.findall(_bytes_of_base64(text).replace(b"\0", b""))).decode()
