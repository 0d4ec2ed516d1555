"""Any thread, any loop, any process: one client over shared connections."""

import asyncio
import gc
import pickle
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Any, cast
from unittest.mock import Mock
from weakref import ref

import httpcore
import httpx
import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.transport import Gate, _flow, _pools
from dsgvo.wire.limiter import Limiter
from tests.core import support
from tests.core.support import HELLO, Mode, answer, http, json_of, raw_server, run_python


def text_in(request: bytes) -> str:
    return json_of(request)["messages"][-1]["content"]


def echo(request: bytes, _: socket.socket) -> bytes:
    """Answer with the text that was sent, so that a mix-up shows."""
    return http(answer(text_in(request)))


def ask(client: Any, text: str) -> Any:
    return client.chat([{"role": "user", "content": text}], model="m")


async def ask_all(client: Any, texts: list[str]) -> None:
    for text in texts:
        assert (await ask(client, text)).content == text


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_any_loop_connections_are_shared_and_usable_after_errors_and_streams(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, naps: list[float], how: str
) -> None:
    monkeypatch.setattr(_pools, "GRACE_SECONDS", 30.0)  # however slow this machine is
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    pieces = support.sse(support.chunk("Ja."), done=False), support.sse(support.chunk(None, "stop"))
    start, end = (b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)

    def serve(_request: bytes, connection: socket.socket) -> bytes:
        if len(raw.requests) % 2:
            return http({"error": "kaputt"}, status=503)
        connection.sendall(head + b"\r\n\r\n" + start)
        time.sleep(0.02)  # so that it is read alone
        connection.sendall(end)
        return b"0\r\n\r\n"  # the end of the body comes after that of the stream

    with raw_server(serve) as raw:
        clients = [mode.client(provider, raw, api_key=provider) for provider in PROVIDERS]
        mode.in_turn(*[lambda one=one: getattr(one, how)(HELLO, model="m") for one in clients] * 2)
        asked = 2 * len(PROVIDERS)
        assert (len(raw.requests), raw.accepted, len(naps)) == (2 * asked, 1, asked)


def test_any_loop_many_threads_tasks_and_loops_share_a_client(async_mode: Mode) -> None:
    with raw_server(echo) as raw, ThreadPoolExecutor(18) as pool:
        sync, own = Mode("sync").client("sovrgpt", raw), async_mode.client("sovrgpt", raw)
        barrier = threading.Barrier(18)

        def work(thread: int) -> None:
            barrier.wait()
            texts = [f"{thread}-{number}" for number in range(10)]
            assert [ask(sync, text).content for text in texts] == texts

        async def tasks() -> None:
            await ask_all(own, ["vorher"])
            await asyncio.to_thread(barrier.wait)  # the pools of both loops are in use from here on
            texts = ([f"{task}-{number}" for number in range(3)] for task in range(10))
            await asyncio.gather(*(ask_all(own, three) for three in texts))

        for _ in range(2):
            threads = [pool.submit(work, thread) for thread in range(16)]
            loops = [pool.submit(asyncio.run, tasks()) for _ in range(2)]
            assert [one.result() for one in threads + loops] == [None] * 18
        assert len(raw.requests) == 2 * (160 + 2 * 31)
        assert raw.accepted <= 16 + 4 * 11  # threads keep theirs, and each loop has its own


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_any_loop_dropped_unclosed_takes_its_pool(async_mode: Mode, server: Server) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask(async_mode.client("sovrgpt", server), "Hallo"))
    dropped = ref(loop)
    del loop
    gc.collect()
    assert dropped() is None


FORK = """
import asyncio, os, sys, types, warnings
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
import httpx
from dsgvo import AsyncClient, Client
from dsgvo.transport import Gate, _pools
from dsgvo.wire.limiter import Limiter
settings, gate = dict(api_key="k", base_url=sys.argv[1]), Gate(Limiter(max_concurrency=1))
if sys.argv[2:]:
    settings |= dict(http_transport=httpx.HTTPTransport())
    several, one = httpx.AsyncBaseTransport(), httpx.AsyncHTTPTransport()
    several.all, several.handle_async_request = [one], one.handle_async_request
    settings |= dict(http_async_transport=several)
sync = Client("sovrgpt", rate_limit=gate, **settings)
own = AsyncClient("sovrgpt", **settings)

def ask(text):
    messages = [{"role": "user", "content": text}]
    assert sync.chat(messages, model="m").content == text
    assert asyncio.run(own.chat(messages, model="m")).content == text

looks, lock = [], _pools._importing  # a child would wait for what is imported without it
look = lambda name, *_: lock._is_owned() or looks.append(name)
sys.meta_path.insert(0, types.SimpleNamespace(find_spec=lambda *of: look(*of) and None))
ask("vorher")
assert sys.argv[2:] or set(looks) <= {"concurrent.futures.thread", "queue", "_queue"}, looks
stream = sync.stream([{"role": "user", "content": "im Strom"}], model="m")
children = []
for number in range(2):
    gate.limiter.take()  # what another thread has in flight, which the child has not
    child = os.fork()
    if child == 0:
        ask(f"Kind {number}")
        ask(f"Kind {number} noch einmal")
        os._exit(0)
    gate.give(0.0, None)
    ask(f"Eltern {number}")
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
ask("nachher")
assert "".join(delta.content for delta in stream) == "im Strom"
if sys.argv[2:]:
    settings["http_transport"].close()
"""


@pytest.mark.parametrize("transports", [(), ("the user's",)])
def test_any_loop_after_a_fork_parent_and_child_go_on(transports: tuple[str, ...]) -> None:
    with raw_server(echo) as raw:
        run_python(FORK, raw.url, *transports)
        expected = ["vorher", "nachher", "Eltern 0", "Eltern 1", "Kind 0", "Kind 1"]
        expected += ["Kind 0 noch einmal", "Kind 1 noch einmal"]
        assert sorted(map(text_in, raw.requests)) == sorted([*expected * 2, "im Strom"])
        # One for all threads of a process and one for each loop: the parent's 1 + 4, twice 1 + 2.
        assert raw.accepted == 11


def test_any_loop_what_a_child_takes_over_is_not_the_parents(mode: Mode, monkeypatch: Any) -> None:
    gate, own = Gate(Limiter(max_concurrency=1)), httpx.HTTPTransport()
    pool = own._pool
    with raw_server(http(answer())) as raw:
        given: Any = {"http_transport": own} if mode.name == "sync" else {}
        users, ours = (mode.client("sovrgpt", raw, rate_limit=gate, **k) for k in (given, {}))
        calls = [lambda one=one: ask(one, "?") for one in (users, ours)]
        mode.in_turn(*calls)
        old, opened = _pools.runtime.pools, raw.accepted
        assert gate.limiter.take()
        left = _pools._begun(httpx.Response(200, content=iter([b"a"] * 2)))
        next(reading := _pools.read(left, 9))
        monkeypatch.setattr(_pools.os, "getpid", lambda: -1)
        for forget in (_pools.runtime.after_fork, _flow._after_fork):
            forget()
        pool._requests.append(cast("Any", None))
        with pool._optional_thread_lock:  # another thread's at the fork, as the request
            mode.in_turn(*calls * 2)
            reading.close()
        assert (raw.accepted, old in _pools._inherited, left.is_closed) == (2 * opened, True, False)
        for one in (*old.threads.values(), own, pool):
            one.close()


EVERY_SETTING: dict[str, Any] = {"timeout": 7.5, "max_retries": 4, "strict": True}
EVERY_SETTING["default_headers"] = {"X-Gate": "g"}
UNPICKLE = """
import asyncio, pickle, sys
for client in pickle.load(sys.stdin.buffer):
    answer = client.chat([{"role": "user", "content": "Hallo"}], model="m")
    print((asyncio.run(answer) if asyncio.iscoroutine(answer) else answer).provider)
"""


def test_any_loop_a_pickle_works_in_another_process_and_loses_no_setting(server: Server) -> None:
    spec, own = PROVIDERS["sovrgpt"], support.settings("sovrgpt", server) | EVERY_SETTING
    clients: list[Any] = []
    for mode in (Mode("sync"), Mode("async")):
        clients += [mode.kind(replace(spec, name="eigener", title="Eigener"), **own)]
        clients += [mode.kind(replace(spec, title="Geändert"), **own)]
        clients += [mode.kind("neuroflash", **support.client_credentials(server) | EVERY_SETTING)]
        mode.chat(clients[-3], model="m")  # one that was used
    data = pickle.dumps(clients)
    for one, again in zip(clients, pickle.loads(data), strict=True):
        assert (type(again), again.config, again.spec) == (type(one), one.config, one.spec)
        assert server.api_key not in repr(again)
    server.clear()
    assert run_python(UNPICKLE, stdin=data).split() == [b"eigener", b"sovrgpt", b"neuroflash"] * 2
    assert [one.headers.get("x-gate") for one in server.requests].count("g") == 6


CLEAN = """
import asyncio, gc, socket, sys
from dsgvo import AsyncClient, Client
messages = [{"role": "user", "content": "Hallo"}]
settings = dict(api_key=sys.argv[2], base_url=sys.argv[1])

def sockets():
    found = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket)]
    return sum(one.fileno() != -1 for one in found)

async def main():
    client = AsyncClient("innogpt", **settings)
    await asyncio.gather(*(client.chat(messages, model="claude-4-5-sonnet") for _ in range(5)))
    async for delta in client.stream(messages, model="gpt-5"):
        break  # abandoned
    async for delta in client.stream(messages, model="gpt-5"):
        pass
    assert sockets() >= 5
    abandoned = client.stream(messages, model="gpt-5")
    await anext(abandoned)  # still open when the loop ends
    task = asyncio.create_task(client.chat(messages, model="gpt-5"))
    await asyncio.sleep(0)  # under way when the loop ends
    async for vector in client.embed(["a", "b", "c"], batch_size=1):
        break

for _ in range(2):
    asyncio.run(main())
    print(sockets())
client = Client("innogpt", **settings)
client.chat(messages, model="gpt-5")
next(client.stream(messages, model="gpt-5"))
list(client.embed(["a", "b", "c"], batch_size=1))
other = AsyncClient("sovrgpt", api_key="k", base_url=sys.argv[3])
for hooks in ((), (None, None), (None, None)):  # loops that are dropped; nest_asyncio's have none
    loop = asyncio.new_event_loop()
    loop.call_soon(sys.set_asyncgen_hooks, *hooks)
    print(loop.run_until_complete(other.chat(messages, model="m")).content)
    loop.close()
gc.collect()
"""


def test_any_loop_the_end_of_a_loop_or_process_leaves_nothing_open(server: Server) -> None:
    with raw_server(http(answer("Ja."), headers=["Connection: close"])) as raw:
        printed = run_python(CLEAN, server.base_url("innogpt"), server.api_key, raw.url)
    assert printed.decode().split() == ["0", "0", "Ja.", "Ja.", "Ja."]


def test_cancel_frees_the_connection_of_an_answer_that_has_just_come() -> None:
    come: Any = httpx.Response(200, stream=httpx.ByteStream(b""))
    (stop := threading.Event()).set()
    (context := copy_context()).run(_pools.given_up.set, stop)
    with pytest.raises(_flow.StoppedError):
        context.run(_flow.run, (step for step in [_flow.ReadBody(come, come, come, 1)]))
    assert come.is_closed
    with pytest.raises(httpcore.ConnectError):  # its connection was still being made
        context.run(_pools._Wire(Mock(), None).write, b"POST ")
