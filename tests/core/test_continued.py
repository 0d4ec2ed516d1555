"""Answers that a vendor's limit of time cuts: what their errors say, and their rest asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dsgvo.emulator import Disconnect, Raw, Reply, Server, Status, Step, Truncate, running
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    ConfigurationError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
)
from dsgvo.transport._pools import runtime
from dsgvo.wire.request import GO_ON
from tests.core.support import HELLO, Mode, chunk, raised, sse

TEXT = " ".join(f"Satz {number}: Erläuterung." for number in range(12))
CALL = {"index": 0, "id": "1", "function": {"name": "heute", "arguments": '{"a'}}
SAID = (
    "neuroflash closes any one answer after about 150 seconds (Seen, not promised): a lower "
    "reasoning_effort or max_tokens makes an answer shorter, and continue_cut_answers=… asks"
)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """An emulator that lets no answer have more than ten events."""
    with running(pace=0.001, closes_after=0.01) as server:
        yield server


def bodies(server: Server) -> list[Any]:
    return [one.json for one in server.requests if one.path.endswith("/completions")]


ENDS: list[tuple[str, Step, type[APIError]]] = [
    ("stream", Truncate(reply=Reply(TEXT)), IncompleteStreamError),
    ("stream", Truncate(reply=Reply(TEXT), clean=False), IncompleteStreamError),
    ("stream", Raw(), APIResponseError),
    ("chat", Truncate(reply=Reply(TEXT)), APIResponseError),
    ("chat", Truncate(reply=Reply(TEXT), clean=False), APIConnectionError),
    *((how, Disconnect(), APIConnectionError) for how in ("chat", "stream")),
    *((how, Status(504, body="<html>"), InternalServerError) for how in ("chat", "stream")),
]


@pytest.mark.covers(
    "neuroflash", "behaviour Any one answer is closed after about 150 seconds", "Seen"
)
@pytest.mark.parametrize(("how", "end", "kind"), ENDS)
def test_what_ends_late_without_an_end_says_what_helps(
    mode: Mode, server: Server, monkeypatch: Any, how: str, end: Step, kind: type[APIError]
) -> None:
    """And is not asked for again, which would take as long; what ends sooner is another matter."""
    for provider, seconds, late in (
        ("neuroflash", 119, False),
        ("neuroflash", 120, True),
        ("sovrgpt", 600, False),
    ):
        server.clear()
        server.script(provider, *[end] * 2)
        times = iter(range(0, 10_000, seconds))
        monkeypatch.setattr(runtime, "clock", lambda times=times: next(times))
        client = mode.client(provider, server, max_retries=0 if not late else 1)
        error = raised(kind, mode.call, client, how)
        assert (SAID in str(error), len(bodies(server))) == (late, 1)


def test_a_cut_answer_is_continued_without_a_seam(mode: Mode, impatient: Server) -> None:
    """The emulator cuts by the pace of its events, and tells what comes next when it is asked."""
    for how in ("chat", "stream"):
        impatient.clear()
        client = mode.client("neuroflash", impatient)
        partial = raised(IncompleteStreamError, mode.stream, client).partial
        assert partial is not None
        answer = mode.call(client, how, continue_cut_answers=99)
        if how == "stream":
            assert not any(one.completion or one.finish_reason for one in answer[:-3])
            text, answer = "".join(one.content for one in answer), answer[-1].completion
            assert text == answer.content
        assert answer.content.startswith("Ich bin der lokale Emulator")
        assert answer.content.endswith("Du schreibst: „Hallo!“")
        assert len(partial.content) < len(answer.content)
        _, first, *rest = bodies(impatient)
        assert (answer.continued, answer.finish_reason) == (len(rest), "stop")
        assert first["messages"] == HELLO
        for body in rest:
            question, said, asked = body["messages"]
            assert [question] == HELLO
            assert said["role"] == "assistant"
            assert answer.content.startswith(said["content"])
            assert asked == {"role": "user", "content": GO_ON}
        error = raised(IncompleteStreamError, mode.call, client, how, continue_cut_answers=1)
        assert error.partial is not None
        assert (error.partial.continued, len(bodies(impatient))) == (1, 4 + len(rest))


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0.25}
ENDED = sse({**chunk("Eins", "length"), "usage": USAGE}, done=False)


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_usage_adds_up_and_the_form_of_a_whole_answer_is_left_out(
    mode: Mode, server: Server, how: str
) -> None:
    second = Reply(", zwei", usage=USAGE | {"details": {"a": 1}})
    server.script("neuroflash", Raw(chunks=[ENDED]), second)
    client = mode.client("neuroflash", server)
    form = {"response_format": {"type": "json_object"}, "max_tokens": 99}
    answer = mode.call(client, how, continue_cut_answers=1, **form)
    answer = answer if how == "chat" else answer[-1].completion
    total = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14, "cost": 0.5}
    assert (answer.content, answer.usage) == ("Eins, zwei", total | {"details": {"a": 1}})
    first, rest = bodies(server)
    assert first["response_format"] == form["response_format"]
    assert first.keys() - rest.keys() == {"response_format"}


THOUGHT = {"choices": [{"index": 0, "delta": {"reasoning": "Hm."}, "finish_reason": None}]}
NEVER = [
    sse(chunk("Ich sehe nach."), chunk(None, tool_calls=[CALL]), done=False),
    sse(chunk("Ich sehe nach."), chunk(None, "length", tool_calls=[CALL])),
    sse(THOUGHT, done=False),
    sse(chunk("Eins"), {"error": {"message": "kaputt"}}),
]


@pytest.mark.parametrize("said", NEVER)
def test_no_tool_call_thought_or_error_is_continued(
    mode: Mode, server: Server, said: bytes
) -> None:
    server.script("neuroflash", Raw(chunks=[said]))
    client = mode.client("neuroflash", server)
    if b"length" in said:
        assert mode.ask(client, continue_cut_answers=3).finish_reason == "length"
    else:
        with pytest.raises(IncompleteStreamError):
            mode.ask(client, continue_cut_answers=3)
    assert len(server.requests) == 1


def test_what_had_come_is_kept_if_the_rest_cannot_be_had(mode: Mode, server: Server) -> None:
    server.script("neuroflash", Raw(chunks=[ENDED]), Status(429, message="Genug"))
    client = mode.client("neuroflash", server, max_retries=0)
    error = raised(IncompleteStreamError, mode.ask, client, continue_cut_answers=3)
    assert "its rest could not be had: neuroflash: 429: Genug" in str(error)
    assert isinstance(error.__cause__, RateLimitError)
    assert error.partial is not None
    assert (error.partial.content, error.partial.usage) == ("Eins", USAGE)
    for wrong in (-1, 1.5, "1"):
        assert f"={wrong!r} is" in str(
            raised(ConfigurationError, mode.ask, client, continue_cut_answers=wrong)
        )
