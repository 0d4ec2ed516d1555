"""Assistants of an organisation: their list, runs, and what is refused before sending."""

from functools import partial
from typing import Any

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, Status
from dsgvo.wire.assistants import Assistant, AssistantAnswer, decode_assistants, decode_run
from tests.core.support import HELLO, Mode, raised

MEINGPT = PROVIDERS["meingpt"]
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
    server.script("meingpt", Status(404), path="/api/assistants/v1/")
    said = str(raised(errors.NotFoundError, mode.call, client, "assistants"))
    assert "the list of assistants is public, and" in said
    error = raised(errors.NotFoundError, mode.call, client, "run_assistant", "../keiner", HELLO)
    assert "public, and how one is run is seen" in str(error)
    assert server.requests[-1].path == "/meingpt/api/assistants/v1/../keiner/run"


# id, messages → error, what it says
BAD: list[tuple[Any, Any, Any, str]] = [
    ("", HELLO, errors.ConfigurationError, "assistants() lists yours"),
    *((id_, HELLO, errors.ConfigurationError, f"d={id_!r} ") for id_ in ("..", "a\nb", "\t")),
    ("a", "Hallo!", errors.ConfigurationError, "messages is a str"),
    ("a", TURNS[:-1], errors.ConfigurationError, "the last one"),
    ("a", [{"role": "user", "content": " "}], errors.ConfigurationError, "not empty"),
    ("a", [{"role": "tool", "content": "7"}, *HELLO], errors.CapabilityError, "role 'tool'"),
    ("a", [{"role": "assistant", "tool_calls": [{}]}, *HELLO], errors.CapabilityError, "tools"),
    ("a", [HELLO[0] | {"content": [{"type": "image_url"}]}], errors.CapabilityError, "but text"),
]


def test_bad_runs_are_refused_before_sending(server: Server) -> None:
    client = Mode("sync").client("meingpt", server)
    for assistant_id, messages, kind, says in BAD:
        error = raised(kind, client.run_assistant, assistant_id, messages)
        assert says in str(error)
        assert error.provider == ("meingpt" if kind is errors.CapabilityError else None)
    error = raised(errors.CapabilityError, Mode("sync").client("innogpt", server).assistants)
    assert str(error).startswith("innoGPT is not known to have assistants (")
    assert (error.provider, server.requests) == ("innogpt", [])


run = partial(decode_run, request_id="r-1")
LIST, ANSWER = "list of assistants: ", "answer of an assistant: "
# reader, body → what is read, or what is said of it
READ: list[tuple[Any, str, Any]] = [
    (
        *(decode_assistants, '{"assistants": [{"id": "a", "name": "A"}, {"id": "b", "name": 7}]}'),
        [Assistant("a", "A"), Assistant("b", None)],
    ),
    (
        *(run, '{"text": "Ja.", "model": "m", "messages": [{}], "usage": {"input_tokens": 3}}'),
        AssistantAnswer("Ja.", "m", [{}], {"input_tokens": 3}, "r-1"),
    ),
    (run, '{"text": "", "model": 7}', AssistantAnswer("", None, [], None, "r-1")),
    (decode_assistants, '{"data": []}', LIST + "the answer has no assistants"),
    (decode_assistants, '{"assistants": [{"id": ["a"]}]}', LIST + "an assistant without an id"),
    (decode_assistants, "[]", LIST + "expected a JSON object"),
    (run, '{"text": null}', ANSWER + "the answer has no text"),
    (run, '{"error": "nein"}', "200: nein"),
]


def test_answers_and_what_is_none() -> None:
    for read, body, found in READ:
        if not isinstance(found, str):
            assert read(MEINGPT, body.encode()) == found
            continue
        kind = errors.APIStatusError if found[0] == "2" else errors.APIResponseError
        error = raised(kind, read, MEINGPT, body.encode())
        assert str(error) == f"meinGPT: {found}"
        assert (error.provider, error.status_code) == ("meingpt", 200)
