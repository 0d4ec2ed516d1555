"""The server itself: starting, stopping, many at once, and what it leaves behind."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import Reply, Server
from tests.processes import next_line, started

BODY = {"model": "m", "messages": [{"role": "user", "content": "Sag: hallo"}], "stream": True}


def chat(server: Server) -> dict[str, Any]:
    """Return a request, as httpx takes it."""
    url = server.base_url("sovrgpt") + "/chat/completions"
    return {"url": url, "json": BODY, "headers": {"authorization": f"Bearer {server.api_key}"}}


def post(server: Server) -> httpx.Response:
    return httpx.post(**chat(server), trust_env=False)


def test_several_run_at_once_and_stop() -> None:
    with emulator.running() as one, emulator.running(pace=0.001) as two:
        assert one.url != two.url
        assert post(one).status_code == post(two).status_code == 200
        assert (len(one.requests), len(two.requests)) == (1, 1)
    with pytest.raises(httpx.ConnectError):
        post(one)


def test_it_stops_in_the_middle_of_a_stream() -> None:
    with httpx.Client(trust_env=False) as client:
        with emulator.running(pace=60) as server:
            answer = client.send(client.build_request("POST", **chat(server)), stream=True)
            # A pace slows a stream and no one else.
            client.get(server.base_url("neuroflash") + "/health")
        with pytest.raises(httpx.HTTPError):
            answer.read()
        answer.close()


def test_a_taken_port_is_an_error(server: Server) -> None:
    with pytest.raises(OSError, match="in use"), emulator.running(port=server.port):
        pass


def test_an_unknown_vendor_is_named(server: Server) -> None:
    with pytest.raises(ValueError, match=r"'openai'.*innogpt, meingpt, neuroflash, sovrgpt"):
        server.base_url("openai")
    with pytest.raises(ValueError, match="innoGPT has no token endpoint"):
        server.token_url("innogpt")
    assert server.token_url("neuroflash") == server.url + "/neuroflash/oauth/v2/token"


def test_environ_points_clients_here(server: Server) -> None:
    assert server.environ("neuroflash") == {
        "NEUROFLASH_API_KEY": server.api_key,
        "NEUROFLASH_BASE_URL": server.url + "/neuroflash/api/ds-prototypes",
        "NEUROFLASH_WORKSPACE_ID": server.workspace_id,
    }
    assert set(server.environ("sovrgpt")) == {"SOVRGPT_API_KEY", "SOVRGPT_BASE_URL"}


def test_tokens_live_as_long_as_asked_for() -> None:
    with emulator.running(token_seconds=0) as server, httpx.Client(trust_env=False) as client:
        who = {"client_id": server.client_id, "client_secret": server.client_secret}
        form = {"grant_type": "client_credentials", "scope": "openid", **who}
        token = client.post(server.token_url("neuroflash"), data=form).json()
        assert token["expires_in"] == 0
        opens = {"authorization": f"Bearer {token['access_token']}"}
        answer = client.get(server.base_url("neuroflash") + "/health", headers=opens)
        assert answer.json()["code"] == "invalid_api_key"


@pytest.mark.slow
async def test_500_streams_at_once_and_half_of_them_abandoned() -> None:
    pieces = [f"{number} " for number in range(20)]
    with emulator.running(record=False) as server:
        server.script("sovrgpt", *[Reply(chunks=pieces, pace=0.01)] * 500)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=60) as client:

            async def read(number: int) -> str:
                text = ""
                async with client.stream("POST", **chat(server)) as answer:
                    async for line in answer.aiter_lines():
                        found = re.search(r'"content":"(\d+ )"', line)
                        text += found[1] if found else ""
                        if number % 2 and text:
                            break
                return text

            texts = await asyncio.gather(*(read(number) for number in range(500)))
        assert all(text == "".join(pieces) for text in texts[::2])
        assert all(text == pieces[0] for text in texts[1::2])
        for _ in range(200):
            if not server.open_connections:
                break
            await asyncio.sleep(0.02)
        assert server.open_connections == 0


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_serve_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    code = (
        "from dsgvo import emulator\n"
        "emulator.serve(port=0, ready=lambda server: print(server.url, flush=True))"
    )
    with started([sys.executable, "-c", code]) as process:
        url = next_line(process).strip()
        assert httpx.get(f"{url}/sovrgpt/api/v1/models", trust_env=False).status_code == 401
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


@pytest.mark.slow
def test_a_server_left_running_does_not_hold_up_the_interpreter() -> None:
    done = run("from dsgvo import emulator; s = emulator.running(); print(s.__enter__().url)")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("http://127.0.0.1:")


def test_importing_it_imports_no_web_server_and_a_missing_one_is_named() -> None:
    done = run(
        "import sys; from dsgvo import emulator\n"
        "print([m for m in ('starlette', 'uvicorn', 'pypdf') if m in sys.modules])\n"
        "sys.modules['uvicorn'] = None\n"
        "with emulator.running(): pass"
    )
    assert done.stdout.strip() == "[]"
    assert "pip install 'dsgvo-llm[emulator]'" in done.stderr


@pytest.mark.slow
def test_a_child_after_fork_is_a_client(server: Server) -> None:
    code = (
        "import os, httpx\n"
        "from dsgvo import emulator\n"
        "with emulator.running() as server:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        url = server.url + '/sovrgpt/api/v1/models'\n"
        "        os._exit(httpx.get(url, trust_env=False).status_code != 401)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
    )
    assert run(code).returncode == 0


@pytest.mark.slow
def test_the_plugin_gives_a_fresh_server_to_each_test(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(
        "from dsgvo.emulator import Status\n"
        "import httpx\n"
        "def ask(server):\n"
        "    url = server.base_url('meingpt') + '/chat/completions'\n"
        "    key = {'authorization': 'Bearer ' + server.api_key}\n"
        "    return httpx.post(url, headers=key, json={}, trust_env=False).status_code\n"
        "def test_one(dsgvo_emulator):\n"
        "    dsgvo_emulator.script('meingpt', Status(501), Status(502))\n"
        "    assert ask(dsgvo_emulator) == 501\n"
        "def test_two(dsgvo_emulator):\n"
        "    assert dsgvo_emulator.requests == []\n"
        "    assert ask(dsgvo_emulator) == 400\n"
    )
    options = ["-pno:cacheprovider", "-pno:dsgvo", "-pno:asyncio", "-pdsgvo.testing.plugin"]
    done = run(f"import pytest; pytest.main({[*options, str(tmp_path)]!r})")
    assert "2 passed" in done.stdout, done.stdout + done.stderr
