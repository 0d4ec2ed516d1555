"""What neuroflash alone has, through the classes of both frameworks."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Raw, Reply, Server, running
from dsgvo.errors import ConfigurationError
from tests.calls import bodies
from tests.core.support import chunk, sse
from tests.frameworks.support import EACH, Way

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0.25}
EFFORTS = ("max", "xhigh", "high", "medium", "low", "minimal", "none")


@EACH
@pytest.mark.covers("neuroflash", "behaviour `reasoning_effort` is one of seven", "Seen")
def test_reasoning_effort_is_one_of_seven(server: Server, way: Way) -> None:
    assert PROVIDERS["neuroflash"].choices["reasoning_effort"] == EFFORTS
    for effort in EFFORTS:
        way.answer(way.model("neuroflash", reasoning_effort=effort))
        assert bodies(server)[-1]["reasoning_effort"] == effort
    said = "reasoning_effort='viel': neuroflash takes 'max', 'xhigh', 'high', 'medium', 'low', 'min"
    for ask in (
        lambda: way.model("neuroflash", reasoning_effort="viel"),
        lambda: way.answer(way.model("neuroflash"), reasoning_effort="viel"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            ask()
    server.script("neuroflash", Raw(chunks=[sse(chunk("Ja.", "stop"))]))
    way.answer(way.model("neuroflash"), extra_body={"reasoning_effort": "viel"})
    assert bodies(server)[-1]["reasoning_effort"] == "viel"
    way.answer(way.model("sovrgpt", reasoning_effort="viel"))


@pytest.mark.covers("neuroflash", "behaviour `usage.cost`, where it is sent, is kept", "Seen")
def test_the_cost_is_kept(server: Server, way: Way) -> None:
    last = {**chunk("", "stop"), "usage": USAGE}  # the end and the usage together, as seen
    streamed = Raw(chunks=[sse(chunk("Ja."), last)])
    server.script("neuroflash", streamed if way.streamed else Reply("Ja.", usage=USAGE))
    answer = way.answer(way.model("neuroflash"))
    assert (answer.text, answer.usage) == ("Ja.", USAGE)
    if not way.is_langchain:
        server.script("neuroflash", Reply("Ja.", usage=USAGE))
        assert way.model("neuroflash").complete("Hallo!").additional_kwargs["cost"] == 0.25


def test_a_cut_answer_is_continued(way: Way) -> None:
    with running(pace=0.001, closes_after=0.01) as server:
        access: dict[str, Any] = {"api_key": server.api_key, "workspace_id": server.workspace_id}
        access["base_url"] = server.base_url("neuroflash")
        model = way.model("neuroflash", continue_cut_answers=9, **access)
        answer = way.answer(model)
        assert answer.text.endswith("Du schreibst: „Hallo!“")
        assert answer.text.count("Ich bin der lokale Emulator") == 1
        times = len(server.requests) - 1
        if way.is_langchain:
            assert answer.message.response_metadata["continued"] == times > 1
        else:
            assert model.complete("Hallo!").raw["continued"] == times > 1
        assert all(body["stream"] for body in bodies(server))
