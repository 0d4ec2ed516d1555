"""Request pipeline of a vendor: recording, authentication, scripts, errors, exact writing."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dsgvo._version import __version__
from dsgvo.emulator.access import is_own_host
from dsgvo.emulator.dialect import Authorize, Dialect
from dsgvo.emulator.failures import ApiError, BrokenOffError
from dsgvo.emulator.jsons import JsonObject, dumps
from dsgvo.emulator.state import State
from dsgvo.emulator.steps import Step, lower
from dsgvo.emulator.values import Call, HttpReply, RecordedRequest, Upload

Handler = Callable[[Call, Step], Awaitable[HttpReply]]
Reader = Callable[[Request], Awaitable[tuple[JsonObject, tuple[Upload, ...]]]]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SERVER = f"dsgvo-emulator/{__version__}"
SCRIPTED = {"x-emulator-scripted": "1"}
"""Marks an answer that a test had a hand in, so that no recording takes it for the emulator's."""
_T = TypeVar("_T")
_log = logging.getLogger("dsgvo.emulator")


class Connection(Protocol):
    """The TCP connection of a request."""

    @property
    def closed(self) -> bool:
        """Whether the client is gone."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


Connect = Callable[[Scope], Connection]


class RawResponse(Response):
    """Response that is written exactly as it is laid out.

    Args:
        reply: The answer.
        connection: Where it goes.
        gone: Done when the client is gone; needed for an answer that comes from elsewhere.
    """

    def __init__(
        self, reply: HttpReply, connection: Connection, gone: "asyncio.Future[None] | None" = None
    ) -> None:
        self.reply = reply
        self.connection = connection
        self.gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write it; stop when the client is gone."""
        reply = self.reply
        drop = reply.drop
        if reply.status:
            headers = [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in reply.headers.items()
            ]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            try:
                async with aclosing(self._writes()) as writes:
                    async for data in writes:
                        if self.connection.closed:
                            break
                        await send({"type": "http.response.body", "body": data, "more_body": True})
            except BrokenOffError:
                drop = True
        if not drop and not self.connection.closed:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        self.connection.close()
        await (self.gone or _disconnected(receive))

    async def _writes(self) -> AsyncGenerator[bytes]:
        for position, data in enumerate(self.reply.writes):
            # Every write gives way, so that no stream holds up the others.
            await asyncio.sleep(self.reply.pace if position else 0)
            yield data
        source = self.reply.source
        if source is not None:
            async with aclosing(source):
                while (data := await _unless_gone(anext(source, None), self.gone)) is not None:
                    yield data


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless_gone(work: Awaitable[_T], gone: "asyncio.Future[None] | None") -> _T:
    """Return what ``work`` gives; cancel it and raise BrokenOffError when the client is gone."""
    if gone is None:
        return await work
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if task.cancelled():
        raise BrokenOffError
    return task.result()


class Gate:
    """The way to one vendor's handlers.

    Args:
        dialect: The vendor's.
        state: The server's memory.
        connect: Finds the TCP connection of a request.
    """

    def __init__(self, dialect: Dialect, state: State, connect: Connect) -> None:
        self.dialect = dialect
        self.state = state
        self.connect = connect

    def route(
        self, path: str, method: str, handler: Handler, authorize: Authorize | None, read: Reader
    ) -> Route:
        """Return the route of a handler.

        Args:
            path: Path below the vendor's root.
            method: The one method it takes.
            handler: Answers the request.
            authorize: Checks access; None lets everyone in.
            read: Reads the body.
        """
        # Steps without a path are for the API itself, not for fetching a token.
        answers_post = method == "POST" and authorize is not None

        async def respond(request: Request, record: RecordedRequest, key: str) -> HttpReply:
            if record.method != method:
                allow = {"allow": method}
                raise ApiError(405, "Method not allowed", "method_not_allowed", headers=allow)
            if authorize:
                authorize(record.headers, self.state.access)
            step = self.state.take(record, answers_post=answers_post)
            if type(step) is Step and not self.state.has_sticky(self.dialect.name):
                return await answered(request, record, key, step)
            try:
                reply = await answered(request, record, key, step)
            except ApiError as error:
                reply = self._refused(error)
            return replace(reply, headers={**reply.headers, **SCRIPTED})

        async def answered(
            request: Request, record: RecordedRequest, key: str, step: Step
        ) -> HttpReply:
            scripted = await step.respond()
            if scripted is not None:
                return scripted
            body, uploads = await read(request)
            call = Call(record.headers, body, key, record.body, uploads)
            self.state.check(self.dialect.name, call)
            step.check(call)
            reply = await handler(call, step)
            if type(step) is Step:
                return reply
            if reply.source is not None:  # a fault is laid out over the whole answer
                reply = replace(reply, writes=[one async for one in reply.source], source=None)
            return step.transform_response(reply)

        return self._route(path, respond)

    def not_found_route(self) -> Route:
        """Return the route of everything that the vendor does not have."""

        async def respond(request: Request, record: RecordedRequest, key: str) -> HttpReply:
            del request, key
            raise ApiError(404, f"Not found: {record.path}", "not_found")

        return self._route("/{path:path}", respond)

    def _route(
        self, path: str, respond: Callable[[Request, RecordedRequest, str], Awaitable[HttpReply]]
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            host = request.headers.get("host", "")
            if not is_own_host(host, self.state.host):
                # A page of another site, whose name leads here, must not read answers.
                fault = f"{host!r} is not a name of this server: use 127.0.0.1 or localhost"
                refused = self._refused(ApiError(421, fault, "misdirected_request"))
                return RawResponse(refused, self.connect(request.scope))
            record = await _record(self.dialect.name, request)
            key = self.state.remember(record)
            asks_upstream = self.state.upstream is not None
            gone = asyncio.ensure_future(_disconnected(request.receive)) if asks_upstream else None
            try:
                reply = await _unless_gone(respond(request, record, key), gone)
            except ApiError as error:
                reply = self._refused(error)
            except RecursionError:
                message = "The body is nested too deeply"
                reply = self._refused(ApiError(400, message, "invalid_json"))
            except BrokenOffError:
                reply = HttpReply(0, {}, [], drop=True)
            except Exception as error:  # noqa: BLE001 - a client must see a 500, not a dead line
                _log.exception("the emulator failed")
                reason = f"emulator failed: {type(error).__name__}"
                reply = self._refused(ApiError(500, reason, "internal_error"))
            headers = {"server": SERVER, "x-request-id": f"emulator-{key[:16]}", **reply.headers}
            connection = self.connect(request.scope)
            return RawResponse(replace(reply, headers=headers), connection, gone)

        return Route(self.dialect.root + path, endpoint, methods=METHODS)

    def _refused(self, error: ApiError) -> HttpReply:
        return json_reply(error.status, self.dialect.error_body(error), lower(error.headers))


def json_reply(status: int, body: Any, headers: dict[str, str] | None = None) -> HttpReply:
    """Return a plain JSON answer."""
    data = dumps(body).encode()
    own = {"content-type": "application/json", "content-length": str(len(data))}
    return HttpReply(status, own | (headers or {}), [data])


async def _record(provider: str, request: Request) -> RecordedRequest:
    raw = await request.body()
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        parsed = None
    headers = dict(request.headers)
    return RecordedRequest(provider, request.method, request.url.path, headers, raw, parsed)
