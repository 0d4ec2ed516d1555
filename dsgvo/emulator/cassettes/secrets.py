"""Secrets: what is taken out of a recording.

Nothing here is clever about a vendor. Credentials travel in headers, which are dropped unless they
are known to be harmless, and in fields with telling names. Whatever was seen in one of those is a
known secret and is taken out wherever it shows up again, in whatever encoding.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit, urlunsplit

from dsgvo.emulator.cassettes.bodies import dumps
from dsgvo.emulator.cassettes.scan import (
    BASIC,
    ENCODED,
    MIN_LENGTH,
    PAIR,
    PARAMETER,
    PATTERNS,
    PLACEHOLDER,
    QUERY_FIELDS,
    SECRET_HEADERS,
    in_code,
    is_secret_parameter,
    json_lines,
    login,
    members,
    strings,
)
from dsgvo.emulator.jsons import as_list, as_object, is_list, is_number, is_object

_PART_OF_A_HEADER = re.compile(r'([\w.-]+)=("[^"]*"|[^\s;,"]+)')
_PUBLIC_PARTS = frozenset(
    {"expires", "path", "domain", "max-age", "samesite", "realm", "uri", "algorithm"}
    | {"username", "signedheaders"}
)


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
        """Remember a secret, as a whole and without a scheme that may stand before it."""
        self._remember(value)
        self._learn_credential(value)

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Remember what credentials the headers carry, as a whole and in their parts."""
        for name, value in headers:
            if SECRET_HEADERS.fullmatch(name):
                if "cookie" not in name.lower():
                    self._learn_credential(value)
                for part, text in _PART_OF_A_HEADER.findall(value):
                    if part.lower() not in _PUBLIC_PARTS:
                        self.learn(text.strip('"'))

    def learn_fields(self, value: Any) -> None:
        """Remember what stands in fields with telling names."""
        for _, held, text in strings(value):
            if held:
                self.learn(text)

    def learn_query(self, query: str) -> None:
        """Remember the secret parameters of a URL or a form."""
        for name, value in parse_qsl(query):
            if QUERY_FIELDS.fullmatch(name):
                self.learn(value)

    def out_of_text(self, text: str) -> str:
        """Return a text without any secret that is known or looks like one.

        What comes back stays as it is if it comes again, as recorded requests do in a replay.
        """
        for private, stand_in in self._stand_ins.items():
            text = text.replace(private, stand_in)
        while (scrubbed := self._scrubbed(text)) != text:
            text = scrubbed
        return text

    def out_of_value(self, value: Any, parent: str = "", held: str = "") -> Any:
        """Return a JSON value without its secrets."""
        if held and (is_number(value) or (isinstance(value, str) and value)):
            return PLACEHOLDER
        if isinstance(value, str):
            return self.out_of_text(value)
        if is_list(value):
            return [self.out_of_value(one, parent, held) for one in as_list(value)]
        if is_object(value):
            return {
                self.out_of_text(key): self.out_of_value(one, key, name)
                for key, one, name in members(as_object(value), parent, held)
            }
        return value

    def out_of_url(self, url: str) -> str:
        """Return a URL without login and without the values of secret parameters."""
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
        return self.out_of_text(urlunsplit((parts.scheme, netloc, parts.path, parts.query, "")))

    def _learn_credential(self, value: str) -> None:
        scheme, _, credential = value.strip().partition(" ")
        bare = credential.strip() or scheme
        for text in (bare, unquote(bare), *login(bare)):
            self._remember(text)

    def _remember(self, text: str) -> None:
        if len(text) >= MIN_LENGTH and text != PLACEHOLDER:
            self._known.add(text)

    def _scrubbed(self, text: str) -> str:
        if len(text) < MIN_LENGTH:
            return text
        text = "".join(
            head + self._out_of_json(source, value) + tail
            for head, source, value, tail in json_lines(text)
        )
        for secret in sorted(self._known, key=len, reverse=True):
            for form in (secret, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(form, PLACEHOLDER)
        text = PARAMETER.sub(
            lambda found: _scrubbed_pair(found) if is_secret_parameter(found) else found.group(),
            PAIR.sub(_scrubbed_pair, text),
        )
        for name, pattern in PATTERNS.items():
            scheme = "Bearer " if "bearer" in name else ""
            text = pattern.sub(scheme + PLACEHOLDER, text)
        return ENCODED.sub(self._scrubbed_code, BASIC.sub(_scrubbed_basic, text))

    def _out_of_json(self, source: str, value: Any) -> str:
        scrubbed = self.out_of_value(value)
        return source if scrubbed == value else dumps(scrubbed)

    def _scrubbed_code(self, found: re.Match[str]) -> str:
        return PLACEHOLDER if any(in_code(found.group(), self._known)) else found.group()


def _scrubbed_pair(found: re.Match[str]) -> str:
    groups = found.groupdict()
    before = groups.get("quote") or groups.get("before") or ""
    return f"{groups['head']}{before}{PLACEHOLDER}"


def _scrubbed_basic(found: re.Match[str]) -> str:
    return f"Basic {PLACEHOLDER}" if login(found.group(1)) else found.group()
