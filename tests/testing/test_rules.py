"""What is hidden, when a request is the recorded one, and how a cassette reads."""

import html
import json
from base64 import b64decode
from contextlib import nullcontext
from itertools import product
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from vcr.request import Request

from dsgvo import testing
from dsgvo.testing import _layout
from dsgvo.testing._rules import Rules, same_request

V = "hush/hush+secret="
URL = "https://sovrgpt.com/api/v1/chat/completions"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
FIELD = b'--x\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n%b\r\n--x--\r\n'
ECHO = json.dumps({"text": f"{V} {quote(V, safe='')}", "json": json.dumps(V)}).encode()


def asked(body: Any = b"{}", url: str = URL, kind: str = JSON, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", url, data, {"content-type": kind} | named)


def told(body: bytes = ECHO, **headers: str) -> dict[str, Any]:
    named = {"Content-Type": JSON} | {name.replace("_", "-"): headers[name] for name in headers}
    lists = {name: value.split("|") for name, value in named.items()}
    return {"status": {"code": 200}, "headers": lists, "body": {"string": body}}


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (asked(Authorization=f"Bearer {V}"), told()),
        (asked(x_workspace_id=V), told()),
        (asked(), told(Set_Cookie=f'a="{V}"; Path=/')),
        (asked({"a": [{"session_token": V}], "jwt": V}), told()),
        (asked(f"scope=a,b&client_secret={quote(V, safe='')}".encode(), kind=FORM), told()),
        (asked(FIELD % V.encode(), kind="multipart/form-data; boundary=x"), told()),
        (asked(), told(b'{"password": "%b", "probability": NaN}' % V.encode())),
        (asked(url=f"{URL}?X-Sub-Key={quote(V, safe='')}&sig={quote(V, safe='')}&a=1"), told()),
        (asked(url=f"https://anna:{quote(V, safe='')}@sovrgpt.com/api"), told(b"{}")),
        (asked(), told(json.dumps({"before": V, "access_token": V, "after": V}).encode())),
        (asked({"a": json.dumps({"b": json.dumps({"api_key": V})}), "c": V}), told()),
        (asked(), told(Set_Cookie=f"a=1|session={V}; Path=/", x_organization=V)),
        (asked(), told(b'{"url": "https://a.de?\\u0026sig=%b"}' % quote(V, safe="").encode())),
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(request_: Any, response: Any) -> None:
    rules = testing.recorder().get_merged_config()
    kept = rules["before_record_request"](request_)
    pair = {"request": kept._to_dict(), "response": rules["before_record_response"](response)}
    text = rules["serializer"].serialize({"interactions": [pair]})
    assert [one for one in ("hush", "anna") if one in text] == []
    # A replay finds it: what is recorded stays as it is if it comes again.
    recorded = Request(**_layout.deserialize(text)["interactions"][0]["request"])
    same_request(testing.recorder().get_merged_config()["before_record_request"](kept), recorded)


FIRM = 'Müller & "Söhne" GmbH, O\'Neil/AG \U0001f600'
ASCII = json.dumps(FIRM)[1:-1]


def test_a_hidden_text_is_found_in_any_form_and_an_answer_says_whose_it_is() -> None:
    shown = Rules({FIRM: "<firm>", "": "x", "€": "j"})._shown
    twice = json.dumps(json.dumps(FIRM))[3:-3]
    forms = [FIRM, quote(FIRM), quote_plus(FIRM), ASCII, twice, html.escape(FIRM)]
    forms += [ASCII.replace("/", "\\/"), FIRM.replace("'", "''"), quote(FIRM).replace("C3", "c3")]
    assert shown("\n".join(forms)) == "\n".join(["<firm>"] * len(forms))
    for encoding, before in product(("utf-8", "utf-16", "utf-16-be"), (b"", b"a", b"bc")):
        data = before + FIRM.encode(encoding) + b"\xff"
        kept = b64decode(shown(_layout.to_entry(data)["base64"]))
        assert FIRM[2:9].encode(encoding)[2:] not in kept
        assert json.loads(Rules().request(asked(data)).body).keys() == {"sha256"}
    for server, origin in (("nginx", "live 2"), ("dsgvo-emulator/1.0", "emulator 1.0")):
        [kept] = Rules().response(told(Server=server))["headers"]["x-recorded-from"]
        assert kept.startswith(origin)


def test_ordinary_fields_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOVRGPT_API_KEY", "an-unusual-key")
    body = {"tools": [{"properties": {"password": {"type": "string"}}}], "token": "x" * 9}
    assert json.loads(Rules().request(asked(body)).body) == body
    shown = Rules({"Muster GmbH": "<firm>"}).request(asked({"a": "Muster GmbH, an-unusual-key"}))
    assert json.loads(shown.body) == {"a": "<firm>, SCRUBBED"}


PART = b'--%b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n%b\r\n--%b--\r\n'


def upload(boundary: bytes, data: bytes) -> Any:
    kind = f"multipart/form-data; boundary={boundary.decode()}"
    return Rules().request(asked(PART % (boundary, data, boundary), kind=kind))


@pytest.mark.parametrize(
    ("here", "there", "difference"),
    [
        (asked(b'{"a": 1, "b":"\\u00e4"}'), asked('{"b":"ä","a":1}'.encode()), ""),
        (asked(b'{"a":1}'), asked(b'{"a":1.0}'), '-  "a": 1.0'),
        (asked(accept=JSON), asked(accept=FORM), f'-  "accept": "{FORM}"'),
        (asked(x_workspace_id="w"), asked(), '+  "x-workspace-id": "w"'),
        (upload(b"one", b"%PDF"), upload(b"one", b"%pdf"), '"sha256"'),
    ],
)
def test_all_matters_but_order_and_white_space(here: Any, there: Any, difference: str) -> None:
    with pytest.raises(AssertionError) if difference else nullcontext() as caught:
        same_request(here, there)
    assert difference in str(caught and caught.value)
