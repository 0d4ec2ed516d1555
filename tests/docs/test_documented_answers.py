"""The answers on the vendors' pages, word for word: that includes placeholders ("string", 0)."""

from typing import Any

import pytest

from dsgvo import Client, ToolCall
from dsgvo.emulator import Raw, Server
from tests.vendors import MODELS

MEINGPT = """{"id": "string", "object": "chat.completion", "created": 0, "model": "string",
"choices": [{"index": 0, "message": {"role": "assistant", "content": "string", "tool_calls":
[{"id": "string", "type": "function", "function": {"name": "string", "arguments": "string"}}]},
"finish_reason": "stop"}],
"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}"""
SLOGAN = "Create smarter content, faster — powered by AI that knows your brand."
NEUROFLASH = f"""{{"id": "gen-1775000000-AbCdEfGh", "object": "chat.completion",
"model": "openai/gpt-4.1-mini", "choices": [{{"index": 0, "message": {{"role": "assistant",
"content": "{SLOGAN}"}}, "finish_reason": "stop"}}],
"usage": {{"prompt_tokens": 14, "completion_tokens": 12, "total_tokens": 26, "words_used": 9}}}}"""
SOVRGPT = """{"id": "chatcmpl-abc123", "object": "chat.completion", "created": 1715520000,
"model": "qwen3.5-9b", "choices": [{"index": 0, "message": {"role": "assistant",
"content": "Diffusionsmodelle …"}, "finish_reason": "stop"}],
"usage": {"prompt_tokens": 42, "completion_tokens": 87, "total_tokens": 129}}"""


@pytest.mark.parametrize(
    ("provider", "body", "expected", "counts"),
    [
        ("meingpt", MEINGPT, ("string", "string", [ToolCall(*["string"] * 3)]), [0, 0, 0, None]),
        ("neuroflash", NEUROFLASH, ("openai/gpt-4.1-mini", SLOGAN, []), [14, 12, 26, 9]),
        ("sovrgpt", SOVRGPT, ("qwen3.5-9b", "Diffusionsmodelle …", []), [42, 87, 129, None]),
    ],
)
def test_an_answer_is_what_its_page_says(
    vendor_environment: Server, provider: str, body: str, expected: tuple[Any, ...], counts: Any
) -> None:
    step = Raw(headers={"content-type": "application/json"}, chunks=[body.encode()])
    vendor_environment.script(provider, step)
    answer = Client(provider).chat([{"role": "user", "content": "Hallo"}], model=MODELS[provider])
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "words_used")
    assert [(answer.usage or {}).get(name) for name in names] == counts
    assert (answer.model, answer.content, answer.tool_calls) == expected
    assert answer.finish_reason == "stop"
