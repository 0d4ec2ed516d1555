"""Assistants of an organisation: their list, runs, and what is refused before sending."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import errors
from dsgvo.emulator import Server, Status
from tests.core.support import HELLO, Mode, raised

TURNS: list[dict[str, Any]] = [
    {"role": "system", "content": "Kurz."},
    *HELLO,
    {"role": "assistant", "content": "Ja?"},
    {"role": "user", "content": [{"type": "text", "text": "Wie "}, {"type": "text", "text": "?"}]},
]


@pytest.mark.covers("meingpt", "endpoint GET /api/assistants/v1/")
@pytest.mark.covers("meingpt", "endpoint POST /api/assistants/v1/{id}/run")
@pytest.mark.covers("meingpt", "parameter `message` of a run is the last text", "Inferred")
def test_assistants_are_listed_and_run(mode: Mode, server: Server) -> None:
    client = mode.client("meingpt", server)
    assert [one.id for one in mode.call(client, "assistants")] == ["emulator-1", "emulator-2"]
    answer = mode.call(client, "run_assistant", "emulator-2", TURNS, extra_body={"more": 1})
    assert answer.text.startswith("Ich bin der lokale Emulator")
    assert answer.messages[-1] == {"role": "assistant", "content": answer.text}
    assert answer.usage["input_tokens"] > 0 < len(answer.request_id)
    asked = server.requests[-1]
    assert asked.path == "/meingpt/api/assistants/v1/emulator-2/run"
    sent = [*TURNS[:-1], {"role": "user", "content": "Wie ?"}]
    assert asked.json == {"message": "Wie ?", "messages": sent, "more": 1}
    error = raised(errors.NotFoundError, mode.call, client, "run_assistant", "../keiner", HELLO)
    assert "public, and how one is run is seen" in str(error)
    assert server.requests[-1].path == "/meingpt/api/assistants/v1/../keiner/run"


PICTURE = {"role": "user", "content": [{"type": "image_url"}]}
# id, messages → error, what it says
BAD: list[tuple[Any, Any, Any, str]] = [
    ("", HELLO, errors.ConfigurationError, "assistants() lists yours"),
    *((wrong, HELLO, errors.ConfigurationError, "assistant_id=") for wrong in ("..", "a\nb")),
    ("a", "Hallo!", errors.ConfigurationError, "messages is a str"),
    ("a", TURNS[:-1], errors.ConfigurationError, "the last one"),
    ("a", [{"role": "user", "content": " "}], errors.ConfigurationError, "not empty"),
    ("a", [{"role": "tool", "content": "7"}, *HELLO], errors.CapabilityError, "messages[0]"),
    ("a", [{"role": "assistant", "tool_calls": [{}]}, *HELLO], errors.CapabilityError, "tools"),
    ("a", [PICTURE], errors.CapabilityError, "but text"),
]


def test_bad_runs_are_refused_before_sending(server: Server) -> None:
    client = Mode("sync").client("meingpt", server)
    for assistant_id, messages, kind, says in BAD:
        assert says in str(raised(kind, client.run_assistant, assistant_id, messages))
    raised(errors.CapabilityError, Mode("sync").client("innogpt", server).assistants)
    assert server.requests == []


@pytest.mark.parametrize(
    ("call", "body", "says"),
    [
        ("assistants", {"data": []}, "no assistants"),
        ("assistants", {"assistants": [{"id": ["a"]}]}, "without an id"),
        ("run_assistant", {"text": None}, "no text"),
    ],
)
def test_answers_of_another_shape(
    mode: Mode, server: Server, call: str, body: dict[str, Any], says: str
) -> None:
    arguments = ("emulator-1", HELLO) if call == "run_assistant" else ()
    server.script("meingpt", Status(200, body=body), path="/run" if arguments else "/v1/")
    client = mode.client("meingpt", server)
    assert says in str(raised(errors.APIResponseError, mode.call, client, call, *arguments))
