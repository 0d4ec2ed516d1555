"""The shared table of bad input, through this package: nothing is sent, and the text says why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from dsgvo import errors
from dsgvo.emulator import Server
from tests.bad_input import CASES, KEY, MODEL, BadInput
from tests.llamaindex.support import EMBEDDINGS, LLMS, Mode

# What the core calls otherwise.
RENAMED = {"batch_size": "embed_batch_size", "max_concurrency": "num_workers"}


def ask(case: BadInput, server: Server, mode: Mode) -> Any:
    """Make the mistake; fields of a model are arguments of its class, as users write them."""
    settings = {"api_key": KEY, "api_base": server.base_url(case.provider)}
    if case.provider == "neuroflash":
        settings["workspace_id"] = "workspace"
    without = {"api_base" if name == "base_url" else name for name in case.without}
    given = dict(case.settings)
    if "base_url" in given:
        given["api_base"] = given.pop("base_url")
    params = dict(case.params)
    if case.call == "embed":
        texts = params.pop("texts", ["a"])
        given |= {RENAMED.get(name, name): value for name, value in params.items()}
        arguments = {k: v for k, v in (settings | given).items() if k not in without}
        return mode.call(EMBEDDINGS[case.provider](**arguments), "get_text_embedding_batch", texts)
    kind = LLMS[case.provider]
    settings["model"] = MODEL
    settings |= {name: params.pop(name) for name in list(params) if name in kind.model_fields}
    arguments = {k: v for k, v in (settings | given).items() if k not in without}
    return mode.call(kind(**arguments), "chat", [ChatMessage("Hallo!")], **params)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input(
    case: BadInput, server: Server, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in LLMS:
        for name in server.environ(provider):
            monkeypatch.delenv(name, raising=False)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(getattr(errors, case.error)) as caught:
        ask(case, server, mode)
    message = str(caught.value)
    says = [RENAMED.get(text.split("=")[0], text.split("=")[0]) for text in case.says]
    expected = [
        text.replace(text.split("=")[0], name, 1)
        for text, name in zip(case.says, says, strict=True)
    ]
    assert [text for text in expected if text not in message] == []
    assert [text for text in (*case.hides, KEY) if text in message] == []
    assert server.requests == []


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
        ({"http_client": object()}, "http_client cannot be set: connections are pooled"),
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
