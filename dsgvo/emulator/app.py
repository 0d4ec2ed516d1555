"""HTTP application: the vendors' endpoints, and the way of a request to its answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from dsgvo._version import __version__
from dsgvo.emulator.access import is_own_host
from dsgvo.emulator.bodies import read_form, read_json, read_json_or_upload, read_nothing
from dsgvo.emulator.chat import complete
from dsgvo.emulator.checks import Embeddings, check
from dsgvo.emulator.dialect import Authorize, Dialect, Document, Post, dialects
from dsgvo.emulator.embeddings import embeddings
from dsgvo.emulator.failures import ApiError, BrokenOffError
from dsgvo.emulator.images import generate
from dsgvo.emulator.jsons import JsonObject
from dsgvo.emulator.state import State
from dsgvo.emulator.steps import Delay, Step, lower
from dsgvo.emulator.values import Call, HttpReply, RecordedRequest, Upload, json_reply
from dsgvo.emulator.writing import Gone, disconnected, unless_gone, write
from dsgvo.wire.body import InvalidJSONError, parse_json

_SERVER = f"dsgvo-emulator/{__version__}"
_SCRIPTED = {"x-emulator-scripted": "1"}
"""Marks an answer that a test had a hand in, so that no recording takes it for the emulator's."""
_log = logging.getLogger("dsgvo.emulator")

Connect = Callable[[Scope], asyncio.Transport | None]
"""Finds the TCP connection of a request; None if the client is gone."""


class _Endpoint(NamedTuple):
    method: str
    authorize: Authorize | None
    read: Callable[[Request], Awaitable[tuple[JsonObject, tuple[Upload, ...]]]]
    handle: Callable[[Call, Step], Awaitable[HttpReply]]


def _endpoints(dialect: Dialect, state: State) -> dict[str, _Endpoint]:
    post = partial(_Endpoint, "POST", dialect.authorize)
    read = read_json_or_upload if dialect.uploads else read_json
    chat = post(read, partial(complete, dialect, state))
    bases = filter(None, (dialect.base, dialect.other_base))
    found = {base + "/chat/completions": chat for base in bases}
    if fields := dialect.embeddings or (Embeddings if state.undocumented_embeddings else None):
        handle = partial(embeddings, dialect.name, fields, state.upstream)
        found[dialect.base + "/embeddings"] = post(read_json, handle)
    if dialect.images:
        found[dialect.images] = post(read_json, generate)
    for path, (authorize, make) in dialect.documents.items():
        found[path] = _Endpoint("GET", authorize, read_nothing, partial(_document, make, state))
    for path, (fields, make) in dialect.posts.items():
        found[path] = post(read_json, partial(_posted, fields, make))
    if dialect.token_path:
        found[dialect.token_path] = _Endpoint("POST", None, read_form, partial(_token, state))
    return found


async def _document(make: Document, state: State, *_: object) -> HttpReply:
    return json_reply(200, make(state.access))


async def _posted(fields: type[BaseModel], make: Post, call: Call, step: Step) -> HttpReply:
    return json_reply(200, make(check(fields, call.body), step))


async def _token(state: State, call: Call, _: Step) -> HttpReply:
    return json_reply(200, state.access.issue_token(call.raw))


class App:
    """The ASGI application."""

    def __init__(self, state: State, connect: Connect) -> None:
        self._state = state
        self._connect = connect
        self._vendors = {
            name: (dialect, _endpoints(dialect, state)) for name, dialect in dialects().items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; that its client or the server ends is no error of the application."""
        with suppress(ClientDisconnect, asyncio.CancelledError):
            request = Request(scope, receive)
            raw = await request.body()
            gone = asyncio.ensure_future(disconnected(receive)) if self._state.upstream else None
            name = f"{scope['path']}/".split("/")[1]
            reply = json_reply(404, {"error": f"Not found: {scope['path']}"})
            if name in self._vendors:
                reply = await self._reply(name, request, raw, gone)
            headers = {"server": _SERVER, **reply.headers}
            await write(replace(reply, headers=headers), self._connect(scope), gone, receive, send)

    async def _reply(self, name: str, request: Request, raw: bytes, gone: Gone) -> HttpReply:
        dialect, endpoints = self._vendors[name]
        host = request.headers.get("host", "")
        page = request.headers.get("origin", host).rpartition("/")[2]
        if not (is_own_host(host, self._state.host) and is_own_host(page, self._state.host)):
            # A page of another site, or one whose name leads here, must not read nor script.
            fault = f"{page!r} is not a name of this server: use 127.0.0.1 or localhost"
            return _refused(dialect, ApiError(421, fault, "misdirected_request"))
        record = _record(dialect.name, request, raw)
        key = self._state.remember(record)
        endpoint = endpoints.get(record.path.removeprefix(f"/{dialect.name}"))
        try:
            reply = await unless_gone(self._answer(dialect, endpoint, request, record, key), gone)
        except ApiError as error:
            reply = _refused(dialect, error)
        except BrokenOffError:
            reply = HttpReply(0, {}, [], drop=True)
        except Exception as error:  # noqa: BLE001 - a client must see a 500, not a dead line
            _log.exception("the emulator failed")
            reason = f"emulator failed: {type(error).__name__}"
            reply = _refused(dialect, ApiError(500, reason, "internal_error"))
        return replace(reply, headers={"x-request-id": f"emulator-{key[:16]}", **reply.headers})

    async def _answer(
        self,
        dialect: Dialect,
        endpoint: _Endpoint | None,
        request: Request,
        record: RecordedRequest,
        key: str,
    ) -> HttpReply:
        if endpoint is None:
            raise ApiError(404, f"Not found: {record.path}", "not_found")
        if record.method != endpoint.method:
            allow = {"allow": endpoint.method}
            raise ApiError(405, "Method not allowed", "method_not_allowed", headers=allow)
        if endpoint.authorize:
            endpoint.authorize(self._state.access, record.headers)
        # Steps without a path are for the API itself, not for fetching a token.
        answers_post = endpoint.method == "POST" and endpoint.authorize is not None
        step = self._state.take(record, answers_post=answers_post)
        sticky = self._state.sticky(dialect.name)
        scripted = sticky or type(step) is not Step
        while isinstance(step, Delay):
            await asyncio.sleep(step.seconds)
            step = step.then or Step()
        try:
            reply = step.respond()
            if reply is None:
                body, uploads = await endpoint.read(request)
                call = Call(record.headers, body, key, record.body, uploads)
                for one in (*sticky, step):
                    one.check(call)
                reply = await endpoint.handle(call, step)
                if reply.source is not None and type(step) is not Step:
                    # A fault is laid out over the whole answer.
                    whole = [one async for one in reply.source]
                    reply = replace(reply, writes=whole, source=None)
                reply = step.transform_response(reply)
        except ApiError as error:
            reply = _refused(dialect, error)
        return replace(reply, headers={**reply.headers, **_SCRIPTED}) if scripted else reply


def _refused(dialect: Dialect, error: ApiError) -> HttpReply:
    return json_reply(error.status, dialect.error_body(error), lower(error.headers))


def _record(provider: str, request: Request, raw: bytes) -> RecordedRequest:
    parsed = None
    with suppress(InvalidJSONError):
        parsed = parse_json(raw)
    headers = dict(request.headers)
    return RecordedRequest(provider, request.method, request["path"], headers, raw, parsed)
