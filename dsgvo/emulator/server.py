"""Public handle of a running server, and the ways to start one. Imports no web server by itself."""

import atexit
import importlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect, dialects
from dsgvo.emulator.state import State
from dsgvo.emulator.steps import RefuseFields, Step, TooLong
from dsgvo.emulator.values import RecordedRequest
from dsgvo.providers import PROVIDERS

if TYPE_CHECKING:
    from dsgvo.emulator.runner import Runner


class Server:
    """A server that runs; :func:`running` and :func:`serve` make one."""

    def __init__(self, state: State, runner: "Runner", host: str) -> None:
        self._state = state
        self._runner = runner
        self._host = f"[{host}]" if ":" in host else host
        self.port: int = runner.port
        """Port of the server."""
        self.api_key: str = state.access.api_key
        """The one static key that is accepted; anything else is 401."""
        self.workspace_id: str = state.access.workspace_id
        """The neuroflash workspace that is accepted."""
        self.client_id: str = state.access.client_id
        """The OAuth client that neuroflash's token endpoint knows."""
        self.client_secret: str = state.access.client_secret
        """The secret of that client."""
        self.requests: list[RecordedRequest] = state.requests
        """The requests so far, in the order in which they arrived."""

    @property
    def url(self) -> str:
        """Address of the server, ``http://127.0.0.1:PORT``."""
        return f"http://{self._host}:{self.port}"

    @property
    def token_requests(self) -> int:
        """Number of tokens handed out so far."""
        return self._state.access.token_requests

    @property
    def open_connections(self) -> int:
        """Number of TCP connections that are open right now."""
        return self._runner.open_connections

    def base_url(self, provider: str) -> str:
        """Return the base URL of a vendor, e.g. ``innogpt``, as its clients want it."""
        return f"{self.url}/{provider}{_dialect(provider).base}"

    def token_url(self, provider: str) -> str:
        """Return the address of a vendor's OAuth token endpoint. Raises ValueError without one."""
        dialect = _dialect(provider)
        if dialect.token_path is None:
            raise ValueError(f"{PROVIDERS[provider].title} has no token endpoint")
        return f"{self.url}/{provider}{dialect.token_path}"

    def environ(self, provider: str) -> dict[str, str]:
        """Return the environment variables that point a vendor's clients to this server."""
        base_url, spec = self.base_url(provider), PROVIDERS[provider]
        found = {spec.key_variables[0]: self.api_key, f"{spec.env}_BASE_URL": base_url}
        return found | {one.variable: self.workspace_id for one in spec.header_arguments}

    def script(self, provider: str, *steps: Step, path: str | None = None) -> None:
        """Queue steps; each is used by one request that got past authentication.

        When the queue is empty, the emulator answers by itself again.

        Args:
            provider: The vendor.
            *steps: What its next POST requests (chat, embeddings, images) see.
            path: Use the steps for all requests whose path ends so instead, whatever the method,
                e.g. ``/models`` or ``/oauth/v2/token``.
        """
        self._state.add(_dialect(provider).name, path, steps)

    def refuse(self, provider: str, *fields: str) -> None:
        """Refuse every request of a vendor that has one of the fields, until :meth:`clear`."""
        self._state.add_sticky(_dialect(provider).name, RefuseFields(*fields))

    def limit_embeddings(
        self,
        provider: str,
        *,
        texts: int | None = None,
        bytes: int | None = None,  # noqa: A002 - reads as what it limits
    ) -> None:
        """Refuse a vendor's embeddings of more texts or UTF-8 bytes with 413, until :meth:`clear`.

        The bytes are those of all texts of a request.
        """
        self._state.add_sticky(_dialect(provider).name, TooLong(texts, bytes))

    def expire_tokens(self) -> None:
        """Make every token that was handed out worthless."""
        self._state.access.expire_tokens()

    def clear(self) -> None:
        """Forget requests, scripts, and what was refused or limited."""
        self._state.clear()


class Settings(TypedDict, total=False):
    """Settings of a server."""

    pace: float
    """Seconds between two events of a stream; 0."""
    closes_after: float
    """Seconds after which neuroflash's answers are cut, by ``pace`` alone; 150."""
    token_seconds: float
    """How long neuroflash's tokens live; 14399."""
    undocumented_embeddings: bool
    """Answer embeddings for neuroflash and SovrGPT too, which document none; False."""
    record: bool
    """Keep the requests in :attr:`Server.requests`; True. Off, memory stays flat."""
    upstream: str | None
    """Base URL of an OpenAI-compatible server that answers chat and embeddings, in the vendors'
    dialects; None. Loopback or a private network alone, unless ``upstream_anywhere``."""
    upstream_model: str | None
    """The model that is asked there; None asks for the one that the request names."""
    upstream_key: str | None
    """The key of that server, if it needs one; None."""
    upstream_anywhere: bool
    """Let prompts go to any host; False."""


def start(host: str, port: int, **settings: Unpack[Settings]) -> tuple[Server, "Runner"]:
    """Bind a server to its port without starting it; see :func:`running` for the arguments."""
    own = ("pace", "closes_after", "record", "undocumented_embeddings")
    given: Any = {name: value for name, value in settings.items() if name in own}
    state = State(Access(token_seconds=settings.get("token_seconds", 14399)), host, **given)
    try:
        module = importlib.import_module("dsgvo.emulator.runner")
        if (upstream := settings.get("upstream")) is not None:
            kind = importlib.import_module("dsgvo.emulator.upstream").Upstream
            more = settings.get("upstream_model"), settings.get("upstream_key")
            state.upstream = kind(upstream, *more, settings.get("upstream_anywhere", False))
    except ModuleNotFoundError as error:
        if str(error.name).startswith("dsgvo."):  # a vendor without a dialect
            raise
        raise ModuleNotFoundError(
            f"the emulator needs {error.name}: pip install 'dsgvo-llm[emulator]'", name=error.name
        ) from error
    runner: Runner = module.Runner(state, host, port)
    return Server(state, runner, host), runner


@contextmanager
def running(
    host: str = "127.0.0.1", port: int = 0, **settings: Unpack[Settings]
) -> Generator[Server]:
    """Run the emulator in a thread of this process.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 lets the system choose a free one.
        **settings: See :class:`Settings`.

    Yields:
        The server. It stops at the end of the ``with`` block, or with the interpreter.

    Raises:
        ConfigurationError: If the upstream address is not one, or is elsewhere.
        ModuleNotFoundError: If the extra ``emulator`` is not installed.
        OSError: If the port is taken.
    """
    server, runner = start(host, port, **settings)
    runner.start()
    atexit.register(runner.stop)
    try:
        yield server
    finally:
        runner.stop()
        atexit.unregister(runner.stop)


def serve(
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    ready: Callable[[Server], None] | None = None,
    **settings: Unpack[Settings],
) -> None:
    """Run the emulator in this process until SIGINT or SIGTERM.

    Requests are not kept, unless ``record`` says so. Arguments and errors are those of
    :func:`running`; ``ready`` is called with the server once it answers, e.g. to print its address.
    """
    server, runner = start(host, port, **{"record": False, **settings})
    runner.block(lambda: ready(server) if ready else None)


def _dialect(provider: str) -> Dialect:
    known = dialects()
    if provider not in known:
        raise ValueError(f"unknown provider {provider!r}: choose one of {', '.join(known)}")
    return known[provider]
