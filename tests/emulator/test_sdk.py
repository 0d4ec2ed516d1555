"""Every documented capability of the four dialects, and errors, as the OpenAI SDK reads them."""

import base64
import struct
from typing import Any

import openai
import pytest

from dsgvo.emulator import Server, Status
from tests.emulator.conftest import QUESTION, Sdk
from tests.vendors import MODELS


@pytest.mark.covers("*", "endpoint POST */chat/completions")
def test_a_stream_says_the_same_as_the_plain_answer(ask: Sdk, vendor: str) -> None:
    plain, chunks = (ask(vendor, stream=stream) for stream in (False, True))
    assert (plain.object, plain.model) == ("chat.completion", MODELS[vendor])
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


@pytest.mark.covers("meingpt", "behaviour Streams carry no usage, even when asked", "Inferred")
def test_a_stream_counts_tokens_only_when_asked(ask: Sdk, vendor: str) -> None:
    for options, counted in (({"include_usage": True}, vendor != "meingpt"), ({}, False)):
        chunks = ask(vendor, stream=True, stream_options=options)
        told = [chunk for chunk in chunks if chunk.usage]
        assert told == chunks[-1:] * counted
        assert all(bool(one.choices) is (vendor == "neuroflash") for one in told)


@pytest.mark.covers("sovrgpt", "parameter n: more than one answer is refused before sending", "Doc")
@pytest.mark.covers(
    "sovrgpt",
    "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending",
    "Doc",
)
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"n": 2}, "n > 1 is not supported"),
        ({"response_format": {"type": "text"}}, "must be 'json_object'"),
        ({"messages": [{"role": "developer", "content": "x"}, *QUESTION]}, "messages.0..role must"),
    ],
)
def test_what_openai_takes_and_sovrgpt_alone_does_not(
    ask: Sdk, vendor: str, fields: dict, says: str
) -> None:
    if vendor == "sovrgpt":
        with pytest.raises(openai.BadRequestError, match=says):
            ask(vendor, **fields)
    else:
        assert "Emulator" in ask(vendor, **fields).choices[0].message.content


@pytest.mark.parametrize(
    ("vendor", "fields", "said"),
    [
        ("innogpt", {"max_tokens": 2}, "Ich bin"),
        ("innogpt", {"max_completion_tokens": 2}, "Ich bin"),
        ("innogpt", {"stop": " lokale"}, "Ich bin der"),
        ("neuroflash", {"max_tokens": 2}, "Ich bin"),
        ("neuroflash", {"stop": [" lokale"]}, "Ich bin der"),
        ("sovrgpt", {"stop": [" Emulator", " lokale"]}, "Ich bin der"),
        # "jedoch werden nicht alle Parameter beachtet"
        ("meingpt", {"max_tokens": 2, "max_completion_tokens": 2, "stop": " Emulator"}, None),
        ("meingpt", {"n": 3, "seed": 7, "top_p": 9, "frequency_penalty": 9, "user": "ich"}, None),
        # Not among the seventeen fields of the page.
        ("neuroflash", {"max_completion_tokens": 2, "n": 3, "top_p": 9, "user": "ich"}, None),
        # "Ignoriert (nicht crashend): seed, logit_bias, user, n, presence_penalty, …"
        ("sovrgpt", {"max_completion_tokens": 2, "n": 1, "seed": 7, "user": "ich"}, None),
        ("sovrgpt", {"presence_penalty": 9, "frequency_penalty": 9, "logit_bias": {"1": 5}}, None),
    ],
)
def test_what_is_honoured_cuts_the_answer_and_the_rest_has_no_effect(
    ask: Sdk, vendor: str, fields: dict[str, Any], said: str | None
) -> None:
    answer = ask(vendor, **fields)
    if said is None:
        assert answer.choices == ask(vendor).choices
    else:
        [choice] = answer.choices
        reason = "stop" if "stop" in fields else "length"
        assert (choice.message.content, choice.finish_reason) == (said, reason)
        assert answer.usage.completion_tokens == len(said.split())


@pytest.mark.covers("innogpt", "endpoint POST */embeddings")
@pytest.mark.covers("meingpt", "endpoint POST */embeddings")
@pytest.mark.parametrize(
    ("vendor", "model", "size"),
    [("innogpt", "x", 1536), ("meingpt", "text-embedding-3-large", 3072)],
)
def test_embeddings_are_the_same_in_both_encodings(
    sdk: Sdk, vendor: str, model: str, size: int
) -> None:
    texts, formats = ["Der Urlaub dauert 30 Tage.", "der die das", "😀"], []
    # Unasked, the SDK asks for base64 and decodes it; asked for base64, it leaves it as it is.
    encodings = [("encoding_format", form) for form in ("float", "base64")]
    for name, value in (("user", "ich"), *encodings, ("dimensions", 9)):
        answer = sdk(vendor).embeddings.create(input=texts, model=model, **{name: value})
        assert ([one.index for one in answer.data], answer.model) == ([0, 1, 2], model)
        assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
        formats.append([one.embedding for one in answer.data])
    for plain, vector, coded, short in zip(*formats, strict=True):
        assert (len(vector), len(short)) == (size, 9)
        assert sum(value**2 for value in vector) == pytest.approx(1, abs=1e-5)
        assert plain == pytest.approx(vector, abs=1e-7)
        raw = struct.unpack(f"<{size}f", base64.b64decode(coded))
        assert raw == pytest.approx(vector, abs=1e-7)


@pytest.mark.parametrize(
    ("vendor", "status", "kind", "code"),
    [
        ("innogpt", 401, "authentication_error", "unauthorized"),
        ("sovrgpt", 403, "permission_error", "forbidden"),
        ("innogpt", 429, "rate_limit_error", "rate_limit_exceeded"),
        ("sovrgpt", 503, "server_error", "error"),
        ("meingpt", 408, "", ""),
        ("neuroflash", 404, "", "not_found"),
    ],
)
def test_a_status_has_the_vendors_body(
    ask: Sdk, server: Server, vendor: str, status: int, kind: str, code: str
) -> None:
    server.script(vendor, Status(status, message="Geht nicht"))
    with pytest.raises(openai.APIStatusError) as caught:
        ask(vendor)
    error = {"message": "Geht nicht", "type": kind, "param": None, "code": code}
    own = {
        "meingpt": {"status": "error", "message": "Geht nicht"},
        "neuroflash": {"error": "Geht nicht", "code": code},
    }
    assert caught.value.status_code == status
    assert caught.value.response.json() == own.get(vendor, {"error": error})
    assert str(caught.value.request_id).startswith("emulator-")
