"""The file: what comes out of it is what went in, and people can read it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from dsgvo.emulator import cassettes
from dsgvo.emulator.cassettes.bodies import canonical, laid_out, packed, without_boundary
from dsgvo.emulator.cassettes.layout import deserialize, parse, render, serialize
from tests.cassettes.support import named, recorded

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def interaction(**changes: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "uri": "https://sovrgpt.com/api/v1/chat/completions",
        "headers": {"content-type": ["application/json"]},
        "body": '{"model":"qwen3.5-9b","messages":[{"role":"user","content":"Grüße,\\nAnna"}]}',
    }
    response = {
        "status": {"code": 200, "message": None},
        "headers": {"content-type": ["application/json"], "server": ["dsgvo-emulator/0.1.0"]},
        "body": {"string": '{"id":"1","usage":null}'},
    }
    return {"request": request | changes.pop("request", {}), "response": response | changes}


def test_a_cassette_reads_like_this() -> None:
    stream = interaction(
        headers={"content-type": ["text/event-stream"], "server": ["dsgvo-emulator/0.1.0"]},
        body={"string": 'data: {"content":"Hallo "}\n\ndata: [DONE]\n\n'},
    )
    assert serialize({"interactions": [stream, interaction()]}) == snapshot("""\
origin: emulator 0.1.0
interactions:
- request:
    method: POST
    url: https://sovrgpt.com/api/v1/chat/completions
    headers:
      content-type: application/json
    json:
      model: qwen3.5-9b
      messages:
      - role: user
        content: |-
          Grüße,
          Anna
  response:
    status: 200
    headers:
      content-type: text/event-stream
    sse: |+
      data: {"content":"Hallo "}

      data: [DONE]

- request:
    method: POST
    url: https://sovrgpt.com/api/v1/chat/completions
    headers:
      content-type: application/json
    json:
      model: qwen3.5-9b
      messages:
      - role: user
        content: |-
          Grüße,
          Anna
  response:
    status: 200
    headers:
      content-type: application/json
    json:
      id: '1'
      usage: null
""")


@pytest.mark.parametrize("path", recorded(), ids=named)
def test_every_cassette_is_in_this_form(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    cassette = parse(text)
    assert render(cassette["origin"], cassette["interactions"]) == text
    assert re.fullmatch(r"emulator \d\S*|live \d{4}-\d\d-\d\d", cassette["origin"])
    assert cassette["interactions"]
    for one in cassette["interactions"]:
        assert one["request"]["url"].startswith("https://")
        assert not {"base64", "text"} & (one["request"].keys() | one["response"].keys())


@example(None, "a\x85\u2028\ufeff\r\n b \n")
@given(VALUES, TEXT)
def test_what_is_written_is_read(value: Any, text: str) -> None:
    one = {"request": {"json": {"value": value}}, "response": {"sse": text, "status": 200}}
    assert repr(parse(render("live 2026-01-01", [one, one]))["interactions"]) == repr([one, one])


@given(st.binary(max_size=60) | TEXT.map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_bodies_come_back(body: bytes) -> None:
    for kind in ("application/json", "text/event-stream", "application/x-www-form-urlencoded", ""):
        again = packed(laid_out(body, kind))
        assert again == body or json.loads(again) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        (b"", "application/json", {}),
        (b'{"a": 1}', "application/json; charset=utf-8", {"json": {"a": 1}}),
        (b'{"a": 1', "application/json", {"text": '{"a": 1'}),
        (b'{"a": 1, "a": 2}', "application/json", {"text": '{"a": 1, "a": 2}'}),
        (b'{"a": NaN}', "application/json", {"text": '{"a": NaN}'}),
        (b'{"a": 1e999}', "application/json", {"text": '{"a": 1e999}'}),
        (b"data: 1\r\n\r\n", "text/event-stream", {"newlines": "crlf", "sse": "data: 1\n\n"}),
        (b"data: 1\r\n\n", "text/event-stream", {"sse": "data: 1\r\n\n"}),
        (b"<html>", "text/html", {"text": "<html>"}),
        (b"\xff", "text/plain", {"base64": "/w=="}),
        (b"a=1&b=%C3%A4", "application/x-www-form-urlencoded", {"form": {"a": "1", "b": "ä"}}),
        (b"a=1&a=2", "application/x-www-form-urlencoded", {"text": "a=1&a=2"}),
    ],
)
def test_each_body_has_its_form(body: bytes, kind: str, shown: dict[str, Any]) -> None:
    assert laid_out(body, kind) == shown
    assert packed(shown) == body or json.loads(packed(shown)) == json.loads(body)


def test_uploads_are_shown_by_their_digest() -> None:
    def upload(boundary: str) -> bytes:
        lines = (
            f"--{boundary}",
            'Content-Disposition: form-data; name="payload"',
            "",
            '{"model": "gpt-5"}',
            f"--{boundary}",
            'Content-Disposition: form-data; name="file"; filename="Prüfung.pdf"',
            "Content-Type: application/pdf",
            "",
            "%PDF",
            f"--{boundary}--",
            "",
        )
        kind = f"multipart/form-data; boundary={boundary}"
        return without_boundary("\r\n".join(lines).encode(), kind)

    assert upload("one") == upload("another")
    assert laid_out(upload("one"), "multipart/form-data") == {
        "multipart": [
            {"name": "payload", "json": {"model": "gpt-5"}},
            {
                "name": "file",
                "filename": "Prüfung.pdf",
                "type": "application/pdf",
                "size": 4,
                "sha256": hashlib.sha256(b"%PDF").hexdigest(),
            },
        ]
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1,"b":[2]}', b'{ "b": [2],\n"a": 1 }'),
        (b'{"a":"\\u00e4"}', '{"a":"ä"}'.encode()),
    ],
)
def test_order_and_white_space_do_not_matter(one: bytes, other: bytes) -> None:
    assert canonical(one, "application/json") == canonical(other, "application/json")


@pytest.mark.parametrize(
    "other",
    [
        *(b'{"a":2}', b'{"a":1.0}', b'{"a":true}', b'{"a":"1"}', b'{"a":null}', b'{"a":[1]}'),
        *(b'{"a":1,"b":null}', b'{"A":1}', b'{"a":1', b"{}", b""),
    ],
)
def test_everything_else_matters(other: bytes) -> None:
    assert canonical(b'{"a":1}', "application/json") != canonical(other, "application/json")


def test_origins_come_back() -> None:
    for server, origin in (
        ({"server": ["dsgvo-emulator/9.8"]}, "emulator 9.8"),
        ({"date": ["Sat, 21 Nov 2026 10:00:00 GMT"]}, "live 2026-11-21"),
    ):
        text = serialize({"interactions": [interaction(headers=server)]})
        assert parse(text)["origin"] == origin
        data = deserialize(text)["interactions"]
        assert parse(serialize({"interactions": data}))["origin"] == origin


def test_origins_are_not_mixed() -> None:
    for headers in ({}, {"server": ["nginx"]}, {"server": ["dsgvo-emulator/9.8"]}):
        text = serialize({"interactions": [interaction(), interaction(headers=headers)]})
        assert parse(text)["origin"] == "mixed"
        with pytest.raises(cassettes.CassetteError, match="delete it and record it whole"):
            deserialize(text)


@pytest.mark.parametrize("day", ["gestern", "", "Sat, 21 Nov 2026 10:00:00 -0000"])
def test_an_answer_may_have_a_date_that_is_none(day: str) -> None:
    answers = [interaction(headers={"date": [one]}) for one in ("Thu, 01 Jan 2026 0:0:0 GMT", day)]
    text = serialize({"interactions": answers})
    assert parse(text)["origin"] == f"live {'2026-11-21' if '2026' in day else '2026-01-01'}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\ninteractions: []\n", "delete it and record it anew"),
        ("- 1\n", "delete it and record it anew"),
        ("a: [", "is no YAML"),
    ],
)
def test_what_is_no_cassette_is_refused(text: str, message: str) -> None:
    with pytest.raises(cassettes.CassetteError, match=message):
        parse(text)


def test_an_origin_that_says_nothing_is_refused() -> None:
    with pytest.raises(cassettes.CassetteError, match="neither"):
        deserialize(render("yesterday", []))
