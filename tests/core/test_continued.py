"""Answers that a vendor's limit of time cuts: what their errors say, and their rest asked for."""

from typing import Any
from unittest.mock import Mock

import pytest

from dsgvo import errors
from dsgvo.emulator import Disconnect, Raw, Server, Status, Truncate, running
from dsgvo.emulator.answers import answer as unscripted
from dsgvo.errors import IncompleteStreamError
from dsgvo.transport._flow import Gate
from dsgvo.transport._pools import runtime
from dsgvo.wire.continuing import GO_ON
from dsgvo.wire.limiter import Limiter
from tests.core.support import HELLO, Mode, chunk, raised, sse

SAID = (
    "neuroflash closes any one answer after about 150 seconds (Seen, not promised): a lower "
    "reasoning_effort or max_tokens makes an answer shorter, and continue_cut_answers=… asks"
)
LATE = {"error": {"message": "zu lang", "code": 504}}
ENDS: list[tuple[str, Any, Any]] = [
    ("stream", Truncate(), IncompleteStreamError),
    ("stream", Raw(), errors.APIResponseError),
    ("chat", Truncate(clean=False), errors.APIConnectionError),
    ("chat", Disconnect(), errors.APIConnectionError),
    ("chat", Status(400), errors.BadRequestError),  # what the vendor itself says, which is not late
    ("chat", Status(504, body="<"), errors.InternalServerError),
    *((how, Status(200, LATE), errors.InternalServerError) for how in ("chat", "stream")),
]


@pytest.mark.covers("neuroflash", "behaviour Any one answer is closed after 150 seconds", "Seen")
@pytest.mark.parametrize(("how", "end", "kind"), ENDS)
def test_what_ends_late_without_an_end_says_what_helps(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch, how: str, end: Any, kind: Any
) -> None:
    """And is not asked for again, which would take as long."""
    for provider, seconds in (("neuroflash", 119), ("neuroflash", 120), ("sovrgpt", 600)):
        late = seconds == 120 and kind is not errors.BadRequestError
        server.clear()
        server.script(provider, end)
        monkeypatch.setattr(runtime, "clock", iter(range(0, 9999, seconds)).__next__)
        error = raised(kind, mode.call, mode.client(provider, server, max_retries=int(late)), how)
        assert (SAID in str(error), len(server.requests)) == (late, 1)


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_a_cut_answer_is_continued_without_a_seam(mode: Mode, how: str) -> None:
    with running(pace=0.001, closes_after=0.01) as server:  # no answer has more than ten events
        client = mode.client("neuroflash", server)
        answer = mode.call(client, how, continue_cut_answers=9)
        if how == "stream":
            text, answer = "".join(one.content for one in answer), answer[-1].completion
            assert text == answer.content
        first, *rest = [request.json["messages"] for request in server.requests]
        assert (first, answer.continued, answer.finish_reason) == (HELLO, len(rest), "stop")
        assert answer.content == unscripted("neuroflash", {"messages": HELLO}).content
        for question, said, asked in rest:
            assert ([question], said["role"]) == (HELLO, "assistant")
            assert answer.content.startswith(said["content"])
            assert asked == {"role": "user", "content": GO_ON}
        error: Any = raised(IncompleteStreamError, mode.call, client, how, continue_cut_answers=1)
        assert error.partial.continued == 1
        assert answer.content.startswith(error.partial.content)


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0.25}
ENDED = sse({**chunk("Eins", "length"), "usage": USAGE})


def test_what_had_come_is_kept_if_the_rest_cannot_be_had(mode: Mode, server: Server) -> None:
    ids = {"x-request-id": "r-1", "retry-after": "7"}
    server.script("neuroflash", Raw(chunks=[ENDED]), Status(429, message="Genug", headers=ids))
    client = mode.client("neuroflash", server, max_retries=0)
    form = {"response_format": {"type": "json_object"}, "max_tokens": 99}
    error: Any = raised(IncompleteStreamError, mode.ask, client, continue_cut_answers=3, **form)
    whole, rest = [request.json for request in server.requests[:2]]
    assert whole.keys() - rest.keys() == {"response_format"}
    assert "its rest could not be had: neuroflash: 429: Genug" in str(error)
    assert (error.partial.content, error.partial.usage) == ("Eins", USAGE)
    assert (error.provider, error.status_code, error.retry_after) == ("neuroflash", 429, 7)
    assert (error.code, error.request_id) == ("rate_limit_exceeded", "r-1")
    gate = Gate(Limiter(tokens_per_minute=10**9))
    gate.admit = admit = Mock(wraps=gate.admit)
    gate.correct = correct = Mock(wraps=gate.correct)
    server.script("neuroflash", Raw(chunks=[ENDED]))
    own = mode.client("neuroflash", server, rate_limit=gate)
    counted: Any = mode.chat(own, continue_cut_answers=3).usage
    (guess,), again = (call.args for call in admit.call_args_list)
    assert (again == (guess,) > (0,), counted["cost"] > 0.25) == (True, True)
    correct.assert_called_once_with(2 * guess, counted["total_tokens"])
    for wrong in (-1, 1.5, "1"):
        with pytest.raises(errors.ConfigurationError, match=f"continue_cut_answers={wrong!r} is"):
            mode.ask(client, continue_cut_answers=wrong)
