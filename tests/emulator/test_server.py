"""The server itself: starting, stopping, and what it leaves behind."""

import re
import socket
from typing import Any

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import Server
from tests.core.support import run_python

BODY = {"model": "m", "messages": [{"role": "user", "content": "Sag: hallo"}], "stream": True}
UNASKED = """print([m for m in ("starlette", "uvicorn", "pypdf") if m in sys.modules])
sys.modules["uvicorn"] = None
try:
    emulator.running().__enter__()
except ImportError as error:
    print(error)
"""
LEFT_RUNNING = "s = emulator.running(); print(s.__enter__().url)"


def chat(server: Server) -> dict[str, Any]:
    """Return a request, as httpx takes it."""
    url = server.base_url("sovrgpt") + "/chat/completions"
    return {"url": url, "json": BODY, "headers": {"authorization": f"Bearer {server.api_key}"}}


def test_several_run_at_once_and_stop() -> None:
    with emulator.running() as one, emulator.running(pace=0.001, record=False) as two:
        answers = [httpx.post(**chat(server), trust_env=False) for server in (one, two)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert (len(one.requests), len(two.requests)) == (1, 0)
    with pytest.raises(httpx.ConnectError):
        httpx.post(**chat(one), trust_env=False)


def test_it_stops_in_the_middle_of_a_stream(caplog: pytest.LogCaptureFixture) -> None:
    with httpx.Client(trust_env=False) as client:
        with emulator.running(pace=60) as server:
            answer = client.send(client.build_request("POST", **chat(server)), stream=True)
            # A pace slows a stream and no one else.
            client.get(server.base_url("neuroflash") + "/health")
        with pytest.raises(httpx.HTTPError):
            answer.read()
    assert caplog.records == []


def test_what_a_client_does_is_no_fault(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    begun = b"POST /sovrgpt HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{"
    for sent in (begun, b"GET ? HTTP/1.1\r\nhost: [\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)  # it leaves in the middle of its body
            assert client.recv(1024)[9:12] in (b"", b"404")
    assert caplog.records == []


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        (UNASKED, r"\[\]\n.* needs uvicorn: pip install 'dsgvo-llm\[emulator\]'"),
        pytest.param(LEFT_RUNNING, r"http://127.0.0.1:\d+", marks=pytest.mark.slow),
    ],
)
def test_what_it_does_to_a_program(code: str, printed: str) -> None:
    told = run_python(f"import sys\nfrom dsgvo import emulator\n{code}")
    assert re.fullmatch(printed, told.decode().strip())
