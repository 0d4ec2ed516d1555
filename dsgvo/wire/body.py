"""Answer bodies: JSON read leniently, and a description of whatever else came."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

__all__ = [
    "MAX_JSON_DEPTH",
    "SIGN_IN",
    "InvalidJSONError",
    "describe_body",
    "ends_in_half",
    "parse_json",
    "with_whole_pair",
]

MAX_JSON_DEPTH = 200
"""Levels of nesting that are read (the bound is the parser's)."""

SIGN_IN = ", perhaps a sign-in or proxy page; check base_url"
"""What a web page in place of JSON may mean, where no status says it better."""

_TITLE_WITHIN = 64 * 1024
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.S,
)
_HIGH_LAST = re.compile(r'(?<!\\)(?:\\\\)*(?P<half>\\u[dD][89abAB][0-9a-fA-F]{2})(?=")')
_LOW_FIRST = re.compile(r'(?<=[^\\]")(?=\\u[dD][c-fC-F][0-9a-fA-F]{2})')


class InvalidJSONError(ValueError):
    """The text is not JSON; ``what`` says what it is instead, without quoting it.

    That is no part of the message, which stays to be seen behind our errors: a page's title is the
    server's text, and not masked yet.
    """

    def __init__(self, what: str) -> None:
        super().__init__("not JSON")
        self.what = what


def parse_json(data: bytes | bytearray | str) -> Any:
    r"""Return the value that JSON text holds.

    Half a surrogate pair and bytes that are not UTF-8 are read as U+FFFD, a byte order mark is
    read over: no answer is lost for one character.

    Raises:
        InvalidJSONError: If the text is malformed or nested deeper than :data:`MAX_JSON_DEPTH`.

    Examples:
        >>> parse_json(rb'"caf\u00e9 \ud83d"')
        'café �'
    """
    try:
        return from_json(data)
    except (ValueError, TypeError) as error:  # a str with a lone surrogate is a TypeError
        if "recursion limit" in str(error):
            raise InvalidJSONError(f"JSON nested deeper than {MAX_JSON_DEPTH} levels") from None
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    text = raw.decode("utf-8-sig", "replace")
    try:
        return from_json(_ESCAPE.sub(_without_lone_surrogate, text))
    except ValueError:
        raise InvalidJSONError(describe_body(raw)) from None


def ends_in_half(data: str) -> bool:
    """Return whether a string in JSON text ends in the first half of a surrogate pair."""
    return _HIGH_LAST.search(data) is not None


def with_whole_pair(first: str, then: str) -> tuple[str, str]:
    r"""Return two JSON texts, with a pair in the second whose halves end and begin their strings.

    Gateways that cut text by UTF-16 units send such.

    Examples:
        >>> with_whole_pair(r'{"a": "x\ud83d"}', r'{"a": "\ude00y"}')
        ('{"a": "x"}', '{"a": "\\ud83d\\ude00y"}')
    """
    high, low = _HIGH_LAST.search(first), _LOW_FIRST.search(then)
    if not high or not low:
        return first, then
    start, end = high.span("half")
    at = low.start()
    return first[:start] + first[end:], then[:at] + high["half"] + then[at:]


def _without_lone_surrogate(escape: re.Match[str]) -> str:
    return "\N{REPLACEMENT CHARACTER}" if escape["lone"] else escape[0]


def describe_body(body: bytes) -> str:
    """Say what a body is that should have been JSON, without quoting it."""
    start = body.strip()
    if not start:
        return "an empty body"
    if start[:1] == b"<":
        if start.startswith((b"<?xml", b"<Error")) and b"html" not in start[:_TITLE_WITHIN]:
            return "XML"  # a store's error
        title = _title(start[:_TITLE_WITHIN])
        named = f" titled {title!r}" if title else ""
        return f"a web page{named}{SIGN_IN}"
    if start[:1] in b"{[":
        return "JSON that breaks off or is malformed"
    return "text that is not JSON"


def _title(page: bytes) -> str:
    """Return the title of a web page. Plain searches: an expression may cost more than its text."""
    lower = page.lower()
    start = lower.find(b"<title")
    opened = lower.find(b">", start)
    end = lower.find(b"</title", opened)
    if not 0 <= start < opened < end:
        return ""
    title = page[opened + 1 : end].strip().decode("utf-8", "replace")
    return title if len(title) <= 80 else f"{title[:79]}…"  # by which masking knows of a cut
