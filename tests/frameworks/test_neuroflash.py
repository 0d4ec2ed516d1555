"""What neuroflash alone has, through the classes of both frameworks."""

from __future__ import annotations

import pytest

from dsgvo.emulator import Raw, Reply, Server, running
from dsgvo.errors import ConfigurationError
from tests.calls import bodies
from tests.core.support import chunk, settings, sse
from tests.frameworks.support import EACH, Way

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0.25}
EFFORTS = ["max", "xhigh", "high", "medium", "low", "minimal", "none"]


@EACH
@pytest.mark.covers("neuroflash", "behaviour `reasoning_effort` is one of seven", "Seen")
def test_reasoning_effort_is_one_of_seven(server: Server, way: Way) -> None:
    for effort in EFFORTS:
        way.answer(way.model("neuroflash", reasoning_effort=effort))
    said = f"reasoning_effort='viel': neuroflash takes {', '.join(map(repr, EFFORTS))}; extra_body"
    for ask in (
        lambda: way.model("neuroflash", reasoning_effort="viel"),
        lambda: way.answer(way.model("neuroflash"), reasoning_effort="viel"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            ask()
    server.script("neuroflash", Raw(chunks=[sse(chunk("Ja.", "stop"))]))
    way.answer(way.model("neuroflash"), extra_body={"reasoning_effort": "viel"})
    assert [body["reasoning_effort"] for body in bodies(server)] == [*EFFORTS, "viel"]


@pytest.mark.covers("neuroflash", "behaviour `usage.cost`, where it is sent, is kept", "Seen")
def test_the_cost_is_kept(server: Server, way: Way) -> None:
    last = {**chunk("", "stop"), "usage": USAGE}  # the end and the usage together, as seen
    for step in (Raw(chunks=[sse(chunk("Ja."), last)]), Reply("Ja.", usage=USAGE)):
        server.script("neuroflash", step)
        answer = way.answer(way.model("neuroflash"))
        assert (answer.text, answer.usage) == ("Ja.", USAGE)


def test_a_cut_answer_is_continued(way: Way) -> None:
    with running(pace=0.001, closes_after=0.01) as server:
        access = settings("neuroflash", server)
        model = way.model("neuroflash", continue_cut_answers=9, **access)
        answer = way.answer(model)
        assert answer.text.endswith("Du schreibst: „Hallo!“")
        assert answer.text.count("Emulator") == 1
        times = len(server.requests) - 1
        if way.is_langchain:
            assert answer.message.response_metadata["continued"] == times > 1
        else:
            assert model.complete("Hallo!").raw["continued"] == times > 1
