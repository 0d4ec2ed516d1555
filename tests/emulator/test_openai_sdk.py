"""Every documented capability of the four dialects, driven by the official OpenAI SDK.

Each test runs with ``OpenAI`` and with ``AsyncOpenAI``; streams and lists come back complete.
"""

import base64
import json
import struct
from typing import Any

import openai
import pytest

from dsgvo.emulator import Server
from tests.emulator.support import LIMITS, QUESTION, Person, Sdk, paired


def function(name: str, told: str, kind: str, *fields: str) -> dict[str, Any]:
    properties = {field: {"type": kind} for field in fields}
    parameters = {"type": "object", "properties": properties, "required": [*fields]}
    told_of = {"name": name, "description": told, "parameters": parameters}
    return {"type": "function", "function": told_of}


WEATHER = function("wetter", "Sagt das Wetter an einem Ort.", "string", "ort")
ADDER = function("addiere", "Addiert zwei ganze Zahlen.", "integer", "a", "b")
TEXTS = ["Der Urlaub dauert 30 Tage.", "Passwörter haben 14 Zeichen."]
ANNA = [{"role": "user", "content": "„Anna Schmidt“ ist 34 Jahre alt."}]


def test_a_stream_says_the_same_as_the_plain_answer(sdk: Sdk, vendor: str, model: str) -> None:
    ask = sdk(vendor).chat.completions.create
    plain, chunks = (ask(model=model, messages=QUESTION, stream=s) for s in (False, True))
    assert (plain.object, plain.model) == ("chat.completion", model)
    assert plain.system_fingerprint.startswith("emulator-")
    assert plain.choices[0].finish_reason == chunks[-1].choices[0].finish_reason == "stop"
    usage = plain.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == plain.choices[0].message.content
    assert "Emulator" in text
    assert chunks[-1].choices[0].delta.content is None
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("vendor", ["innogpt", "neuroflash", "sovrgpt"])
def test_a_stream_counts_tokens_only_when_asked(sdk: Sdk, vendor: str, model: str) -> None:
    asked, *unasked = (
        sdk(vendor).chat.completions.create(model=model, messages=QUESTION, stream=True, **options)
        for options in (
            {"stream_options": {"include_usage": True}},
            {"stream_options": {"include_usage": False}},
            {},
        )
    )
    assert asked[-1].choices == []
    assert asked[-1].usage.completion_tokens > 0
    assert all(chunk.usage is None for chunks in unasked for chunk in chunks)


def test_a_tool_is_called_and_its_result_used(sdk: Sdk, vendor: str, model: str) -> None:
    asked = {"model": model, "tools": [WEATHER, ADDER]}
    messages: list = [{"role": "user", "content": "Addiere 17 und 25."}]
    first = sdk(vendor).chat.completions.create(messages=messages, **asked)
    assert first.choices[0].finish_reason == "tool_calls"
    [call] = first.choices[0].message.tool_calls
    assert call.function.name == "addiere"
    assert json.loads(call.function.arguments) == {"a": 17, "b": 25}
    chunks = sdk(vendor).chat.completions.create(messages=messages, stream=True, **asked)
    deltas = [d for chunk in chunks for d in chunk.choices[0].delta.tool_calls or []]
    assert [d.function.name for d in deltas if d.function.name] == ["addiere"]
    assert {d.index for d in deltas} == {0}
    assert len(deltas) > 1
    pieces = [d.function.arguments or "" for d in deltas]
    assert "".join(pieces) == call.function.arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"summe": 42}'}
    messages += [first.choices[0].message, result]
    second = sdk(vendor).chat.completions.create(messages=messages, **asked)
    assert second.choices[0].finish_reason == "stop"
    assert "42" in second.choices[0].message.content


@paired(
    "choice called",
    [
        ("none", []),
        ("auto", []),
        ("required", ["wetter"]),
        ({"type": "function", "function": {"name": "addiere"}}, ["addiere"]),
    ],
)
def test_every_form_of_tool_choice(
    sdk: Sdk, vendor: str, model: str, choice: object, called: list[str]
) -> None:
    messages = [{"role": "user", "content": "Guten Morgen!"}]
    answer = sdk(vendor).chat.completions.create(
        model=model, messages=messages, tools=[WEATHER, ADDER], tool_choice=choice
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called


def test_structured_output_and_json_mode(sdk: Sdk, vendor: str, model: str) -> None:
    anna, client = Person(name="Anna Schmidt", alter=34), sdk(vendor).chat.completions
    if vendor != "sovrgpt":
        answer = client.parse(model=model, messages=ANNA, response_format=Person)
        assert answer.choices[0].message.parsed == anna
    rule = f"Antworte in JSON nach diesem Schema: {json.dumps(Person.model_json_schema())}"
    answer = client.create(
        model=model,
        messages=[{"role": "system", "content": rule}, *ANNA],
        response_format={"type": "json_object"},
    )
    assert Person.model_validate_json(answer.choices[0].message.content) == anna


@pytest.mark.parametrize("vendor", ["innogpt", "meingpt", "neuroflash"])
def test_what_openai_takes_and_sovrgpt_alone_does_not(sdk: Sdk, vendor: str, model: str) -> None:
    answer = sdk(vendor).chat.completions.create(
        model=model,
        messages=[{"role": "developer", "content": "Sei kurz."}, *QUESTION],
        response_format={"type": "text"},
    )
    assert "Emulator" in answer.choices[0].message.content


@LIMITS
def test_a_limit_that_is_honoured(sdk: Sdk, vendor: str, model: str, field: str) -> None:
    answer = sdk(vendor).chat.completions.create(model=model, messages=QUESTION, **{field: 2})
    assert answer.choices[0].message.content == "Ich bin"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize("vendor", ["innogpt", "neuroflash", "sovrgpt"])
def test_stop(sdk: Sdk, vendor: str, model: str) -> None:
    for stop in (" lokale", [" lokale"], [" Emulator", " lokale"]):
        stopped = sdk(vendor).chat.completions.create(model=model, messages=QUESTION, stop=stop)
        assert stopped.choices[0].message.content == "Ich bin der"
        assert stopped.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("vendor", "ignored"),
    [
        # "jedoch werden nicht alle Parameter beachtet"
        ("meingpt", {"max_tokens": 2}),
        ("meingpt", {"max_completion_tokens": 2}),
        ("meingpt", {"stop": " Emulator"}),
        ("meingpt", {"n": 3, "seed": 7, "top_p": 9, "frequency_penalty": 9, "user": "ich"}),
        # Not among the seventeen fields of the page.
        ("neuroflash", {"max_completion_tokens": 2}),
        ("neuroflash", {"n": 3, "top_p": 9, "user": "ich"}),
        ("sovrgpt", {"max_completion_tokens": 2}),
        # "Ignoriert (nicht crashend): seed, logit_bias, user, n, presence_penalty, …"
        ("sovrgpt", {"n": 1, "seed": 7, "logit_bias": {"1": 5}, "user": "ich"}),
        ("sovrgpt", {"presence_penalty": 9, "frequency_penalty": 9}),
    ],
)
def test_what_is_not_honoured_has_no_effect(
    sdk: Sdk, vendor: str, model: str, ignored: dict[str, Any]
) -> None:
    plain, answer = (
        sdk(vendor).chat.completions.create(model=model, messages=QUESTION, **fields)
        for fields in ({}, ignored)
    )
    assert answer.choices == plain.choices
    assert answer.choices[0].finish_reason == "stop"


def test_model_lists(sdk: Sdk, server: Server) -> None:
    with pytest.raises(openai.NotFoundError):
        sdk("neuroflash").models.list()
    url = server.base_url("neuroflash") + "/model_selection"
    with pytest.raises(AttributeError, match="'list' object"):  # a bare array, not OpenAI's object
        sdk("neuroflash", base_url=url).models.list()
    models = {model.id: model for model in sdk("sovrgpt").models.list()}
    assert models["gemma-4-26b-a4b"].accepts_vision is True
    assert models["qwen3.5-9b-text"].accepts_vision is False
    assert models["qwen3.5-27b-thinking"].tier == "reasoning"


@pytest.mark.parametrize(
    ("vendor", "model", "size"),
    [
        ("innogpt", "text-embedding-3-small", 1536),
        ("meingpt", "text-embedding-3-large", 3072),
        ("innogpt", "ein-modell-ohne-angaben", 1536),
    ],
)
def test_embeddings_are_the_same_in_both_encodings(
    sdk: Sdk, vendor: str, model: str, size: int
) -> None:
    # Unasked, the SDK asks for base64 and decodes it; asked for base64, it leaves it as it is.
    unasked, floats, encoded, short = (
        sdk(vendor).embeddings.create(input=TEXTS, model=model, **asked)
        for asked in (
            {},
            {"encoding_format": "float"},
            {"encoding_format": "base64"},
            {"dimensions": 256},
        )
    )
    for answer in (unasked, floats, encoded, short):
        assert [one.index for one in answer.data] == [0, 1]
        assert answer.model == model
        assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    assert {len(one.embedding) for one in short.data} == {256}
    for one, plain, coded in zip(floats.data, unasked.data, encoded.data, strict=True):
        vector = one.embedding
        assert len(vector) == size
        assert sum(value**2 for value in vector) == pytest.approx(1, abs=1e-5)
        assert plain.embedding == pytest.approx(vector, abs=1e-7)
        raw = base64.b64decode(coded.embedding)
        assert struct.unpack(f"<{size}f", raw) == pytest.approx(vector, abs=1e-7)


@pytest.mark.parametrize("vendor", ["neuroflash", "sovrgpt"])
def test_no_embeddings_where_none_are_documented(sdk: Sdk, vendor: str) -> None:
    with pytest.raises(openai.NotFoundError):
        sdk(vendor).embeddings.create(input=TEXTS, model="text-embedding-3-large")
