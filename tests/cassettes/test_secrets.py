"""No secret lands in a cassette: the scan of all of them, and what shows that the scan works."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from array import array
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from vcr.request import Request

from dsgvo.emulator import cassettes
from dsgvo.emulator.access import Access
from dsgvo.emulator.cassettes import Finding, find_secrets
from dsgvo.emulator.cassettes.rules import same_body
from dsgvo.emulator.cassettes.scan import PLACEHOLDER
from tests.cassettes.support import named, recorded

KEY = "sk-live-0a1b2c3d4e5f6a7b8c9d"
PASSWORD = "correct-horse-battery"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLWl0"
BASIC = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
OF_THE_EMULATOR = (Access.api_key, Access.client_secret, "emulator-token-")


@pytest.mark.parametrize("path", recorded(), ids=named)
def test_no_cassette_holds_a_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert find_secrets(cassettes.parse(text), OF_THE_EMULATOR) == []
    assert find_secrets(text, OF_THE_EMULATOR) == []


PLANTED: dict[str, tuple[Any, str]] = {
    "a header": ({"headers": {"authorization": f"Bearer {KEY}"}}, "a header authorization"),
    "a cookie": ({"headers": {"set-cookie": "session=0123456789"}}, "a header set-cookie"),
    "another header": ({"headers": {"X-Api-Key": "0123456789"}}, "a header x-api-key"),
    "JSON": ({"json": {"a": [{"client_secret": "no-pattern-at-all"}]}}, "a field client_secret"),
    "a token's answer": ({"json": {"access_token": "opaque"}}, "a field access_token"),
    "JSON in JSON": (
        {"arguments": json.dumps({"password": PASSWORD})},
        "a field password",
    ),
    "a form": ("grant_type=x&client_secret=no-pattern-at-all", "a field client_secret"),
    "a stream": (f'data: {{"delta":{{"content":"{KEY}"}}}}\n\n', "an API key"),
    "a URL's query": (f"https://api.example.com/v1?api_key={PASSWORD}", "a field api_key"),
    "a URL's login": (f"https://anna:{PASSWORD}@api.example.com/", "an address with a login"),
    "a basic login": (f"as Basic {BASIC} has it", "a basic login"),
    "a bearer in text": ("send Bearer abcdefgh12345678 with it", "a bearer token"),
    "base64": (base64.b64encode(f"key {KEY}".encode()).decode(), "an API key"),
    "percent encoding": (f"key%3D{KEY.replace('-', '%2D')}", "an API key"),
    "a web token": ({"text": JWT}, "a JSON web token"),
    "a key of a cloud": ({"text": "AKIA0123456789ABCDEF"}, "a key of a cloud"),
    "a private key": ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
    "a field's name": ({KEY: 1}, "an API key"),
    "a raw dump": (f"> Authorization: Bearer {PASSWORD}\n", "a field Authorization"),
    "a known one": ("the word is nothing-special-here", "a known secret"),
}


@pytest.mark.parametrize("where", PLANTED)
def test_planted_secrets_are_found(where: str) -> None:
    content, what = PLANTED[where]
    findings = find_secrets(content, ["nothing-special-here"])
    assert what in [finding.what for finding in findings]


def test_a_finding_does_not_repeat_the_secret() -> None:
    assert find_secrets({"json": [{"password": PASSWORD}]}) == [
        Finding("a field password", "json[0].password"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"json": {"max_tokens": 5, "token": "Hallo", "logprobs": [{"token": "Guten Tag"}]}},
        {"parameters": {"properties": {"password": {"type": "string"}}}},
        {"json": {"access_token": PLACEHOLDER}, "form": {"client_secret": PLACEHOLDER}},
        "Basic information for the bearer of this letter; the key is under the mat.",
        "Das Passwort hat mindestens 14 Zeichen. https://example.com/a@b:c",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAB",
    ],
)
def test_ordinary_content_is_no_secret(content: Any) -> None:
    assert find_secrets(content) == []


def recorded_once(request: Request, response: dict[str, Any], **options: Any) -> str:
    """Record one request and its answer, without anybody sending them."""
    vcr = cassettes.recorder(cassettes.Rules(**options))
    tape = vcr.use_cassette("never written")
    with tape as playing:
        playing.append(request, response)
        playing.dirty = False
    pair = {"request": playing.requests[0]._to_dict(), "response": playing.responses[0]}
    return vcr.serializers[cassettes.SERIALIZER].serialize({"interactions": [pair]})


def answer(body: bytes, kind: str = "application/json", **headers: str) -> dict[str, Any]:
    return {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Type": [kind]} | {name: [value] for name, value in headers.items()},
        "body": {"string": body},
    }


URL = "https://sovrgpt.com/api/v1/chat/completions"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        pytest.param(
            Request("POST", URL, b"{}", JSON | {"Authorization": "Bearer hushhush-secret"}),
            answer(b'{"error":"wrong key hushhush-secret"}', **{"Set-Cookie": "hushhush-secret"}),
            id="header",
        ),
        pytest.param(
            Request("POST", URL, b"{}", {"x-api-key": "hushhush-secret", "Cookie": "a=hushhush"}),
            answer(b'data: {"echo":"hushhush-secret"}\n\n', "text/event-stream"),
            id="stream",
        ),
        pytest.param(
            Request("POST", URL, b'{"password": "hushhush", "x": [{"apiKey": "hushhush"}]}', JSON),
            answer(b'{"access_token": "hushhush", "id_token": "hushhush"}'),
            id="json",
        ),
        pytest.param(
            Request(
                "POST",
                "https://id.neuroflash.com/oauth/v2/token",
                b"grant_type=client_credentials&client_secret=hushhush%2Fsecret",
                {"Content-Type": "application/x-www-form-urlencoded"},
            ),
            answer(b'{"access_token":"hushhush-token","hint":"hushhush/secret"}'),
            id="form",
        ),
        pytest.param(
            Request("GET", "https://anna:hushhush@sovrgpt.com/api/v1/m?key=hushhush&a=1", None, {}),
            answer(b"", Location="https://sovrgpt.com/?access_token=hushhush"),
            id="url",
        ),
        pytest.param(
            Request("POST", URL, b"{}", {"Authorization": "Basic YW5uYTpodXNoaHVzaC1zZWNyZXQ="}),
            answer(b"who is hushhush-secret? YW5uYTpodXNoaHVzaC1zZWNyZXQ=", "text/plain"),
            id="basic",
        ),
        pytest.param(
            Request("POST", URL, b'{"a":"the hushhush-secret, aHVzaGh1c2gtc2VjcmV0"}', JSON),
            answer(b"{}"),
            id="known",
        ),
    ],
)
def test_nothing_of_it_is_recorded(request_: Request, response: dict[str, Any]) -> None:
    text = recorded_once(request_, response, secrets=["hushhush-secret"])
    assert "hushhush" not in text
    assert "aHVzaGh1c2" not in text
    assert "YW5uYTpo" not in text
    assert find_secrets(cassettes.parse(text)) == []


@pytest.mark.parametrize("pattern", [KEY, JWT, f"Basic {BASIC}", "Bearer abcdefgh12345678"])
def test_what_looks_like_a_secret_is_not_recorded(pattern: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": f"Ist {pattern} gut?"}]}).encode()
    text = recorded_once(Request("POST", URL, body, JSON), answer(body))
    assert pattern not in text
    assert text.count(PLACEHOLDER) == 2
    assert find_secrets(cassettes.parse(text)) == []


def test_the_environments_keys_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOVRGPT_API_KEY", "an-unusual-form-of-key")
    monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", "and-another-secret")
    body = b'{"a":"an-unusual-form-of-key and-another-secret"}'
    text = recorded_once(Request("POST", URL, body, JSON), answer(body))
    assert "unusual" not in text
    assert "another" not in text


def test_private_names_have_their_stand_in() -> None:
    headers = JSON | {"x-workspace-id": "ws-4711"}
    request = Request("POST", URL, b'{"workspace":"ws-4711"}', headers)
    text = recorded_once(request, answer(b"{}"), stand_ins={"ws-4711": "emulator-workspace"})
    assert "4711" not in text
    assert cassettes.parse(text)["interactions"][0]["request"] == {
        "method": "POST",
        "url": URL,
        "headers": {"content-type": "application/json", "x-workspace-id": "emulator-workspace"},
        "json": {"workspace": "emulator-workspace"},
    }


def test_headers_are_kept_by_name_alone() -> None:
    request = Request("POST", URL, b"{}", JSON | {"Accept": "text/event-stream", "User-Agent": "x"})
    kept = {"x-request-id": "r-1", "retry-after": "2"}
    text = recorded_once(request, answer(b"{}", **kept, **{"x-organization": "Muster GmbH"}))
    [one] = cassettes.parse(text)["interactions"]
    assert one["request"]["headers"] == {
        "accept": "text/event-stream",
        "content-type": "application/json",
    }
    assert one["response"]["headers"] == {"content-type": "application/json", **kept}


def test_the_emulators_version_is_no_place_for_a_secret() -> None:
    text = recorded_once(Request("GET", URL, b"", {}), answer(b"", Server=f"dsgvo-emulator/{KEY}"))
    assert cassettes.parse(text)["origin"] == f"emulator {PLACEHOLDER}"


V = "Zq-hushhush/v4lue"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = {"access_token": V}
PEM = f"-----BEGIN PRIVATE KEY-----\nMIIE{V}\n-----END PRIVATE KEY-----\n"
UPLOAD = b'--b\r\nContent-Disposition: form-data; name="client_secret"\r\n\r\n%b\r\n--b--\r\n'
ECHO = {"text": f"{V} again", "encoded": base64.b64encode(f"<{V}>".encode()).decode().rstrip("=")}
IN_A_STRING = {"arguments": json.dumps({"password": [V], "n": {"password": V}})}


def asked(body: Any = b"{}", path: str = "", **headers: str) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", URL + path, data, JSON | names)


def told(body: Any = b"{}", kind: str = "application/json", **headers: str) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer(data, kind, **{name.replace("_", "-"): one for name, one in headers.items()})


PLACES: dict[str, tuple[Request, dict[str, Any]]] = {
    "a multipart field": (
        asked(UPLOAD % V.encode(), Content_Type="multipart/form-data; boundary=b"),
        told(),
    ),
    "Set-Cookie": (asked(), told(ECHO, Set_Cookie=f"session={V}; Path=/; HttpOnly")),
    "Cookie": (asked(Cookie=f"a=b; session={V}"), told(ECHO)),
    "gzip": (asked(gzip.compress(json.dumps(TOKEN).encode()), Content_Encoding="gzip"), told()),
    "deflate": (
        asked(zlib.compress(json.dumps(TOKEN).encode()), Content_Encoding="deflate"),
        told(),
    ),
    "a gzipped form": (
        asked(gzip.compress(f"token={V}".encode()), Content_Encoding="gzip", **FORM),
        told(),
    ),
    "latin-1": (
        asked(),
        told(json.dumps(TOKEN | {"ä": "ß"}, ensure_ascii=False).encode("latin-1")),
    ),
    "UTF-16": (asked(json.dumps(TOKEN).encode("utf-16")), told()),
    "UTF-16 without a mark": (asked(), told(json.dumps(TOKEN).encode("utf-16-le"))),
    "bytes": (
        asked(b"\xff\0 password=" + V.encode(), Content_Type="application/octet-stream"),
        told(),
    ),
    "UTF-16 of no type": (Request("POST", URL, json.dumps(TOKEN).encode("utf-16"), {}), told()),
    "a form of no type": (Request("POST", URL, f"token={V}&a=b".encode(), {}), told(ECHO)),
    "an object": (asked({"api_key": {"value": V}}), told()),
    "an echo of JSON": (asked({"client_secret": V}), told(ECHO)),
    "an echo of a form": (asked(f"client_secret={quote(V)}".encode(), **FORM), told(ECHO)),
    "a field token": (asked({"token": V}), told(ECHO)),
    "a form's token": (asked(f"token={quote(V)}".encode(), **FORM), told(ECHO)),
    "a form's code": (asked(f"grant_type=x&code={quote(V)}".encode(), **FORM), told(ECHO)),
    "X-Amz-Signature": (asked(path=f"?X-Amz-Signature={V}"), told(ECHO)),
    "jwt": (asked(path=f"?a=1&jwt={V}"), told(ECHO)),
    "pwd": (asked({"link": f"https://example.com/?pwd={V}"}), told()),
    "a parameter of Authorization": (asked(Authorization=f'Token token="{V}"'), told(ECHO)),
    "a private key": (asked({"file": PEM}), told(PEM.encode(), "text/plain")),
    "a list in a form": (
        asked(f"scope=a&scope=b&client_secret={quote(V)}".encode(), **FORM),
        told(),
    ),
    "a form in lower case": (
        asked(f"scope=a%20b&client_secret={quote(V, safe='').lower()}".encode(), **FORM),
        told(V.lower().encode(), "text/plain"),
    ),
    "arguments": (asked(IN_A_STRING), told(IN_A_STRING)),
    "a list": (asked({"password": [V]}), told()),
    "a key": (asked({V: 1}, x_api_key=V), told()),
    "events": (asked(), told(f"data: {json.dumps(TOKEN)}\n\n".encode(), "text/event-stream")),
    "a form as an answer": (asked(), told(f"access_token={V}&token_type=x".encode(), "text/plain")),
    "NDJSON": (asked(), told(b'{"a":1}\n%b\n' % json.dumps(TOKEN).encode(), "text/plain")),
    "a mark before JSON": (asked(), told(json.dumps(TOKEN).encode("utf-8-sig"))),
    "JSON that is none": (asked(), told(b'{"a":1,"a":2,"access_token" : "%b", }' % V.encode())),
    "JSON that breaks off": (asked(), told(b'{"access_token":"%b' % V.encode())),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_place_lets_a_secret_through(place: str) -> None:
    text = recorded_once(*PLACES[place])
    encoded = [base64.b64encode(f"{before}{V}".encode())[4:-4].decode() for before in ("", "<")]
    for form in (V, V.lower(), quote(V, safe=""), quote(V, safe="").lower(), *encoded):
        assert form not in text
    assert "base64:" not in text
    assert PLACEHOLDER in text
    assert find_secrets(cassettes.parse(text), [V]) == find_secrets(text, [V]) == []


NAMES = (
    *("api_token", "apiToken", "api_keys", "access_tokens", "csrf_token", "private-token", "auth"),
    *("user_token", "sessionToken", "session_id", "credential", "credentials", "myApiKey"),
    *("NEUROFLASH_CLIENT_SECRET", "client_secrets", "x-api-key", "old_passwords"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_telling_name_gives_a_secret_away(name: str) -> None:
    body = {name: V, "more": {"headers": [{name: V}], "text": f"https://example.com/?{name}={V}"}}
    text = recorded_once(asked(body, f"?a=b&{name}={V}"), told(json.dumps({"text": body})))
    assert V not in text
    assert text.count(PLACEHOLDER) == 7
    assert [finding.where for finding in find_secrets({"json": {name: V}})] == [f"json.{name}"]


@pytest.mark.parametrize(
    "header",
    [
        *("Authorization", "Proxy-Authorization", "Token", "Private-Token", "X-Auth", "X-Session"),
        *("Api-Key", "X-ApiKey", "Ocp-Apim-Subscription-Key", "X-Goog-Api-Key", "X-Amz-Secret"),
    ],
)
def test_a_header_gives_a_secret_away(header: str) -> None:
    assert V not in recorded_once(asked(**{header: V}), told(ECHO))


@pytest.mark.parametrize("secret", ["Regenbogen Kaffeetasse Fahrrad", V, f"Bearer {V}"])
def test_a_secret_that_is_named_is_taken_out_as_a_whole(secret: str) -> None:
    text = recorded_once(asked(), told({"text": f"Sie lautet {secret}."}), secrets=[secret])
    assert f"Sie lautet {PLACEHOLDER}." in text


def test_other_headers_give_nothing_away() -> None:
    harmless = {
        "X-RateLimit-Remaining-Tokens": "149999984",
        "WWW-Authenticate": "Organisation",
        "Keep-Alive": "timeout=30",
        "X-Monkey": "Schimpanse",
    }
    said = " ".join(harmless.values())
    text = recorded_once(asked(), told({"text": said}, **harmless))
    assert said in text


BASE64_KEY = base64.b64encode(KEY.encode()).decode()
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "password",
                "x-api-key",
                "token",
                "authorization",
                "Set-Cookie",
                "code",
                "grant_type",
            ),
            *(":", "=", "&", "?", "; ", ", ", " ", "\n", '"', "'", "\\", "[", "]", "{", "}", "%22"),
            *("Bearer ", "Basic ", "data: ", "https://", "@", "-----BEGIN PRIVATE KEY-----", "ä"),
            *(V, quote(V, safe=""), KEY, BASE64_KEY, JWT, PASSWORD, BASIC),
            *(PLACEHOLDER, "12345678", "kurz", "Hallo Welt"),
        ]
    ),
    max_size=12,
).map("".join)
BODIES = st.recursive(
    PIECES | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(PIECES, inner, max_size=3)
        | inner.map(json.dumps)
    ),
    max_leaves=6,
)


@example({"password": "Geheimnis für alle"}, "", "")
@given(BODIES, BODIES, PIECES)
def test_the_scan_finds_nothing_that_the_rules_let_through(
    sent: Any, received: Any, query: str
) -> None:
    kind = "application/json" if isinstance(received, dict | list) else "text/plain"
    body = received.encode() if isinstance(received, str) else received
    request = asked(sent, "?" + quote(query, safe="&="), x_api_key=V)
    text = recorded_once(request, told(body, kind))
    assert find_secrets(cassettes.parse(text), [V]) == []
    assert V not in text


@example(f"Bearer {BASE64_KEY}{V}", "")
@given(BODIES, PIECES)
def test_a_request_finds_its_recording_without_its_secrets(sent: Any, query: str) -> None:
    request = asked(sent, "?" + quote(query, safe="&="), x_api_key=V)
    kept = cassettes.Rules().request(request)
    again = cassettes.Rules().request(deepcopy(kept))
    assert (again.method, again.uri, again.headers) == (kept.method, kept.uri, kept.headers)
    same_body(again, kept)


ORDINARY = {
    "usage": {"total_tokens": 12345678, "prompt_tokens": 1, "max_tokens": 5, "token": "Rechnung"},
    "error": {"code": "invalid_request_error_of_some_kind"},
    "logprobs": [{"token": "0123456789abcdef", "logprob": -1}],
    "tools": [{"properties": {"password": {"description": "Das Passwort", "type": "string"}}}],
    "arguments": '{"code": "print(12345678)", "token_type": "bearer"}',
}


@pytest.mark.parametrize(
    "numbers",
    [
        array("f", (0.001 * number for number in range(-1536, 1536))).tobytes(),
        b"pwd=Yz\xbc\xbd12\xbc\xbd345\xbc678\xbd",  # few of its bytes in a row are readable
    ],
)
def test_vectors_in_base64_are_no_secrets(numbers: bytes) -> None:
    body = {"data": [{"embedding": base64.b64encode(numbers).decode()}]}
    [one] = cassettes.parse(recorded_once(asked(), told(body)))["interactions"]
    assert one["response"]["json"] == body
    assert find_secrets(one) == []


def test_ordinary_fields_are_recorded_as_they_are() -> None:
    [one] = cassettes.parse(recorded_once(asked(ORDINARY), told(ORDINARY)))["interactions"]
    assert one["request"]["json"] == one["response"]["json"] == ORDINARY
