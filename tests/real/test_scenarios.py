"""What users do, with every class of both frameworks, against servers that nobody here wrote.

A grammar makes the small model say exactly what a scenario needs: llama.cpp takes one in
``grammar``, and LiteLLM passes it on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import BaseModel

from dsgvo import PROVIDERS, errors
from tests.real.frameworks import WAYS, Answer, Framework, LangChain, LlamaIndex
from tests.real.servers import Llama, Target

FRAMEWORKS = {"langchain": LangChain, "llamaindex": LlamaIndex}
NOWHERE = Target("none", "", "")
SAID = "Grüße aus Köln, 20 €! 👋"
ENDLESS = {"grammar": 'root ::= "ja " root'}


def saying(text: str) -> dict[str, Any]:
    return {"extra_body": {"grammar": f"root ::= {json.dumps(text, ensure_ascii=False)}"}}


class City(BaseModel):
    """A city."""

    name: str
    size: int


def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It is 20 degrees in {city}."


def text(asked: Any) -> None:
    answer: Answer = asked.ask("Sag etwas!", **saying(SAID))
    assert (answer.text, answer.thoughts, answer.calls) == (SAID, "", [])
    assert answer.finish_reason == "stop"
    read, written, both = answer.tokens
    assert read > 5
    assert written > 5
    assert both == read + written


def cut(asked: Any) -> None:
    body = {"max_tokens": 4} | ENDLESS
    answer: Answer = asked.ask("Sag ja!", extra_body=body)
    assert answer.text.startswith("ja")
    assert answer.finish_reason == "length"
    assert answer.tokens[1] == 4


def thoughts(asked: Any) -> None:
    answer: Answer = asked.ask("Denk nach!", **saying("<think>Hm, hm.</think>Ja."))
    assert (answer.text, answer.thoughts) == ("Ja.", "Hm, hm.")


def tools(asked: Any) -> None:
    question = "What is the weather in Berlin?"
    answer: Answer = asked.ask(question, get_weather, temperature=0)
    [(name, arguments)] = answer.calls
    assert name == "get_weather"
    assert arguments.keys() == {"city"}
    assert answer.finish_reason == "tool_calls"
    result = get_weather(**arguments)
    last = asked.ask(asked.told(question, answer, result), get_weather, temperature=0)
    assert "20" in last.text
    assert last.finish_reason == "stop"


def structured_output(asked: Any) -> None:
    for method in PROVIDERS[asked.vendor].structured_output:
        body: dict[str, Any] = {"max_tokens": 100}
        if method == "json_mode":  # the model knows no schema; llama.cpp takes one beside the type
            form = {"type": "json_object", "schema": City.model_json_schema()}
            body["response_format"] = form
        found = asked.extract(
            City, method, "What is the city of Rome, 8?", temperature=0, extra_body=body
        )
        assert City.model_validate(found), method


def wrong_key(asked: Any) -> None:
    # LiteLLM looks other keys than the master's up in a database, which it has none of here.
    error, says = errors.AuthenticationError, "Invalid API Key"
    if asked.target.name == "LiteLLM":
        error, says = errors.BadRequestError, "No connected db"
    with pytest.raises(error, match=says) as caught:
        asked.ask("Hi", api_key="sk-key-of-nobody")
    assert "key-of-nobody" not in str(caught.value)


def unknown_model(asked: Any) -> None:
    if asked.target.name == "llama.cpp":
        pytest.skip("llama.cpp has one model, and answers by whatever name it is asked")
    # LiteLLM's status for it; OpenAI's is 404.
    with pytest.raises(errors.BadRequestError, match="no-such-model"):
        asked.ask("Hi", model="no-such-model")


def overflow(asked: Any) -> None:
    with pytest.raises(errors.ContextWindowExceededError):
        asked.ask("Wort " * 1500)


def embeddings(asked: Any) -> None:
    texts = [f"Satz {number} über die Stadt" for number in range(40)]
    vectors = np.array(asked.embed(texts))
    assert vectors.shape == (40, 576)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert np.allclose(np.array(asked.embed(texts[7:8]))[0], vectors[7], atol=1e-2)


SCENARIOS: list[Callable[[Any], None]] = [
    *(text, cut, thoughts, tools, structured_output),
    *(wrong_key, unknown_model, overflow, embeddings),
]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("vendor", PROVIDERS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_each_class(
    scenario: Callable[[Any], None], vendor: str, framework: str, target: Target
) -> None:
    # Vendors are paired with ways: each vendor is asked in each way, in some scenario.
    way = WAYS[(SCENARIOS.index(scenario) + list(PROVIDERS).index(vendor)) % len(WAYS)]
    scenario(FRAMEWORKS[framework](vendor, target, way))


STREAMS = pytest.mark.parametrize(
    "asked",
    [
        LangChain("sovrgpt", NOWHERE, "streamed"),
        LangChain("innogpt", NOWHERE, "awaited stream"),
        LlamaIndex("meingpt", NOWHERE, "streamed"),
        LlamaIndex("neuroflash", NOWHERE, "awaited stream"),
    ],
    ids=lambda asked: f"{asked.vendor}-{type(asked).__name__}",
)


@STREAMS
def test_twenty_streams_at_once(asked: Framework, target: Target) -> None:
    asked = replace(asked, target=target)
    model = asked.model(**saying("Köln 👋"))

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(asked.texts(model) for _ in range(20)))

    if "awaited" in asked.way:
        found = asyncio.run(all_at_once())
    else:
        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda _: asyncio.run(asked.texts(model)), range(20)))
    assert found == ["Köln 👋"] * 20


@STREAMS
def test_a_server_killed_mid_stream(asked: Framework, doomed: Target, mortal: Llama) -> None:
    asked = replace(asked, target=doomed)
    with mortal.running() as process, pytest.raises(errors.IncompleteStreamError) as caught:
        asyncio.run(asked.texts(asked.model(extra_body=ENDLESS), on_first=process.kill))
    assert caught.value.partial is not None
    assert caught.value.partial.content.startswith("j")


@STREAMS
def test_the_server_notices_that_a_stream_is_left(
    asked: Framework, target: Target, llama: Target
) -> None:
    asked = replace(asked, target=target)
    model = asked.model(extra_body=ENDLESS)
    assert asyncio.run(asked.texts(model, stop=3)).startswith("j")
    headers = {"authorization": f"Bearer {llama.key}"}
    while True:
        slots = httpx.get(f"{llama.url}/slots", headers=headers).json()
        if not any(slot["is_processing"] for slot in slots):
            break
        time.sleep(0.05)
    last = max(slots, key=lambda slot: slot.get("id_task", -1))
    assert last["next_token"][0]["n_decoded"] < 900, "it wrote on until its window was full"
