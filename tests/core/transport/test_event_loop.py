"""An event loop is never held up: imports, certificates and files are left to threads."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from dsgvo import file_part
from dsgvo.emulator import Server
from dsgvo.transport import _pools
from tests.core.support import HELLO, ROOT, Mode, client_credentials, run_python
from tests.vendors import MODELS

DOCUMENT = ROOT / "examples" / "handbuch" / "06-reiserichtlinie.pdf"


@pytest.fixture
def watched() -> Iterator[BlockBuster]:
    """Calls that block raise an error when they are made on a running loop's thread.

    All but the lock that coverage takes in any thread when it meets a file for the first time.
    """
    with blockbuster_ctx() as watched:
        lock = watched.functions["threading.Lock.acquire"]
        lock.can_block_in("coverage/collector.py", "lock_data")
        yield watched


ABOUT = [{"type": "text", "text": "Was steht darin?"}, file_part(path=DOCUMENT)]
MODEL = {"model": MODELS["innogpt"]}
CALLS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "chat": ("chat", HELLO, MODEL),
    "stream": ("stream", HELLO, MODEL),
    "embed": ("embed", ["Text"] * 300, {}),
    "an upload": ("chat", [{"role": "user", "content": ABOUT}], MODEL),
    "an image in a folder": ("generate_image", "ein Icon", {"save_to": ""}),
    "an image in a file": ("generate_image", "ein Icon", {"save_to": "a.png"}),
}


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("how", "about", "more"), CALLS.values(), ids=CALLS.keys())
def test_no_call_holds_up_the_loop(
    async_mode: Mode,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    about: Any,
    more: dict[str, Any],
) -> None:
    monkeypatch.setattr(_pools.runtime.pools, "ssl", None)  # as for a process's first request
    if "save_to" in more:
        more = {"save_to": tmp_path / more["save_to"]}
    client = async_mode.client("innogpt", server)
    assert async_mode.in_turn(lambda: getattr(client, how)(about, **more))
    signed_in = async_mode.client("neuroflash", **client_credentials(server))
    assert async_mode.in_turn(signed_in.models)


def test_certificates_are_read_in_a_thread(
    async_mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []
    read = httpx.create_ssl_context

    def noted(verify: Any = True, **more: Any) -> ssl.SSLContext:
        if verify is True:  # else it is made already
            readers.append(threading.current_thread())
        return read(verify, **more)

    monkeypatch.setattr(_pools.runtime.pools, "ssl", None)
    monkeypatch.setattr(httpx, "create_ssl_context", noted)
    for _ in range(2):
        async_mode.chat(async_mode.client("innogpt", server))
    assert [reader is threading.main_thread() for reader in readers] == [False]


FIRST = """
import asyncio, sys, threading
from dsgvo import AsyncClient
imported_by = []

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "httpx":
            imported_by.append(threading.current_thread())

sys.meta_path.insert(0, Finder())
client = AsyncClient("sovrgpt", api_key="k", base_url="http://127.0.0.1:9", max_retries=0)
try:
    asyncio.run(client.chat([{"role": "user", "content": "x"}], model="m"))
except Exception as error:
    print(type(error).__name__)
print([thread is threading.main_thread() for thread in imported_by])
"""


def test_the_first_request_imports_httpx_in_a_thread() -> None:
    assert run_python(FIRST).decode().split("\n") == ["APIConnectionError", "[False]", ""]
