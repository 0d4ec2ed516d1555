"""What users do, with every class of both frameworks, against servers that nobody here wrote.

A grammar makes a small model, or a random one, say exactly what a scenario needs: llama.cpp takes
one in ``grammar``, which LiteLLM passes on, vLLM in ``structured_outputs``.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import BaseModel, Field

from dsgvo import PROVIDERS, errors
from tests.calls import Mode
from tests.core.support import eventually
from tests.frameworks.support import Answer, Way
from tests.real.frameworks import FORMS, Asked
from tests.real.servers import Llama, Target

FRAMEWORKS, SAID = ("langchain", "llamaindex"), "Grüße aus Köln, 20 €! 👋"
ENDLESS = {"grammar": 'root ::= "ja " root'}
CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Köln"}}</tool_call>'


def saying(text: str) -> dict[str, Any]:
    return {"extra_body": {"grammar": f"root ::= {json.dumps(text, ensure_ascii=False)}"}}


class City(BaseModel):
    """A city."""

    name: str = Field(max_length=20)
    size: int = Field(ge=0, le=99)


def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It is 20 degrees in {city}."


def text(asked: Asked) -> None:
    answer = asked.ask("Sag etwas!", **saying(SAID))
    assert (answer.text, answer.thoughts, answer.calls) == (SAID, "", [])
    assert answer.finish_reason == "stop"
    read, written, both = tokens(answer)
    assert min(read, written) > 5
    assert both == read + written


def tokens(answer: Answer) -> list[int]:
    return [answer.usage[f"{name}_tokens"] for name in ("prompt", "completion", "total")]


def cut(asked: Asked) -> None:
    answer = asked.ask("Sag ja!", extra_body={"max_tokens": 4} | ENDLESS)
    assert answer.text.startswith("ja")
    assert (answer.finish_reason, tokens(answer)[1]) == ("length", 4)


def thoughts(asked: Asked) -> None:
    answer = asked.ask("Denk nach!", **saying("<think>Hm, hm.</think>Ja."))
    assert (answer.text, answer.thoughts) == ("Ja.", "Hm, hm.")


def tools(asked: Asked) -> None:
    question = "What is the weather in Berlin?"
    call, end = map(saying, (CALL, "20.")) if asked.target.name == "vLLM" else ({}, {})
    answer = asked.ask(question, get_weather, temperature=0, **call)
    [(name, arguments)], [call_id] = answer.calls, answer.ids
    assert ((name, *arguments), answer.finish_reason) == (("get_weather", "city"), "tool_calls")
    result = asked.way.result(get_weather(**arguments), call_id=call_id)
    last = asked.ask([question, answer.message, result], get_weather, temperature=0, **end)
    assert "20" in last.text
    assert last.finish_reason == "stop"


def structured_output(asked: Asked) -> None:
    for method in PROVIDERS[asked.vendor].structured_output:
        body: dict[str, Any] = {"max_tokens": 100}
        if method == "json_mode" and asked.target.name == "vLLM":
            continue  # vLLM takes no schema beside the type, and a random model knows none
        if method == "json_mode":  # the model knows no schema; llama.cpp takes one beside the type
            body["response_format"] = {"type": "json_object", "schema": City.model_json_schema()}
        model = asked.model(temperature=0, extra_body=body)
        found = asked.way.structured(model, City, method, "What is the city of Rome, 8?")
        assert City.model_validate(found), method


def wrong_key(asked: Asked) -> None:
    # LiteLLM looks other keys than the master's up in a database, which it has none of here.
    error, says = errors.AuthenticationError, "Invalid API Key|Unauthorized"
    if asked.target.name == "LiteLLM":
        error, says = errors.BadRequestError, "No connected db"
    with pytest.raises(error, match=says) as caught:
        asked.ask("Hi", api_key="sk-key-of-nobody")
    assert "key-of-nobody" not in str(caught.value)


def unknown_model(asked: Asked) -> None:
    if asked.target.name == "llama.cpp":
        pytest.skip("llama.cpp has one model, and answers by whatever name it is asked")
    # LiteLLM's status for it is 400; OpenAI's and vLLM's is 404.
    error = errors.NotFoundError if asked.target.name == "vLLM" else errors.BadRequestError
    with pytest.raises(error, match="no-such-model"):
        asked.ask("Hi", model="no-such-model")


def overflow(asked: Asked) -> None:
    with pytest.raises(errors.ContextWindowExceededError):
        asked.ask("Wort " * 1500)


def embeddings(asked: Asked) -> None:
    if asked.target.name == "vLLM":
        pytest.skip("vLLM serves one model, and this one answers")
    texts = [f"Satz {number} über die Stadt" for number in range(40)]
    vectors = np.array(asked.embed(texts))
    assert vectors.shape == (40, 576)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert np.allclose(np.array(asked.embed(texts[7:8]))[0], vectors[7], atol=1e-2)


SCENARIOS: list[Callable[[Asked], None]] = [
    *(text, cut, thoughts, tools, structured_output),
    *(wrong_key, unknown_model, overflow, embeddings),
]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("vendor", PROVIDERS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_each_class(scenario: Any, vendor: str, framework: str, target: Target) -> None:
    # Vendors are paired with ways: each vendor is asked in each way, in some scenario.
    form = FORMS[(SCENARIOS.index(scenario) + list(PROVIDERS).index(vendor)) % len(FORMS)]
    scenario(Asked(vendor, Way(framework, *form), target))


BOTH = [Mode("sync"), Mode("async")]
WAYS = [Way(framework, mode, streamed=True) for framework in FRAMEWORKS for mode in BOTH]
ASKED = [*zip(("sovrgpt", "innogpt", "meingpt", "neuroflash"), WAYS, strict=True)]
STREAMS = pytest.mark.parametrize(("vendor", "way"), ASKED, ids=str)


@STREAMS
def test_twenty_streams_at_once(vendor: str, way: Way, target: Target) -> None:
    asked = Asked(vendor, way, target)
    model = asked.model(**saying("Köln 👋"))

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(asked.texts(model) for _ in range(20)))

    if way.mode.is_async:
        found = asyncio.run(all_at_once())
    else:
        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda _: asyncio.run(asked.texts(model)), range(20)))
    assert found == ["Köln 👋"] * 20


@STREAMS
def test_a_server_killed_mid_stream(vendor: str, way: Way, doomed: Target, mortal: Llama) -> None:
    asked = Asked(vendor, way, doomed)
    with mortal.running() as process, pytest.raises(errors.IncompleteStreamError) as caught:
        asyncio.run(asked.texts(asked.model(extra_body=ENDLESS), on_first=process.kill))
    assert caught.value.partial is not None
    assert caught.value.partial.content.startswith("j")


@STREAMS
def test_a_server_sees_a_left_stream(vendor: str, way: Way, target: Target, llama: Target) -> None:
    if target.name == "vLLM":
        pytest.skip("vLLM tells of no single stream what it wrote; llama.cpp does")
    asked = Asked(vendor, way, target)
    assert asyncio.run(asked.texts(asked.model(extra_body=ENDLESS), stop=3)).startswith("j")
    headers = {"authorization": f"Bearer {llama.key}"}

    def slots() -> list[dict[str, Any]]:
        return httpx.get(f"{llama.url}/slots", headers=headers).json()

    assert eventually(lambda: not any(slot["is_processing"] for slot in slots()), seconds=60)
    last = max(slots(), key=lambda slot: slot.get("id_task", -1))
    assert last["next_token"][0]["n_decoded"] < 900, "it wrote on until its window was full"
