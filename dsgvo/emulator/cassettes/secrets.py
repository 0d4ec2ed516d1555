"""Secrets: what is taken out of a recording, and the scan that finds what was left in one.

Nothing here is clever about a vendor. Credentials travel in headers, which are dropped unless they
are known to be harmless, and in fields with telling names. Whatever was seen in one of those is a
known secret and is taken out wherever it shows up again, in whatever encoding.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlencode, urlsplit, urlunsplit

from dsgvo.emulator.jsons import as_list, as_object, is_list, is_object

PLACEHOLDER = "SCRUBBED"
MIN_LENGTH = 8
"""Shorter texts are no secrets worth the name, and would be found in ordinary words."""

SECRET_HEADERS = re.compile(
    r"(?i)(proxy-)?authorization|(set-)?cookie2?|.*(api|access|auth|subscription)[-_]?(key|token).*"
    r"|.*secret.*|.*password.*"
)
SECRET_FIELDS = re.compile(
    r"(?i)(.*[-_])?(api[-_]?key|secret|secret[-_]?key|client[-_]?secret|password|passwd"
    r"|(access|refresh|id|auth|bearer|session)[-_]?token|client[-_]?assertion|assertion"
    r"|authorization|cookie|set-cookie|private[-_]?key)"
)
QUERY_FIELDS = re.compile(r"(?i)key|token|code|sig|signature|" + SECRET_FIELDS.pattern[4:])

PATTERNS: dict[str, re.Pattern[str]] = {
    "an API key": re.compile(r"(?<![\w-])(?:sk|pk|rk)[-_](?=[\w-]*\d)[A-Za-z0-9_-]{16,}"),
    "a JSON web token": re.compile(r"(?<!\w)eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
    "a bearer token": re.compile(r"(?i)(?<!\w)bearer\s+(?=[\w.~+/-]*\d)[\w.~+/-]{12,}=*"),
    "a key of a cloud": re.compile(
        r"(?<!\w)(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,})"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an address with a login": re.compile(r"(?<=://)[^\s/:@\"'<>{}]+:[^\s/@\"'<>{}]+(?=@)"),
}
_BASIC = re.compile(r"(?i)(?<!\w)basic\s+([A-Za-z0-9+/]{6,}={0,2})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")


class Secrets:
    """The secrets that are known by their value, and how they are taken out.

    Args:
        known: Values that are known from the start, such as keys of the environment.
        stand_ins: Texts that are private but no secrets, such as the id of a workspace, each with
            what stands in its place.
    """

    def __init__(
        self, known: Iterable[str] = (), stand_ins: Mapping[str, str] | None = None
    ) -> None:
        self._known: set[str] = set()
        self._stand_ins = dict(stand_ins or {})
        for value in known:
            self.learn(value)

    def learn(self, value: str) -> None:
        """Remember a secret: a header's value with its scheme, or a field's."""
        scheme, _, credential = value.strip().partition(" ")
        bare = credential.strip() or scheme
        for text in (bare, *_login(bare)):
            if len(text) >= MIN_LENGTH and text != PLACEHOLDER:
                self._known.add(text)

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Remember what credentials the headers carry."""
        for name, value in headers.items():
            if SECRET_HEADERS.fullmatch(name):
                self.learn(value)

    def learn_fields(self, value: Any) -> None:
        """Remember what stands in fields with telling names."""
        for _, name, text in _strings(value, ""):
            if _is_secret(name, text):
                self.learn(text)

    def out_of_text(self, text: str) -> str:
        """Return a text without any secret that is known or looks like one."""
        for private, stand_in in self._stand_ins.items():
            text = text.replace(private, stand_in)
        for secret in sorted(self._known, key=len, reverse=True):
            encoded = base64.b64encode(secret.encode()).decode()
            for form in (secret, quote(secret, safe=""), quote_plus(secret), encoded):
                text = text.replace(form, PLACEHOLDER)
        for name, pattern in PATTERNS.items():
            scheme = "Bearer " if "bearer" in name else ""
            text = pattern.sub(scheme + PLACEHOLDER, text)
        return _BASIC.sub(_scrubbed_basic, text)

    def out_of_late(self, text: str) -> str:
        """Return a text without the known secrets alone, as a last look at a whole file."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, PLACEHOLDER)
        return text

    def out_of_value(self, value: Any) -> Any:
        """Return a JSON value without its secrets."""
        if isinstance(value, str):
            return self.out_of_text(value)
        if is_list(value):
            return [self.out_of_value(one) for one in as_list(value)]
        if is_object(value):
            return {
                name: PLACEHOLDER if _is_secret(name, one) else self.out_of_value(one)
                for name, one in as_object(value).items()
            }
        return value

    def out_of_url(self, url: str) -> str:
        """Return a URL without login and without the values of secret parameters."""
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        query = parts.query
        if any(QUERY_FIELDS.fullmatch(name) for name, _ in pairs):
            query = urlencode(
                [
                    (name, PLACEHOLDER if QUERY_FIELDS.fullmatch(name) else value)
                    for name, value in pairs
                ]
            )
        netloc = parts.netloc.rpartition("@")[2]
        return self.out_of_text(urlunsplit((parts.scheme, netloc, parts.path, query, "")))


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
    return [
        Finding(what, where)
        for where, name, text in _strings(content, "")
        for what in dict.fromkeys(_faults(name, text, secrets))
    ]


def _faults(name: str, text: str, known: tuple[str, ...]) -> Iterator[str]:
    if text != PLACEHOLDER and text:
        if SECRET_HEADERS.fullmatch(name):
            yield f"a header {name.lower()}"
        if SECRET_FIELDS.fullmatch(name):
            yield f"a field {name}"
        yield from _in_text(text, known)


def _in_text(text: str, known: tuple[str, ...], *, deep: bool = True) -> Iterator[str]:
    for what, pattern in PATTERNS.items():
        if any(PLACEHOLDER not in found.group() for found in pattern.finditer(text)):
            yield what
    if any(_login(found.group(1)) for found in _BASIC.finditer(text)):
        yield "a basic login"
    yield from ("a known secret" for secret in known if secret in text)
    yield from _in_pairs(text)
    if not deep:
        return
    if _PERCENT.search(text):
        yield from _in_text(unquote_plus(text), known, deep=False)
    for run in _BASE64.finditer(text):
        if decoded := _from_base64(run.group()):
            yield from _in_text(decoded, known, deep=False)


_PAIR = re.compile(
    r"""(?ix) (?<![\w-]) ["']?([\w-]{3,40})["']? \s*[:=]\s* ["']?
    (?=(?:(?:bearer|basic)\s+)? ([^\s"'&,;{}\[\]]{8,}))"""  # a value may hold the next pair
)


def _in_pairs(text: str) -> Iterator[str]:
    """Find ``name: value`` and ``name=value`` with a telling name, in whatever syntax."""
    for found in _PAIR.finditer(text.replace('\\"', '"')):
        name, value = found.groups()
        telling = SECRET_FIELDS.fullmatch(name) or name.lower() in {"set-cookie", "cookie"}
        if telling and not value.startswith(PLACEHOLDER):
            yield f"a field {name}"


def _strings(value: Any, where: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield every text with its path and the name of its field; keys are texts too."""
    if isinstance(value, str):
        yield where or "text", name, value
    elif is_list(value):
        for index, one in enumerate(as_list(value)):
            yield from _strings(one, f"{where}[{index}]", name)
    elif is_object(value):
        for key, one in as_object(value).items():
            yield where or "text", "", str(key)
            yield from _strings(one, f"{where}.{key}" if where else str(key), str(key))


def _is_secret(name: str, value: Any) -> bool:
    # A JSON schema may well have a property of that name, which is an object.
    return isinstance(value, str) and bool(value) and bool(SECRET_FIELDS.fullmatch(name))


def _login(encoded: str) -> tuple[str, ...]:
    """Return name and password of a basic login and the two together, or nothing."""
    decoded = _from_base64(encoded)
    name, colon, password = decoded.partition(":")
    whole = bool(colon) and decoded.isprintable() and " " not in decoded
    return (decoded, name, password) if whole else ()


def _from_base64(text: str) -> str:
    padded = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _scrubbed_basic(found: re.Match[str]) -> str:
    return f"Basic {PLACEHOLDER}" if _login(found.group(1)) else found.group()
