"""Secrets stay: keys, prompts and answers do not show, whatever goes wrong."""

import logging
import os
import traceback
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from dsgvo import emulator, errors
from dsgvo.emulator import Delay, ErrorEvent, Raw, Reply, Server, Status, Step, Truncate
from dsgvo.transport import _pools, _request
from tests.core.support import Mode, answer, client_credentials, http, in_one_mode, raw_server, sse
from tests.core.transport.calls import CALLS, calls

PROMPT = "Patientin Erika Beispiel, geboren am 1. 2. 1980, IBAN DE02 1203 0000 0000 2020 51"
ANSWER = "Frau Beispiel hat Blutgruppe AB negativ und wohnt in der Musterstraße"
MESSAGES, SECRET = [{"role": "user", "content": PROMPT}], "sk-Hunter2-4711-geheim"
OWN = "ein/Geheimnis=0815"  # which does not look like a key
QUOTED = f"Invalid request: {PROMPT!r} is not allowed"
FAULTS: dict[str, list[Step]] = {
    "400 that quotes": [Status(400, message=QUOTED, code="x")],
    "400 of FastAPI": [Status(400, {"detail": [{"loc": [], "msg": QUOTED, "input": PROMPT}]})],
    "dropped": [emulator.Disconnect()] * 3,
    "silence": [Delay(30)],
    "stream dropped": [Truncate(6, False, reply=Reply(ANSWER, stream=True))],
    "error event": [ErrorEvent(5, {"message": QUOTED}, reply=Reply(ANSWER, stream=True))],
    "veto": [Raw(chunks=[sse({"choices": [{"delta": {"content": ANSWER}}]}, {"error": ANSWER})])],
    "error under success": [Status(200, {"error": {"message": QUOTED, "code": PROMPT}})],
    "login page": [Status(200, f"<html><title>{PROMPT}</title>")],
    "no JSON": [Raw(headers={"content-type": "text/plain"}, chunks=[ANSWER.encode()])],
    "stream without JSON": [Raw(chunks=[f"data: {ANSWER}\n\n".encode()])],
    "wrong shape": [Raw(chunks=[sse({"choices": [{"delta": ANSWER}]})])],
}


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        for led in {error.__cause__, error.__context__}:
            yield from chain_of(led)


def everything_said(error: BaseException) -> str:
    """Return all that a log or a crash report would show of an error and what led to it."""
    said = [*traceback.format_exception(error)]
    for one in chain_of(error):
        said.append(f"{one} {one!r} {getattr(one, '__notes__', '')}")
        if isinstance(one, errors.DsgvoError):
            said.append(f"{one.message} {one.code} {one.request_id}")
    return "\n".join(said)


def locals_of(error: BaseException) -> Iterator[str]:
    """Yield what tracebacks with locals, as rich's and Sentry's, show of frames not of a test."""
    for one in chain_of(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if f"{os.sep}tests{os.sep}" not in frame.f_code.co_filename:
                yield repr(frame.f_locals)


def check(said: str, *secrets: str, error: BaseException | None = None) -> None:
    """Nothing secret is in a text; of an error, in all that it says and its frames hold."""
    said += everything_said(error) if error else ""
    for secret in (*secrets, "Erika", "DE02", "Blutgruppe", "Musterstraße"):
        assert secret not in said
    if error:
        shown = "\n".join(locals_of(error))
        assert (bool(shown), [secret for secret in secrets if secret in shown]) == (True, [])


@in_one_mode("call", {"chat": ("sovrgpt", "chat"), "stream": ("neuroflash", "stream")})
@pytest.mark.parametrize("steps", FAULTS.values(), ids=FAULTS.keys())
def test_secrets_stay_nothing_shows_when_something_fails(
    mode: Mode, server: Server, naps: list[float], caplog: Any, steps: list[Step], call: Any
) -> None:
    provider, how = call
    caplog.set_level(logging.DEBUG)
    server.script(provider, *steps)
    timeout = 0.3 if any(isinstance(step, Delay) for step in steps) else 60
    client = mode.client(provider, server, timeout=timeout, default_headers={"X-Gate": SECRET})
    with pytest.raises(errors.APIError) as caught:
        mode.call(client, how, MESSAGES)
    check(caplog.text + repr(client), server.api_key, SECRET, error=caught.value)
    assert len(naps) == len(steps) - 1
    assert server.requests[0].headers["authorization"] == f"Bearer {server.api_key}"
    assert server.requests[0].json["messages"] == MESSAGES


def test_secrets_stay_when_all_goes_well(mode: Mode, server: Server, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    server.script("sovrgpt", Reply(ANSWER), Status(503), Reply(ANSWER))
    client = mode.client("sovrgpt", server)
    assert mode.chat(client, MESSAGES).content == ANSWER
    assert mode.stream(client, MESSAGES)[-1].completion is not None
    assert len(mode.embed(mode.client("meingpt", server), [PROMPT])) == 1
    records = [record.getMessage() for record in caplog.records if record.name == "dsgvo"]
    post = f"POST {server.base_url('sovrgpt')}/chat/completions "
    assert records[0] == post + "200"
    assert records[1].startswith(f"{post}failed (InternalServerError); attempt 2 of 3 in ")
    check(caplog.text, server.api_key)


@pytest.mark.parametrize(
    ("status", "given", "said"),
    [
        (401, {"api_key": OWN}, "check api_key"),
        (400, {"default_headers": {"X-Gate": OWN}}, "is wrong"),
        (400, {"default_query": {"sig": OWN}}, "is wrong"),
        (401, {"api_key": None, "client_id": "c", "client_secret": "ein-Geheimnis"}, "is wrong"),
        (307, {"api_key": None, "client_id": "c", "client_secret": "x"}, "redirects to '/\\*"),
    ],
)
def test_secrets_stay_if_repeated(mode: Mode, status: int, given: Any, said: str) -> None:
    def serve(request: bytes, _: Any) -> bytes:
        if b"/oauth/" in request:
            return http({"access_token": OWN, "expires_in": 60})
        error = {"error": f"key {OWN} at ?sig={quote(OWN, safe='')} is wrong"}
        return http(error, status=status, headers=[f"Location: /{OWN}", f"cf-ray: {OWN}"])

    with raw_server(serve) as raw:
        client = mode.client("neuroflash", raw, base_url=f"{raw.url}/api/ds-prototypes", **given)
        with pytest.raises(errors.APIError, match=said) as caught:
            mode.chat(client)
    check("", "Geheimnis", error=caught.value)
    assert caught.value.request_id == "***"


@calls
def test_secrets_stay_what_a_success_repeats(mode: Mode, what: str) -> None:
    provider, how, args = CALLS[what]
    cut, said = b'{"error": "%s geheim-4711"}' % (b"x" * 390), b'{"error": "geheim-4711"}'
    bodies = {"geheim-4711": cut, "A 7": said, "A%207": b"<title>geheim-4711"}
    for named, body in bodies.items():
        with raw_server(http(body, headers=[f"X-Request-Id: {named}"])) as raw:
            client = mode.client(provider, raw, api_key="geheim-4711", max_retries=0)
            with pytest.raises(errors.APIError) as caught:
                mode.call(client, how, *args)
        assert "gehe" not in f"{caught.value!r} {caught.value.code}"
        assert caught.value.request_id == ("***" if body == cut else None)


@pytest.mark.parametrize("step", [Status(401), Status(500), Status(200, {"access": "geheim"})])
def test_secrets_stay_client_credentials(
    mode: Mode, server: Server, naps: list[float], caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    caplog.set_level(logging.DEBUG)
    client = mode.client("neuroflash", **client_credentials(server))
    mode.chat(client)
    token = server.requests[-1].headers["authorization"].removeprefix("Bearer ")
    server.expire_tokens()
    server.script("neuroflash", *[step] * 3, path="/oauth/v2/token")
    with pytest.raises(errors.APIError) as caught:
        mode.chat(client)
    said = f"{caplog.text} {client!r} {client.config!r}"
    check(said, token, server.client_secret, error=caught.value)
    assert "geheim" not in everything_said(caught.value)


def test_secrets_stay_what_is_held_inside_does_not_show_either() -> None:
    held = SecretStr(SECRET)
    operation = _request.Operation(url="http://x", body={"messages": MESSAGES}, content=held)
    check(f"{operation!r} {_pools.Token(held, 1.0)!r}", SECRET)


def test_secrets_stay_but_content_if_asked(mode: Mode, server: Server, monkeypatch: Any) -> None:
    monkeypatch.setenv("DSGVO_SHOW_CONTENT", "1")
    server.script("sovrgpt", Status(400, message=f"bad: {PROMPT}"))
    with pytest.raises(errors.BadRequestError, match="Erika Beispiel"):
        mode.chat(mode.client("sovrgpt", server), MESSAGES)


def test_secrets_stay_cookies_are_not_kept_and_no_header_is_added(mode: Mode) -> None:
    with raw_server(http(answer(), headers=["Set-Cookie: session=geheim; Path=/"])) as raw:
        for key in ("eins", "eins", "zwei"):
            url = raw.url.replace("127.0.0.1", "localhost")
            client = mode.client("sovrgpt", api_key=key, base_url=url)
            mode.in_turn(*[lambda one=client: one.chat(MESSAGES, model="m")] * 2)
        heads = [request.partition(b"\r\n\r\n")[0].decode().lower() for request in raw.requests]
    sent = ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]
    for head in heads:
        # httpx says at each request what its connections do.
        assert sorted({line.partition(":")[0] for line in head.splitlines()[1:]}) == sent
    keys = [head.split("bearer ")[1].split("\r\n")[0] for head in heads]
    assert keys == ["eins"] * 4 + ["zwei"] * 2


@pytest.mark.parametrize("how", [KeyboardInterrupt, ArithmeticError])  # a signal's handler may
def test_secrets_stay_where_a_request_is_interrupted(how: Any, monkeypatch: Any) -> None:
    odd: Any = type("gevent", (), {"__slots__": (), "__getattr__": Mock(side_effect=OSError)})()
    own: Any = httpx.HTTPTransport()
    own._pool._close_connections = close = Mock(side_effect=[how, *[None] * 4])
    monkeypatch.setattr(_pools._Wire, "write", lambda *_, self=odd, **__: Mock(side_effect=how)())
    with raw_server(b"") as raw:
        client = Mode("sync").client("sovrgpt", raw, api_key=SECRET, http_transport=own)
        for _ in range(2):  # before it connects, and then
            with pytest.raises(how) as caught:
                Mode("sync").chat(client)
            assert SECRET not in "".join(locals_of(caught.value))
            assert own._pool.connections == []
    assert [len(call.args[0]) for call in close.mock_calls] == [0, 0, 1, 0, 0]


def test_secrets_stay_a_key_is_no_local_of_a_frame(mode: Mode) -> None:
    own: Any = {"api_key": SECRET, "default_headers": {"X-Gate": SECRET}, "max_retries": 0}
    own["base_url"] = "http://127.0.0.1:9"
    # A key with white space, what is no JSON, and a connection that is refused.
    for given, extra in (({"api_key": f"{SECRET} x"}, {}), ({}, {"metadata": object()}), ({}, {})):
        with pytest.raises(errors.DsgvoError) as caught:
            mode.call(mode.client("sovrgpt", **own | given), "chat", **extra)
        check("", SECRET, error=caught.value)


@pytest.mark.parametrize("key", [SECRET, "a1b2c3d4e5f6a7b8c9d0e1f2"])
@pytest.mark.parametrize("wrong", ["base_url", "model"])
def test_secrets_stay_a_key_in_a_wrong_place_is_not_shown(mode: Mode, wrong: str, key: str) -> None:
    given: Any = {"base_url": key} if wrong == "base_url" else {"residency": "strict"}
    with pytest.raises(errors.ConfigurationError, match=r"\(a key\?\)") as caught:
        mode.chat(mode.client("meingpt", api_key="k", **given), model=key)
    assert key not in str(caught.value)
