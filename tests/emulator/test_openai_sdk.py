"""Every documented capability of the four dialects, driven by the official OpenAI SDK.

Each test runs with ``OpenAI`` and with ``AsyncOpenAI``; streams and lists come back complete.
"""

import base64
import json
import struct
from typing import Any

import openai
import pytest

from tests.emulator.support import QUESTION, Person, Sdk, paired

ADDER = {
    "type": "function",
    "function": {
        "name": "addiere",
        "description": "Addiert zwei ganze Zahlen.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "wetter",
        "description": "Sagt das Wetter an einem Ort.",
        "parameters": {
            "type": "object",
            "properties": {"ort": {"type": "string"}},
            "required": ["ort"],
        },
    },
}
TEXTS = ["Der Urlaub dauert 30 Tage.", "Passwörter haben 14 Zeichen."]


def test_chat(sdk: Sdk, vendor: str, model: str) -> None:
    answer = sdk(vendor).chat.completions.create(model=model, messages=QUESTION)
    assert answer.object == "chat.completion"
    assert answer.model == model
    assert answer.system_fingerprint.startswith("emulator-")
    assert answer.choices[0].finish_reason == "stop"
    assert "Emulator" in answer.choices[0].message.content
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


def test_a_stream_says_the_same_as_the_plain_answer(sdk: Sdk, vendor: str, model: str) -> None:
    client = sdk(vendor)
    plain = client.chat.completions.create(model=model, messages=QUESTION)
    chunks = client.chat.completions.create(model=model, messages=QUESTION, stream=True)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == plain.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].choices[0].delta.content is None
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("vendor", ["innogpt", "neuroflash", "sovrgpt"])
def test_a_stream_counts_tokens_only_when_asked(sdk: Sdk, vendor: str, model: str) -> None:
    client = sdk(vendor)
    asked = client.chat.completions.create(
        model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    assert asked[-1].choices == []
    assert asked[-1].usage.completion_tokens > 0
    for options in ({}, {"stream_options": {"include_usage": False}}):
        unasked = client.chat.completions.create(
            model=model, messages=QUESTION, stream=True, **options
        )
        assert all(chunk.usage is None for chunk in unasked)


def test_a_tool_is_called_and_its_result_used(sdk: Sdk, vendor: str, model: str) -> None:
    client = sdk(vendor)
    messages: list = [{"role": "user", "content": "Addiere 17 und 25."}]
    tools = [WEATHER, ADDER]
    first = client.chat.completions.create(model=model, messages=messages, tools=tools)
    assert first.choices[0].finish_reason == "tool_calls"
    (call,) = first.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "addiere",
        {"a": 17, "b": 25},
    )
    messages += [
        first.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": '{"summe": 42}'},
    ]
    second = client.chat.completions.create(model=model, messages=messages, tools=tools)
    assert second.choices[0].finish_reason == "stop"
    assert "42" in second.choices[0].message.content


def test_streamed_tool_calls_grow_in_pieces(sdk: Sdk, vendor: str, model: str) -> None:
    chunks = sdk(vendor).chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Wie ist das Wetter in „Bad Ems“?"}],
        tools=[WEATHER, ADDER],
        stream=True,
    )
    deltas = [d for chunk in chunks for d in chunk.choices[0].delta.tool_calls or []]
    names = [delta.function.name for delta in deltas if delta.function.name]
    assert names == ["wetter"]
    arguments = [""]
    for delta in deltas:
        arguments[delta.index] += delta.function.arguments or ""
    assert [json.loads(text) for text in arguments] == [{"ort": "Bad Ems"}]
    assert sum(delta.index == 0 for delta in deltas) > 1
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


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
    answer = sdk(vendor).chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Guten Morgen!"}],
        tools=[WEATHER, ADDER],
        tool_choice=choice,
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called


@pytest.mark.parametrize("vendor", ["innogpt", "meingpt", "neuroflash"])
def test_structured_output_by_json_schema(sdk: Sdk, vendor: str, model: str) -> None:
    answer = sdk(vendor).chat.completions.parse(
        model=model,
        messages=[{"role": "user", "content": "„Anna Schmidt“ ist 34 Jahre alt."}],
        response_format=Person,
    )
    assert answer.choices[0].message.parsed == Person(name="Anna Schmidt", alter=34)


def test_json_mode(sdk: Sdk, vendor: str, model: str) -> None:
    schema = json.dumps(Person.model_json_schema())
    answer = sdk(vendor).chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": f"Antworte in JSON nach diesem Schema: {schema}"},
            {"role": "user", "content": "„Anna Schmidt“ ist 34 Jahre alt."},
        ],
        response_format={"type": "json_object"},
    )
    content = answer.choices[0].message.content
    assert Person.model_validate_json(content) == Person(name="Anna Schmidt", alter=34)


@pytest.mark.parametrize("vendor", ["innogpt", "meingpt", "neuroflash"])
@pytest.mark.parametrize(
    "asked",
    [
        {"response_format": {"type": "text"}},
        {"messages": [{"role": "developer", "content": "Sei kurz."}, *QUESTION]},
    ],
)
def test_what_openai_takes_and_sovrgpt_alone_does_not(
    sdk: Sdk, vendor: str, model: str, asked: dict[str, Any]
) -> None:
    answer = sdk(vendor).chat.completions.create(**{"model": model, "messages": QUESTION} | asked)
    assert "Emulator" in answer.choices[0].message.content


@pytest.mark.parametrize("vendor", ["innogpt", "neuroflash", "sovrgpt"])
def test_stop(sdk: Sdk, vendor: str, model: str) -> None:
    client = sdk(vendor)
    for stop in (" lokale", [" lokale"], [" Emulator", " lokale"]):
        stopped = client.chat.completions.create(model=model, messages=QUESTION, stop=stop)
        assert stopped.choices[0].message.content == "Ich bin der"
        assert stopped.choices[0].finish_reason == "stop"


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
    client = sdk(vendor)
    # Unasked, the SDK asks for base64 and decodes it; asked for base64, it leaves it as it is.
    unasked, floats, encoded = (
        client.embeddings.create(input=TEXTS, model=model, **encoding)
        for encoding in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"})
    )
    for answer in (unasked, floats, encoded):
        assert [one.index for one in answer.data] == [0, 1]
        assert answer.model == model
        assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    for position in range(len(TEXTS)):
        vector = floats.data[position].embedding
        assert len(vector) == size
        assert sum(value**2 for value in vector) == pytest.approx(1, abs=1e-5)
        assert unasked.data[position].embedding == pytest.approx(vector, abs=1e-7)
        raw = base64.b64decode(encoded.data[position].embedding)
        assert struct.unpack(f"<{size}f", raw) == pytest.approx(vector, abs=1e-7)


def test_dimensions(sdk: Sdk) -> None:
    answer = sdk("meingpt").embeddings.create(
        input=TEXTS, model="text-embedding-3-large", dimensions=256
    )
    assert {len(one.embedding) for one in answer.data} == {256}


def test_token_ids_are_taken_by_meingpt_alone(sdk: Sdk) -> None:
    tokens = [[1, 2, 3], [4]]
    for given, count in ((tokens, 2), (tokens[0], 1)):
        answer = sdk("meingpt").embeddings.create(input=given, model="text-embedding-3-large")
        assert len(answer.data) == count
    with pytest.raises(openai.BadRequestError):
        sdk("innogpt").embeddings.create(input=tokens, model="text-embedding-3-large")


@pytest.mark.parametrize("vendor", ["neuroflash", "sovrgpt"])
def test_no_embeddings_where_none_are_documented(sdk: Sdk, vendor: str) -> None:
    with pytest.raises(openai.NotFoundError):
        sdk(vendor).embeddings.create(input=TEXTS, model="text-embedding-3-large")
