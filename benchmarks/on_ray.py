"""Prompts on a Ray cluster against a server with a limit: ours, and Ray's own HTTP processor."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
import urllib.request
from typing import Any

from benchmarks.server import Canned, completion

PROMPTS = 1000
RATE = 20.0
"""Requests a second that the server takes, with as many saved up."""

SERVER = "import asyncio; from benchmarks.on_ray import serve; asyncio.run(serve())"
SERVE_SECONDS = 600.0


class Limited(Canned):
    """Refuses what comes faster than the limit; ``/stats`` tells counts by its own clock."""

    held, last = RATE, time.monotonic()
    first = end = 0.0
    taken = refused = 0

    def _answer(self, path: str, body: dict[str, Any]) -> None:
        kind, now = type(self), time.monotonic()
        if path == "/stats":
            return self._write("200 OK", vars_of(kind))
        kind.held, kind.last = min(RATE, kind.held + (now - kind.last) * RATE), now
        if kind.held < 1:
            kind.refused += 1
            return self._write("429 Too Many Requests", {}, "retry-after: 1\r\n")
        kind.held -= 1
        kind.taken += 1
        kind.first, kind.end = kind.first or now, now
        asyncio.get_running_loop().call_later(0.3, self._transport.write, completion())
        return None

    def _write(self, status: str, value: object, header: str = "") -> None:
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{header}"
        self._transport.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)


def vars_of(kind: type[Limited]) -> dict[str, float]:
    """Return what a server has counted."""
    return {"taken": kind.taken, "refused": kind.refused, "seconds": kind.end - kind.first}


async def serve() -> None:
    """Serve for a while; the port is the one line that is printed."""
    server = await asyncio.get_running_loop().create_server(Limited, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(SERVE_SECONDS)


def _rows(ray: Any) -> Any:
    return ray.data.from_items(
        [{"prompt": f"Frage {number}"} for number in range(PROMPTS)], override_num_blocks=4
    )


def _ours(ray: Any, url: str) -> int:
    from dsgvo.ray import ChatRows

    arguments = {"provider": "meingpt", "model": "gpt-5", "base_url": url}
    done = _rows(ray).map_batches(
        ChatRows, fn_constructor_kwargs=arguments, batch_size=125, concurrency=2, num_cpus=0.5
    )
    return sum(bool(row["answer"]) for row in done.take_all())


def _peer(ray: Any, url: str) -> int:
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    def body(row: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "user", "content": row["prompt"]}
        return {"payload": {"model": "gpt-5", "messages": [message]}}

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        return {"answer": row["http_response"]["choices"][0]["message"]["content"]}

    config = HttpRequestProcessorConfig(
        url=f"{url}/chat/completions", concurrency=2, batch_size=8, max_retries=8
    )
    done = build_processor(config, preprocess=body, postprocess=answer)(_rows(ray))
    return sum(bool(row["answer"]) for row in done.take_all())


def compared() -> dict[str, dict[str, str]]:
    """Run both, each against a server of its own, and return what was lost, refused and used."""
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled", MEINGPT_API_KEY="sk-benchmark"
    )
    import ray

    ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        return {"ours": _measured(ray, _ours), "HttpRequestProcessorConfig": _measured(ray, _peer)}
    finally:
        ray.shutdown()


def _measured(ray: Any, run: Any) -> dict[str, str]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            try:
                answers = run(ray, url)
            except Exception as error:  # noqa: BLE001 - a job that fails has lost its answers
                answers = 0
                print(f"failed: {type(error).__name__}", file=sys.stderr)
            with urllib.request.urlopen(f"{url}/stats") as response:
                counted = json.load(response)
        finally:
            server.kill()
    asked = counted["taken"] + counted["refused"]
    may = RATE * counted["seconds"] + RATE
    return {
        "answers lost": f"{PROMPTS - answers}",
        "requests refused": f"{counted['refused'] / asked:.0%} of {asked}",
        "of the limit used": f"{counted['taken'] / may:.0%}",
        "seconds": f"{counted['seconds']:.0f}",
    }


if __name__ == "__main__":
    print(json.dumps(compared(), indent=2))
