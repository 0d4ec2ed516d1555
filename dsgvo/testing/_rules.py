"""Rules of recording and matching, as vcrpy takes them: what is kept, and what is hidden.

Credentials travel in headers, which are dropped unless they are known to be harmless, and in fields
with telling names. Whatever was seen in one of those is hidden wherever it shows up again. vcrpy
can hide values itself from 9.4 on, but ``langchain-tests`` 1.1 holds it below 9.
"""

import html
import json
import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import unified_diff
from functools import cache
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, quote_plus, unquote, urlencode, urlsplit

from dsgvo._secrets import SECRET_FIELD, SECRET_NAME
from dsgvo.providers import PROVIDERS
from dsgvo.testing import _layout
from dsgvo.testing._layout import JsonObject

SERIALIZER = "dsgvo.yaml"  # pytest-recording makes it the suffix of the files
ORIGIN = "x-recorded-from"  # header of an answer: "emulator <version>" or "live <date>"
SCRUBBED = "SCRUBBED"

_ARGUMENTS = {one.header: one for spec in PROVIDERS.values() for one in spec.header_arguments}
_KEPT_OF_REQUESTS = ("accept", "content-type", *_ARGUMENTS)
_KEPT_OF_ANSWERS = ("content-type", "retry-after", "x-emulator-scripted", "x-request-id")
_JSON_FIELD = re.compile(r'"([\w-]+)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_QUERY_FIELD = re.compile(r"(?:[?&;#]|\\u0026)([\w-]+)(?:=|\\+u003[dD])([^\s&\"'<>\\#]+)")


class Rules:
    """What one recorder keeps and hides; ``hide`` as in :func:`dsgvo.testing.recorder`."""

    def __init__(self, hide: Mapping[str, str] | None = None) -> None:
        self._hidden = dict(hide or {})
        for spec in PROVIDERS.values():
            secret = spec.oauth.secret_variable if spec.oauth else ""
            for name in (*spec.key_variables, secret):
                self._learn(os.environ.get(name, ""))
        for header, argument in _ARGUMENTS.items():
            self._learn(os.environ.get(argument.variable, ""), f"<{header}>")

    def options(self, **options: Any) -> JsonObject:
        """Return the rules as arguments of ``vcr.VCR``, with further ones or others in place."""
        return {
            "serializer": SERIALIZER,
            "match_on": ("method", "uri", "dsgvo"),
            "before_record_request": self.request,
            "before_record_response": self.response,
            "decode_compressed_response": True,
        } | options

    def register(self, vcr: Any) -> None:
        """Tell a ``vcr.VCR`` what the names in :meth:`options` stand for."""
        vcr.register_matcher("dsgvo", same_request)
        serializer = SimpleNamespace(serialize=self.serialize, deserialize=_layout.deserialize)
        vcr.register_serializer(SERIALIZER, serializer)
        vcr.register_persister(_layout.Files)

    def request(self, request: Any) -> Any:
        """Return what is kept of a request (vcrpy's ``before_record_request``)."""
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        hidden = SECRET_NAME.search
        for _, value in filter(lambda one: hidden(one[0]), (*headers.items(), *request.query)):
            self._learn(value.rpartition(" ")[2])
        query = [(name, SCRUBBED if hidden(name) else value) for name, value in request.query]
        for name in _ARGUMENTS.keys() & headers.keys():
            self._learn(headers[name], f"<{name}>")
            headers[name] = f"<{name}>"
        body, kind = request.body_bytes or b"", headers.get("content-type", "")
        if "boundary=" in kind:
            body = _layout.without_boundary(body, kind)
        elif "base64" in _layout.to_entry(body):
            body = _layout.dumps({"sha256": sha256(body).hexdigest()}).encode()
        if kind:
            headers["content-type"] = kind = _layout.media_type(kind)
        uri = urlsplit(str(request.uri))._replace(query=urlencode(query)).geturl()
        request.uri = self._shown(vendor_url(uri))
        request.body = self._scrubbed(body, kind)
        request.headers = {
            name: self._shown(headers[name]) for name in _KEPT_OF_REQUESTS if name in headers
        }
        return request

    def response(self, response: JsonObject) -> JsonObject:
        """Return what is kept of an answer (vcrpy's ``before_record_response``)."""
        headers = {name.lower(): values for name, values in response["headers"].items()}
        for cookie in headers.get("set-cookie", ()):
            self._learn(cookie.partition("=")[2].partition(";")[0].strip('"'))
        kept = {name: self._shown(headers[name][0]) for name in _KEPT_OF_ANSWERS if name in headers}
        _, emulator, version = headers.get("server", [""])[0].partition("dsgvo-emulator/")
        kept[ORIGIN] = f"emulator {version}" if emulator else f"live {datetime.now(UTC).date()}"
        body = self._scrubbed(response["body"]["string"] or b"", kept.get("content-type", ""))
        return {
            "status": {"code": response["status"]["code"], "message": None},
            "headers": {name: [value] for name, value in kept.items()},
            "body": {"string": body},
        }

    def serialize(self, data: Mapping[str, Any]) -> str:
        """Write a cassette; what became known only after it was recorded is hidden now."""
        return self._shown(_layout.serialize(data))

    def _learn(self, value: str, placeholder: str = SCRUBBED) -> None:
        # Shorter texts are found in ordinary words, so they are hidden in their place alone.
        if len(value) >= 8 and value not in self._hidden.values():
            self._hidden[value] = placeholder

    def _shown(self, text: str) -> str:
        for value in sorted(filter(None, self._hidden), key=len, reverse=True):
            written, encoded = _forms(value)
            text = written.sub(lambda _, shown=self._hidden[value]: shown, text)
            text = encoded.sub(SCRUBBED, text)
        return text

    def _scrubbed(self, body: bytes, content_type: str) -> bytes:
        text = body.decode(errors="replace")  # may be nearly JSON, and hold addresses
        told = [unquote(one[1]) for one in _QUERY_FIELD.findall(text) if SECRET_NAME.search(one[0])]
        fields = _JSON_FIELD.findall(text) + _JSON_FIELD.findall(re.sub(r'\\+"', '"', text))
        if "urlencoded" in content_type:
            fields = parse_qsl(text, keep_blank_values=True)
            body = urlencode(fields).encode()
        for value in (*told, *(value for name, value in fields if SECRET_FIELD.fullmatch(name))):
            self._learn(value)
        entry = _layout.to_entry(body, content_type)
        if "base64" in entry:
            return body
        scrubbed = self._without_secrets(entry)
        kept = body if scrubbed == entry else _layout.to_bytes(scrubbed)
        return self._shown(kept.decode()).encode()

    def _without_secrets(self, value: Any, name: str = "") -> Any:
        """Return a JSON value without the texts that stand in fields with telling names."""
        if isinstance(value, dict):
            fields = cast("JsonObject", value)
            named = {"value": str(fields.get("name", "value"))}  # so is a part of a form
            return {k: self._without_secrets(one, named.get(k, k)) for k, one in fields.items()}
        if isinstance(value, list):
            return [self._without_secrets(one, name) for one in cast("list[Any]", value)]
        if isinstance(value, str) and SECRET_FIELD.fullmatch(name):
            self._learn(value)
            return SCRUBBED
        return value


def _written(character: str) -> str:
    """Return what finds a character as it is, and as URLs, JSON in JSON, HTML and YAML have it."""
    forms = {character, quote_plus(character), html.escape(character)}
    forms |= {"''"} if character == "'" else {r"\/"} if character == "/" else set()
    found = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    data = character.encode("utf-8", "surrogatepass")
    coded = "".join(f"%{byte:02x}" for byte in data) + rf"|\\{{1,8}}u{ord(character):04x}"
    if (escape := json.dumps(character)[1:-1])[0] == "\\":
        coded += "|" + re.escape(escape).replace(r"\\", r"\\{1,8}")
    return f"(?:{found}|(?i:{coded}))"


@cache
def _forms(value: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds a text as it is written, and in base64 at any offset or hexadecimal."""
    found: set[str] = set()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
        data = value.encode(encoding, "replace")
        found |= {data.hex(), data.hex().upper()}
        for start in range(3):
            whole = data[start : len(data) - (len(data) - start) % 3]
            found |= {code(whole).decode() for code in (b64encode, urlsafe_b64encode)}
    # Shorter ones are found in ordinary words. The longest first, since the others are in it.
    longest = sorted((one for one in found if len(one) > 7), key=len, reverse=True)
    encoded = "|".join(map(re.escape, longest)) or "(?!)"
    return re.compile("".join(map(_written, value))), re.compile(encoded)


def same_request(sent: Any, recorded: Any) -> None:
    """Compare headers and content of two requests. Raises AssertionError with the difference."""

    def shown(one: Any) -> JsonObject:
        kind = one.headers.get("content-type", "")
        return {"headers": dict(one.headers), **_layout.to_entry(one.body, kind)}

    here, there = shown(sent), shown(recorded)
    # As text, since 1 == 1.0 == True in Python. The order of keys does not matter.
    if json.dumps(here, sort_keys=True) != json.dumps(there, sort_keys=True):
        old, new = (
            json.dumps(one, indent=1, ensure_ascii=False).split("\n") for one in (there, here)
        )
        lines = unified_diff(old, new, "recorded", "sent", n=2, lineterm="")
        raise AssertionError("\n".join(lines))


def vendor_url(url: str) -> str:
    """Return a vendor's own address for one of the emulator's; any other without its login.

    Examples:
        >>> vendor_url("http://127.0.0.1:8080/neuroflash/oauth/v2/token")
        'https://id.neuroflash.com/oauth/v2/token'
    """
    parts = urlsplit(url)
    name, slash, path = parts.path[1:].partition("/")
    if parts.hostname not in {"127.0.0.1", "localhost", "::1"} or name not in PROVIDERS:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    spec, path = PROVIDERS[name], slash + path
    known = (spec.models_url, spec.workspaces_url, spec.oauth and spec.oauth.token_url)
    home = next((one for one in known if one and urlsplit(one).path == path), spec.base_url)
    return urlsplit(home)._replace(path=path, query=parts.query).geturl()
