"""HTTP application: the routes of all vendors."""

from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from dsgvo.emulator.bodies import read_form, read_json, read_json_or_upload, read_nothing
from dsgvo.emulator.chat import complete
from dsgvo.emulator.dialect import Authorize, Dialect, Document
from dsgvo.emulator.embeddings import embeddings
from dsgvo.emulator.gate import Connect, Gate, Handler, json_reply
from dsgvo.emulator.images import generate
from dsgvo.emulator.state import State
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import Call, HttpReply
from dsgvo.emulator.vendors import dialects


def build(state: State, connect: Connect) -> Starlette:
    """Build the application.

    Args:
        state: The server's memory.
        connect: Finds the TCP connection of a request.

    Returns:
        The ASGI application.
    """
    gates = [Gate(dialect, state, connect) for dialect in dialects().values()]
    return Starlette(routes=[route for gate in gates for route in _routes(gate)])


def _routes(gate: Gate) -> list[Route]:
    dialect, state = gate.dialect, gate.state
    read = read_json_or_upload if dialect.uploads else read_json
    posts: list[tuple[str, Handler, Any]] = [("/chat/completions", _chat(dialect, state), read)]
    if dialect.embeddings or state.undocumented_embeddings:
        posts.append(("/embeddings", _embeddings(dialect, state), read_json))
    if dialect.images:
        posts.append(("/images/generations", generate, read_json))
    routes = [
        gate.route(dialect.base + path, "POST", handler, dialect.authorize, reader)
        for path, handler, reader in posts
    ]
    gets: list[tuple[str, Document, Authorize | None]] = [
        *((path, make, dialect.authorize) for path, make in dialect.documents.items()),
        *(
            (path, make, dialect.authorize_account)
            for path, make in dialect.account_documents.items()
        ),
    ]
    routes += [
        gate.route(path, "GET", _document(make, state), authorize, read_nothing)
        for path, make, authorize in gets
    ]
    if dialect.token_path:
        routes.append(gate.route(dialect.token_path, "POST", _token(state), None, read_form))
    return [*routes, gate.not_found_route()]


def _chat(dialect: Dialect, state: State) -> Handler:
    async def handler(call: Call, step: Step) -> HttpReply:
        return await complete(dialect, call, step, state)

    return handler


def _embeddings(dialect: Dialect, state: State) -> Handler:
    async def handler(call: Call, step: Step) -> HttpReply:
        return await embeddings(dialect, call, step, state.upstream)

    return handler


def _document(make: Document, state: State) -> Handler:
    async def handler(call: Call, step: Step) -> HttpReply:
        del call, step
        return json_reply(200, make(state.access))

    return handler


def _token(state: State) -> Handler:
    async def handler(call: Call, step: Step) -> HttpReply:
        del step
        return json_reply(200, state.access.issue_token(call.raw))

    return handler
