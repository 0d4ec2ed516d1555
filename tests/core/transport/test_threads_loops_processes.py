"""Any thread, any loop, any process: one client over shared connections."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pickle
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from dsgvo import PROVIDERS, AsyncClient, Client
from dsgvo.emulator import Reply, Server
from dsgvo.transport import _pools
from tests.core.support import (
    HELLO,
    MODELS,
    Mode,
    answer,
    client_credentials,
    http,
    raw_server,
    run_python,
    settings,
)


def echo(request: bytes, connection: socket.socket) -> None:
    """Answer with the text that was sent, so that a mix-up shows."""
    body = json.loads(request.partition(b"\r\n\r\n")[2])
    connection.sendall(http(answer(body["messages"][-1]["content"])))


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_any_loop_connections_are_pooled_and_shared_between_clients(mode: Mode) -> None:
    with raw_server(echo) as raw:
        clients = [
            mode.client(provider, api_key=f"k{i}", base_url=raw.url)
            for i, provider in enumerate(["sovrgpt", "innogpt", "meingpt", "sovrgpt"])
        ]

        async def all_of_them() -> None:
            for client in clients * 3:
                await client.chat(HELLO, model="m")

        if mode.name == "async":
            asyncio.run(all_of_them())
        else:
            for client in clients * 3:
                client.chat(HELLO, model="m")
        assert (len(raw.requests), raw.accepted) == (12, 1)


def test_any_loop_many_threads_share_a_client() -> None:
    with raw_server(echo) as raw:
        client = Client("sovrgpt", api_key="k", base_url=raw.url)
        barrier = threading.Barrier(16)

        def work(thread: int) -> list[str]:
            barrier.wait()
            texts = [f"{thread}-{i}" for i in range(10)]
            assert [client.chat(ask(text), model="m").content for text in texts] == texts
            return texts

        with ThreadPoolExecutor(16) as pool:
            assert len([text for texts in pool.map(work, range(16)) for text in texts]) == 160
        assert len(raw.requests) == 160
        assert raw.accepted <= 16


def test_any_loop_many_tasks_share_a_client() -> None:
    with raw_server(echo) as raw:
        client = AsyncClient("sovrgpt", api_key="k", base_url=raw.url)

        async def work(task: int) -> None:
            for i in range(3):
                text = f"{task}-{i}"
                assert (await client.chat(ask(text), model="m")).content == text

        async def all_of_them() -> None:
            await asyncio.gather(*(work(task) for task in range(30)))

        asyncio.run(all_of_them())
        assert len(raw.requests) == 90
        assert raw.accepted <= 30


def test_any_loop_several_asyncio_runs_one_after_another() -> None:
    with raw_server(echo) as raw:
        client = AsyncClient("sovrgpt", api_key="k", base_url=raw.url)
        for i in range(6):
            completion = asyncio.run(client.chat(ask(f"{i}"), model="m"))
            assert completion.content == f"{i}"
        sent = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in raw.requests]
        assert [body["messages"][0]["content"] for body in sent] == [f"{i}" for i in range(6)]
        assert raw.accepted == 6  # a connection belongs to its loop


def test_any_loop_two_loops_at_once() -> None:
    with raw_server(echo) as raw:
        client = AsyncClient("sovrgpt", api_key="k", base_url=raw.url)
        barrier = threading.Barrier(2)

        async def work(loop: int) -> None:
            for i in range(20):
                if i == 1:
                    await asyncio.to_thread(barrier.wait)  # both pools are in use from here on
                text = f"{loop}-{i}"
                assert (await client.chat(ask(text), model="m")).content == text

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(asyncio.run, work(loop)) for loop in range(2)]:
                done.result()
        assert (len(raw.requests), raw.accepted) == (40, 2)


def test_any_loop_a_sync_and_an_async_client_in_one_process(server: Server) -> None:
    async def both() -> list[str | None]:
        own = AsyncClient("sovrgpt", **settings("sovrgpt", server))
        sync = Client("sovrgpt", **settings("sovrgpt", server))
        asked = asyncio.to_thread(sync.chat, HELLO, model=MODELS["sovrgpt"])
        blocking = sync.chat(HELLO, model=MODELS["sovrgpt"])  # noqa: ASYNC250, RUF100
        done = await asyncio.gather(own.chat(HELLO, model=MODELS["sovrgpt"]), asked)
        return [completion.finish_reason for completion in (*done, blocking)]

    assert asyncio.run(both()) == ["stop"] * 3


FORK = """
import asyncio, os, sys, warnings
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
from dsgvo import AsyncClient, Client
url = sys.argv[1]
sync = Client("sovrgpt", api_key="k", base_url=url)
own = AsyncClient("sovrgpt", api_key="k", base_url=url)

def ask(text):
    messages = [{"role": "user", "content": text}]
    assert sync.chat(messages, model="m").content == text
    assert asyncio.run(own.chat(messages, model="m")).content == text

ask("vorher")
stream = sync.stream([{"role": "user", "content": "im Strom"}], model="m")
children = []
for number in range(2):
    child = os.fork()
    if child == 0:
        ask(f"Kind {number}")
        ask(f"Kind {number} noch einmal")
        os._exit(0)
    ask(f"Eltern {number}")
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
ask("nachher")
assert "".join(delta.content for delta in stream) == "im Strom"
"""


def test_any_loop_after_a_fork_parent_and_child_go_on() -> None:
    with raw_server(echo) as raw:
        run_python(FORK, raw.url)
        texts = [
            json.loads(request.partition(b"\r\n\r\n")[2])["messages"][0]["content"]
            for request in raw.requests
        ]
        expected = ["vorher", "nachher", "Eltern 0", "Eltern 1", "Kind 0", "Kind 1"]
        expected += ["Kind 0 noch einmal", "Kind 1 noch einmal"]
        assert sorted(texts) == sorted([*expected * 2, "im Strom"])


EVERY_SETTING: dict[str, Any] = {
    "timeout": 7.5,
    "max_retries": 4,
    "default_headers": {"X-Gate": "g"},
    "strict": True,
}


@pytest.mark.parametrize("provider", [*PROVIDERS, "neuroflash by OAuth"])
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_any_loop_pickling_loses_no_setting(
    mode: Mode, server: Server, provider: str, used: bool
) -> None:
    oauth = client_credentials(server) if "OAuth" in provider else {}
    client = mode.client(provider.split(maxsplit=1)[0], server, **EVERY_SETTING | oauth)
    if used:
        mode.chat(client)
    again = pickle.loads(pickle.dumps(client))
    assert type(again) is type(client)
    assert (again.config, again.spec) == (client.config, client.spec)
    assert vars(again).keys() == vars(client).keys()
    assert mode.chat(again).finish_reason == "stop"
    assert server.requests[-1].headers["x-gate"] == "g"
    assert server.api_key not in repr(again)


def test_any_loop_pickling_a_provider_that_is_not_listed(server: Server) -> None:
    own = dataclasses.replace(PROVIDERS["sovrgpt"], name="eigener", title="Eigener")
    changed = dataclasses.replace(PROVIDERS["sovrgpt"], title="Geändert")
    for spec in (own, changed):
        client = Client(spec, **settings("sovrgpt", server))
        again = pickle.loads(pickle.dumps(client))
        assert again.spec == spec
        assert again.chat(HELLO, model="m").provider == spec.name


UNPICKLE = """
import asyncio, pickle, sys
client = pickle.load(sys.stdin.buffer)
answer = client.chat([{"role": "user", "content": "Hallo"}], model="qwen3.5-9b")
answer = asyncio.run(answer) if asyncio.iscoroutine(answer) else answer
print(answer.content)
"""


def test_any_loop_a_pickle_works_in_another_process(mode: Mode, server: Server) -> None:
    server.script("sovrgpt", Reply("Angekommen"))
    client = mode.client("sovrgpt", server)
    printed = run_python(UNPICKLE, stdin=pickle.dumps(client))
    assert printed.decode().strip() == "Angekommen"
    assert len(server.requests) == 1


CLEAN = """
import asyncio, gc, sys
from dsgvo import AsyncClient, Client
url = sys.argv[1]
messages = [{"role": "user", "content": "Hallo"}]
settings = dict(api_key=sys.argv[2], base_url=url)

async def main():
    client = AsyncClient("innogpt", **settings)
    await asyncio.gather(*(client.chat(messages, model="claude-4-5-sonnet") for _ in range(5)))
    async for delta in client.stream(messages, model="gpt-5"):
        break  # abandoned
    async for delta in client.stream(messages, model="gpt-5"):
        pass
    abandoned = client.stream(messages, model="gpt-5")
    await anext(abandoned)  # still open when the loop ends
    task = asyncio.create_task(client.chat(messages, model="gpt-5"))
    await asyncio.sleep(0)  # under way when the loop ends
    async for vector in client.embed(["a", "b", "c"], batch_size=1):
        break

asyncio.run(main())
asyncio.run(main())
client = Client("innogpt", **settings)
client.chat(messages, model="gpt-5")
for delta in client.stream(messages, model="gpt-5"):
    break
list(client.embed(["a", "b", "c"], batch_size=1))
gc.collect()
print("ok")
"""


def test_any_loop_the_end_of_a_loop_or_process_leaves_nothing_open(server: Server) -> None:
    printed = run_python(CLEAN, server.base_url("innogpt"), server.api_key)
    assert printed.decode().strip() == "ok"


OPEN_AFTER_LOOP = """
import asyncio, gc, socket, sys
from dsgvo import AsyncClient
messages = [{"role": "user", "content": "Hallo"}]

def sockets():
    found = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket)]
    return sum(one.fileno() != -1 for one in found)

async def main():
    client = AsyncClient("sovrgpt", api_key=sys.argv[2], base_url=sys.argv[1])
    await asyncio.gather(*(client.chat(messages, model="qwen3.5-9b") for _ in range(5)))
    return sockets()

print(asyncio.run(main()) >= 5, sockets())
"""


def test_any_loop_a_loop_that_ends_closes_its_sockets(server: Server) -> None:
    printed = run_python(OPEN_AFTER_LOOP, server.base_url("sovrgpt"), server.api_key)
    assert printed.decode().split() == ["True", "0"]


def test_any_loop_a_loop_at_the_address_of_a_dead_one_gets_its_own_pool(server: Server) -> None:
    dead = asyncio.new_event_loop()
    dead.close()

    async def main() -> str | None:
        here = asyncio.get_running_loop()
        left_behind: Any = SimpleNamespace(loop=dead, transports={None: None}, keeper=None)
        _pools.runtime.pools.loops[id(here)] = left_behind
        client = AsyncClient("sovrgpt", **settings("sovrgpt", server))
        completion = await client.chat(HELLO, model=MODELS["sovrgpt"])
        assert _pools.runtime.pools.loops[id(here)].loop is here
        return completion.finish_reason

    assert asyncio.run(main()) == "stop"
    assert _pools.runtime.pools.loops == {}
