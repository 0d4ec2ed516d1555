"""Processes on the nodes of a cluster that make the requests of a run of ``dsgvo.bulk``.

Parts, journal and limit stay in the process that began the run, so it resumes as any other, and
needs no folder that all nodes see. What is asked of a node that is lost is asked of another.
"""

# pyright: basic
# Ray's types say little of actors.

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dsgvo._secrets import without_frames
from dsgvo.errors import APIConnectionError, ConfigurationError, DsgvoError
from dsgvo.providers import Provider
from dsgvo.ray._secrets import refuse_secrets
from dsgvo.transport import AsyncClient, Gate
from dsgvo.transport._flow import arun
from dsgvo.transport._pools import runtime
from dsgvo.wire.completion import Completion
from dsgvo.wire.usage import total_tokens

__all__ = ["Cluster"]

CONNECT_SECONDS = 10.0
"""Within which a cluster that an address names must take a connection."""

REST_SECONDS = 2.0
"""For which a process that did not answer is not asked."""

LOST_SECONDS = 120.0
"""After which no process answering at all is an error."""


class Cluster:
    """A context that connects to a Ray cluster, and to nothing if there is a connection already.

    Args:
        address: Of the cluster, as ``ray.init`` takes it; ``None``: that of ``RAY_ADDRESS``, or the
            one that runs on this machine, or a new one on this machine alone.

    Raises:
        ConfigurationError: If there is no such cluster.

    Examples:
        The same run as without it, with its requests made by all nodes::

            from dsgvo.bulk import embed_dataset
            from dsgvo.ray import Cluster

            with Cluster("10.0.0.7:6379") as cluster:
                embed_dataset("corpus", "out", provider="innogpt", text="body", remote=cluster)
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._connected = False

    def __enter__(self) -> Cluster:
        if not ray.is_initialized():
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            try:
                _look_for(self._address or os.environ.get("RAY_ADDRESS", ""))
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
            except (OSError, RuntimeError, ValueError, OverflowError) as error:
                raise ConfigurationError(f"no Ray cluster at {self._address!r}: {error}") from None
            self._connected = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._connected:
            ray.shutdown()

    @without_frames
    def asked(self, provider: str | Provider, gate: Gate, **client: Any) -> _Asked:
        """Start a process on each node, and return what makes requests there.

        Args:
            provider: Who is asked.
            gate: What the requests go through, in this process.
            **client: Arguments of :class:`dsgvo.AsyncClient`; ``api_key`` may be a function alone.

        Raises:
            ConfigurationError: If a secret is among the arguments, or a node has no key.
        """
        refuse_secrets(provider, client)
        workers = [
            ray.remote(_Worker)
            .options(
                num_cpus=0,
                max_restarts=-1,
                max_concurrency=1000,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=True),
            )
            .remote(provider, client)
            for node in ray.nodes()
            if node["Alive"]
        ]
        try:
            errors = ray.get([worker.check.remote() for worker in workers])
        except RayTaskError:
            raise
        except RayError as error:
            raise _no_answer(error) from None
        for error in errors:
            if error is not None:
                raise error
        return _Asked(gate, workers)


def _no_answer(error: RayError) -> APIConnectionError:
    return APIConnectionError(f"no process of the cluster answers: {type(error).__name__}")


class _Worker:
    """A client in a process of its own. Returns errors: Ray changes the type of raised ones.

    Beside them comes what the process has learned of how many texts a model embeds at once.
    """

    def __init__(self, provider: str | Provider, client: Mapping[str, Any]) -> None:
        self._arguments = provider, {"max_retries": 0, **client}
        self._client: AsyncClient | None = None

    def _made(self) -> AsyncClient:
        if self._client is None:
            provider, client = self._arguments
            self._client = AsyncClient(provider, **client)
            self._client.config.require_arguments()
        return self._client

    async def check(self) -> DsgvoError | None:
        try:
            self._made()
        except DsgvoError as error:
            return error

    async def embed_batch(self, texts: Sequence[str], options: Mapping[str, Any]) -> Any:
        try:
            vectors, tokens = await self._made().embed_batch(texts, **options)
        except DsgvoError as error:
            return error, runtime.batch_sizes
        return (np.array(vectors, np.float32), tokens), runtime.batch_sizes

    async def chat(self, messages: Sequence[Any], options: Mapping[str, Any]) -> Any:
        try:
            return await self._made().chat(messages, **options), {}
        except DsgvoError as error:
            return error, {}


def _look_for(address: str) -> None:
    """Connect to a host and port, if an address is one: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


class _Asked:
    """Asks the processes in turn, each request through the gate."""

    def __init__(self, gate: Gate, workers: Sequence[Any]) -> None:
        self._gate = gate
        self._workers = workers
        self._resting = [0.0] * len(workers)
        self._turn = 0
        self._answered = time.monotonic()

    async def embed_batch(self, texts: Sequence[str], **options: Any) -> tuple[Any, int]:
        guessed = self._gate.guess(texts)
        vectors, tokens = await self._ask("embed_batch", guessed, texts, options)
        if tokens:
            self._gate.correct(guessed, tokens)
        return vectors, tokens

    async def chat(self, /, messages: Sequence[Mapping[str, Any]], **options: Any) -> Completion:
        guessed = self._gate.guess((str(messages),))
        done: Completion = await self._ask("chat", guessed, messages, options)
        if tokens := total_tokens(done.usage):
            self._gate.correct(guessed, tokens)
        return done

    async def _ask(self, name: str, tokens: int, what: Any, options: Mapping[str, Any]) -> Any:
        lease = await arun(self._gate.admit(tokens))
        with lease:
            found = await self._answer(name, what, options)
            if isinstance(found, DsgvoError):
                raise found
            return found

    async def _answer(self, name: str, what: Any, options: Mapping[str, Any]) -> Any:
        while True:
            number = await self._next()
            try:
                found, sizes = await getattr(self._workers[number], name).remote(what, options)
            except RayTaskError:
                raise
            except RayError as error:  # the node, or the process, is lost
                self._resting[number] = time.monotonic() + REST_SECONDS
                if time.monotonic() > self._answered + LOST_SECONDS:
                    raise _no_answer(error) from None
            else:
                self._answered = time.monotonic()
                runtime.batch_sizes.update(sizes)
                return found

    async def _next(self) -> int:
        """Return whose turn it is, of those that are not resting."""
        while True:
            for _ in self._workers:
                self._turn = (self._turn + 1) % len(self._workers)
                if time.monotonic() >= self._resting[self._turn]:
                    return self._turn
            await asyncio.sleep(REST_SECONDS / 4)
