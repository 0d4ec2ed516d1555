"""``make soak``: hundreds of streams under random faults, each piece of each accounted for.

The server is told by the address which fault to make after how many pieces, so that the client
knows what must come of each stream. Both backends take turns, with threads beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from benchmarks.memory import resident
from benchmarks.server import Canned
from dsgvo import AsyncClient, Client
from dsgvo.errors import APIConnectionError, DsgvoError, IncompleteStreamError, RateLimitError
from dsgvo.wire.completion import Delta

PIECES = 30
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n{}"
FAULTS: dict[str, tuple[int, type[DsgvoError] | None]] = {
    "none": (12, None),
    "drop": (2, IncompleteStreamError),  # in the midst of the answer
    "end": (2, IncompleteStreamError),  # a body that ends without an end of the stream
    "error": (2, DsgvoError),  # an error event
    "silence": (1, IncompleteStreamError),
    "headless": (1, APIConnectionError),
    "busy": (1, RateLimitError),
    "leave": (2, None),  # by the client: the stream is closed
    "cancel": (2, None),  # by the client: its task is cancelled
}
"""Each fault's weight, and the error that it must become."""

SERVER = "import asyncio; from benchmarks.soak import serve; asyncio.run(serve())"
HELLO = [{"role": "user", "content": "?"}]


class Faulty(Canned):
    """Streams numbered pieces slowly, until the fault that the address names."""

    def _answer(self, path: str, body: dict[str, object]) -> None:
        _, fault, after, *_ = path.split("/")
        self._task = asyncio.ensure_future(self._serve(fault, int(after)))

    def connection_lost(self, exc: Exception | None) -> None:
        if task := getattr(self, "_task", None):
            task.cancel()

    async def _serve(self, fault: str, after: int) -> None:
        if fault == "headless":
            self._transport.close()
        elif fault == "busy":
            self._transport.write(BUSY)
        else:
            self._transport.write(HEAD)
            whole = fault in {"none", "leave", "cancel"}
            for number in range(PIECES if whole else after):
                self._event({"choices": [{"index": 0, "delta": {"content": f"{number} "}}]})
                await asyncio.sleep(random.random() * 0.05)
            if whole:
                end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                self._event(end)
                self._part(b"data: [DONE]\n\n")
            if fault == "error":
                self._event({"error": {"message": "kaputt", "code": 500}})
            if fault == "drop":
                self._transport.close()
            elif fault != "silence":
                self._transport.write(b"0\r\n\r\n")

    def _event(self, event: object) -> None:
        self._part(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _part(self, part: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(part), part))


async def serve() -> None:
    """Serve until killed; the port is the one line that is printed."""
    server = await asyncio.get_running_loop().create_server(Faulty, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Tally:
    """What came of all streams."""

    def __init__(self) -> None:
        self.streams: Counter[str] = Counter()
        self.pieces = 0
        self.wrong = Counter[str]()
        self._lock = threading.Lock()

    def plan(self) -> tuple[str, int]:
        """Return the fault of the next stream, and after how many pieces it comes."""
        weights = [weight for weight, _ in FAULTS.values()]
        return random.choices([*FAULTS], weights)[0], random.randrange(1, PIECES)

    def note(self, fault: str, after: int, came: list[str], error: BaseException | None) -> None:
        """Compare what came of a stream with what must."""
        expected = {"none": PIECES, "headless": 0, "busy": 0}.get(fault, after)
        kind = FAULTS[fault][1]
        right = error is None if kind is None else isinstance(error, kind)
        whole = came == [f"{number} " for number in range(expected)]
        with self._lock:
            self.streams[fault] += 1
            self.pieces += len(came)
            if not (right and whole):
                self.wrong[f"{fault}: {len(came)} of {expected} pieces, {error!r}"] += 1


def _text(delta: Delta) -> list[str]:
    return [delta.content] if delta.content else []


def _settings(url: str, fault: str, after: int) -> dict[str, object]:
    # It bounds connecting, too, which on a busy machine takes seconds.
    silence = 10.0 if fault == "silence" else 60.0
    base_url = f"{url}/{fault}/{after}"
    return {"api_key": "k", "base_url": base_url, "max_retries": 0, "timeout": silence}


async def _stream(url: str, tally: Tally) -> None:
    fault, after = tally.plan()
    client = AsyncClient("sovrgpt", **_settings(url, fault, after))  # pyright: ignore
    came: list[str] = []
    left = asyncio.Event()

    async def read() -> None:
        stream = client.stream(HELLO, model="m")
        async for delta in stream:
            came.extend(_text(delta))
            if len(came) == after and fault == "leave":
                await stream.aclose()  # pyright: ignore
                return
            if len(came) == after and fault == "cancel":
                left.set()
                await asyncio.sleep(3600)

    error: BaseException | None = None
    task = asyncio.ensure_future(read())
    if fault == "cancel":
        await left.wait()
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    except Exception as raised:  # noqa: BLE001 - whatever comes is looked at
        error = raised
    tally.note(fault, after, came, error)


def _stream_in_thread(url: str, tally: Tally) -> None:
    fault, after = tally.plan()
    fault = "leave" if fault == "cancel" else fault
    came: list[str] = []
    error: BaseException | None = None
    client = Client("sovrgpt", **_settings(url, fault, after))  # pyright: ignore
    stream = client.stream(HELLO, model="m")
    try:
        for delta in stream:
            came.extend(_text(delta))
            if len(came) == after and fault == "leave":
                stream.close()  # pyright: ignore
                break
    except Exception as raised:  # noqa: BLE001 - whatever comes is looked at
        error = raised
    tally.note(fault, after, came, error)


async def _leg(url: str, tally: Tally, streams: int, until: float) -> int:
    """Run streams on this loop until then; return how many tasks are left over."""

    async def worker() -> None:
        while time.monotonic() < until:
            await _stream(url, tally)

    await asyncio.gather(*(worker() for _ in range(streams)))
    for _ in range(20):  # connections are read to their ends in the background, for a second
        if len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0.1)
    return len(asyncio.all_tasks()) - 1


def _leg_beside_threads(url: str, tally: Tally, streams: int, threads: int, seconds: float) -> int:
    until = time.monotonic() + seconds

    def work() -> None:
        while time.monotonic() < until:
            _stream_in_thread(url, tally)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    left = asyncio.run(_leg(url, tally, streams, until))
    for worker in workers:
        worker.join()
    return left


def _descriptors() -> int:
    from dsgvo.transport._pools import runtime

    runtime.reset()  # closes what threads keep
    with suppress(FileNotFoundError):
        return len(list(Path("/proc/self/fd").iterdir()))
    return 0


def run(url: str, *, minutes: float, streams: int, threads: int) -> bool:
    """Run legs on both backends in turn, say what each leaves, and return whether all is well."""
    tally = Tally()
    legs = max(4, 2 * round(minutes / 2))
    sizes: list[float] = []
    left: list[tuple[int, int, int]] = []
    open_before, threads_before = 0, threading.active_count()
    for leg in range(legs):
        backend = ("aiohttp", "httpcore")[leg % 2]
        os.environ["DSGVO_ASYNC_BACKEND"] = backend
        tasks = _leg_beside_threads(url, tally, streams, threads, minutes * 60 / legs)
        descriptors, alive = _descriptors(), threading.active_count() - threads_before
        open_before = open_before or descriptors
        sizes.append(resident())
        left.append((tasks, descriptors - open_before, alive))
        print(
            f"{backend:9} {sum(tally.streams.values()):8} streams {tally.pieces:10} pieces"
            f" {tally.wrong.total():4} wrong; left: {tasks} tasks, {descriptors - open_before}"
            f" descriptors, {alive} threads; {sizes[-1]:.0f} MB",
            flush=True,
        )
    for line, times in tally.wrong.most_common():
        print(f"wrong, {times} times: {line}")
    print(", ".join(f"{fault} {count}" for fault, count in sorted(tally.streams.items())))
    warm = len(sizes) // 2
    print(f"memory: {max(sizes[:warm]):.0f} MB in the first half, {max(sizes[warm:]):.0f} after it")
    return not tally.wrong and not any(any(one) for one in left)


def main(arguments: list[str] | None = None) -> int:
    """Run the soak and return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--streams", type=int, default=500, help="at once, on the event loop")
    parser.add_argument("--threads", type=int, default=20, help="beside them, with a stream each")
    chosen = parser.parse_args(arguments)
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            well = run(url, minutes=chosen.minutes, streams=chosen.streams, threads=chosen.threads)
        finally:
            process.kill()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
