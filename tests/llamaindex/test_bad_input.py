"""Arguments that this package alone has: refused with the way out, or understood."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dsgvo import errors
from tests.bad_input import MODEL
from tests.llamaindex.support import LLMS, Mode


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"temprature": 0.5}, "did you mean 'temperature'?"),
        (
            {"grammar": "g"},
            "SovrGPT has no argument 'grammar': fields of the request's body go into addi",
        ),
        ({"is_chat_model": False}, "is_chat_model cannot be set: all models here are chat models"),
        ({"api_version": "2024-02"}, "api_version cannot be set"),
        ({"http_client": object()}, "http_client is a object: pass an httpx.Client"),
        ({"logprobs": True}, "logprobs cannot be set: no vendor documents it"),
        ({"tokenizer": "qwen"}, "tokenizer cannot be set"),
        ({"should_use_structured_outputs": True}, "'json_schema' is not documented by SovrGPT"),
        ({"api_base": "https://a.example", "base_url": "https://b.example"}, "the same argument"),
        ({"api_key": object()}, "api_key"),
        ({"context_window": 0}, "context_window=0"),
        ({"workspace_id": "w"}, "has no argument 'workspace_id'"),
        ({"residency": "mars"}, "residency='mars'"),
    ],
)
def test_arguments_of_the_class(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        LLMS["sovrgpt"](**{"model": MODEL} | arguments)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"stream": True}, "call stream_chat()"),
        ({"default_headers": {"X-A": "b"}}, "pass it to the constructor"),
        ({"api_base": "https://a.example"}, "pass it to the constructor"),
    ],
)
def test_arguments_of_a_call(mode: Mode, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=re.escape(says)):
        mode.call(LLMS["sovrgpt"](model=MODEL), "complete", "Hallo!", **arguments)


def test_a_working_program_of_openai_like_goes_on() -> None:
    """Everything that such programs say, of what is true here as well."""
    llm = LLMS["sovrgpt"](
        model=MODEL,
        is_chat_model=True,
        is_function_calling_model=False,
        context_window=8000,
        max_new_tokens=50,
        temperature=0.1,
        reuse_client=False,
        api_version=None,
        additional_kwargs={},
        should_use_structured_outputs=False,
        timeout=60.0,
        max_retries=3,
        default_headers={"X-Team": "rag"},
        system_prompt="Antworte kurz.",
    )
    assert llm.metadata.context_window == 8000
    assert llm.metadata.num_output == 50
    assert not llm.metadata.is_function_calling_model
    assert llm.complete("Hallo!").text
