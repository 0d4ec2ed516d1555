"""The answers on the vendors' pages become the right objects in both frameworks.

That includes placeholders ("string", 0). Only the stream is not word for word: see there.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage

import langchain_dsgvo
import llamaindex_dsgvo
from dsgvo import errors
from dsgvo.emulator import Raw, Server
from tests.vendors import MODELS, classes

CHAT = classes(langchain_dsgvo, "Chat{}")
LLM = classes(llamaindex_dsgvo, "{}")

MEINGPT = """{"id": "string", "object": "chat.completion", "created": 0, "model": "string",
"choices": [{"index": 0, "message": {"role": "assistant", "content": "string", "tool_calls":
[{"id": "string", "type": "function", "function": {"name": "string", "arguments": "string"}}]},
"finish_reason": "stop"}],
"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}"""
MEINGPT_ERROR = '{"status": "error", "message": "string"}'
SLOGAN = "Create smarter content, faster — powered by AI that knows your brand."
NEUROFLASH = f"""{{"id": "gen-1775000000-AbCdEfGh", "object": "chat.completion",
"model": "openai/gpt-4.1-mini", "choices": [{{"index": 0, "message": {{"role": "assistant",
"content": "{SLOGAN}"}}, "finish_reason": "stop"}}],
"usage": {{"prompt_tokens": 14, "completion_tokens": 12, "total_tokens": 26, "words_used": 9}}}}"""
SOVRGPT = """{"id": "chatcmpl-abc123", "object": "chat.completion", "created": 1715520000,
"model": "qwen3.5-9b", "choices": [{"index": 0, "message": {"role": "assistant",
"content": "Diffusionsmodelle …"}, "finish_reason": "stop"}],
"usage": {"prompt_tokens": 42, "completion_tokens": 87, "total_tokens": 129}}"""
# The page sets no blank lines between the events; the format is "mit OpenAI identisch", which does.
# It has a line "…" before the last chunk, for those that it leaves out.
SOVRGPT_STREAM = "\n\n".join(
    (
        'data: {"id":"chatcmpl-abc","choices":[{"delta":{"role":"assistant"},"index":0}]}',
        'data: {"id":"chatcmpl-abc","choices":[{"delta":{"content":"Diff"},"index":0}]}',
        'data: {"id":"chatcmpl-abc","choices":[{"delta":{"content":"usions"},"index":0}]}',
        'data: {"id":"chatcmpl-abc","choices":[{"delta":{},"finish_reason":"stop","index":0}]}',
        "data: [DONE]",
        "",
    )
)


def shown(body: str, media_type: str = "application/json", status: int = 200) -> Raw:
    return Raw(status, headers={"content-type": media_type}, chunks=[body.encode()])


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    return vendor_environment


def whole(server: Server, provider: str, body: str) -> tuple[AIMessage, Any]:
    """Return LangChain's message and LlamaIndex's response for a documented answer."""
    server.script(provider, shown(body), shown(body))
    message = CHAT[provider](model=MODELS[provider]).invoke("Hallo")
    return message, LLM[provider](model=MODELS[provider]).chat([ChatMessage("Hallo")])


def test_meingpts_answer(server: Server) -> None:
    message, response = whole(server, "meingpt", MEINGPT)
    assert message.text == response.message.content == "string"
    # "string" is not a JSON object, so the call is kept and not carried out.
    [call] = message.invalid_tool_calls
    assert (call["id"], call["name"], call["args"]) == ("string", "string", "string")
    assert message.usage_metadata == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    assert message.response_metadata["finish_reason"] == "stop"
    [block] = [b for b in response.message.blocks if isinstance(b, ToolCallBlock)]
    assert (block.tool_call_id, block.tool_name, block.tool_kwargs) == ("string",) * 3


def test_meingpts_error(server: Server) -> None:
    server.script("meingpt", *[shown(MEINGPT_ERROR, status=403)] * 2)
    for ask in (CHAT["meingpt"](model="gpt-4o").invoke, LLM["meingpt"](model="gpt-4o").complete):
        with pytest.raises(errors.PermissionDeniedError, match="string") as caught:
            ask("Hallo")
        assert (caught.value.status_code, caught.value.provider) == (403, "meingpt")


def test_neuroflashs_answer(server: Server) -> None:
    message, response = whole(server, "neuroflash", NEUROFLASH)
    assert message.text == response.message.content == SLOGAN
    assert message.usage_metadata == {"input_tokens": 14, "output_tokens": 12, "total_tokens": 26}
    metadata = message.response_metadata
    said = (metadata["id"], metadata["model_name"], metadata["token_usage"]["words_used"])
    assert said == ("gen-1775000000-AbCdEfGh", "openai/gpt-4.1-mini", 9)
    assert "created" not in metadata
    counts = {"prompt_tokens": 14, "completion_tokens": 12, "total_tokens": 26, "words_used": 9}
    assert response.additional_kwargs.items() >= counts.items()


def test_sovrgpts_answer(server: Server) -> None:
    message, response = whole(server, "sovrgpt", SOVRGPT)
    assert message.text == response.message.content == "Diffusionsmodelle …"
    assert message.usage_metadata == {"input_tokens": 42, "output_tokens": 87, "total_tokens": 129}
    metadata = message.response_metadata
    assert (metadata["id"], metadata["created"]) == ("chatcmpl-abc123", 1715520000)
    assert response.additional_kwargs["total_tokens"] == 129


def test_sovrgpts_stream(server: Server) -> None:
    chat, llm = (kind["sovrgpt"](model=MODELS["sovrgpt"]) for kind in (CHAT, LLM))
    server.script("sovrgpt", *[shown(SOVRGPT_STREAM, "text/event-stream")] * 4)
    chunks = list(chat.stream("Hallo"))
    assert [chunk.text for chunk in chunks if chunk.text] == ["Diff", "usions"]
    assert chunks[-1].response_metadata["finish_reason"] == "stop"
    assert chunks[-1].usage_metadata is None
    responses = list(llm.stream_chat([ChatMessage("Hallo")]))
    assert [response.delta for response in responses if response.delta] == ["Diff", "usions"]
    assert responses[-1].message.content == "Diffusions"
    # And as the answer to a plain request.
    assert chat.invoke("Hallo").text == llm.complete("Hallo").text == "Diffusions"
