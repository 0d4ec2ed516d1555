"""The answers on the vendors' pages become the right objects in both frameworks.

That includes placeholders ("string", 0). Only the stream is not word for word: see there.
"""

from llama_index.core.llms import ChatMessage

from dsgvo.emulator import Raw, Server
from tests.frameworks.support import EACH, Answer, Way

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
# The page sets no blank lines between the events; the format is "mit OpenAI identisch", which does.
# It has a line "…" before the last chunk, for those that it leaves out.
SOVRGPT_STREAM = """data: {"id":"chatcmpl-abc","choices":[{"delta":{"role":"assistant"},"index":0}]}

data: {"id":"chatcmpl-abc","choices":[{"delta":{"content":"Diff"},"index":0}]}

data: {"id":"chatcmpl-abc","choices":[{"delta":{"content":"usions"},"index":0}]}

data: {"id":"chatcmpl-abc","choices":[{"delta":{},"finish_reason":"stop","index":0}]}

data: [DONE]
"""


def shown(body: str, media_type: str = "application/json", status: int = 200) -> Raw:
    return Raw(status, headers={"content-type": media_type}, chunks=[body.encode()])


def answered(server: Server, way: Way, provider: str, step: Raw) -> Answer:
    server.script(provider, step)
    return way.answer(way.model(provider))


@EACH
def test_meingpts_answer(vendor_environment: Server, way: Way) -> None:
    vendor_environment.script("meingpt", shown(MEINGPT))
    model = way.model("meingpt")
    # "string" is not a JSON object, so the call is kept and not carried out.
    if way.is_langchain:
        message = way.mode.invoke(model, "Hallo")
        [call] = message.invalid_tool_calls
        found = (message.text, call["id"], call["name"], call["args"])
        usage = message.usage_metadata
        assert usage == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        assert message.response_metadata["finish_reason"] == "stop"
    else:
        message = way.mode.call(model, "chat", [ChatMessage("Hallo")]).message
        call = message.blocks[-1]
        found = (message.content, call.tool_call_id, call.tool_name, call.tool_kwargs)
    assert found == ("string",) * 4


@EACH
def test_neuroflashs_and_sovrgpts_answers(vendor_environment: Server, way: Way) -> None:
    for provider, body, *said in (
        ("neuroflash", NEUROFLASH, SLOGAN, "openai/gpt-4.1-mini", [14, 12, 26, 9]),
        ("sovrgpt", SOVRGPT, "Diffusionsmodelle …", "qwen3.5-9b", [42, 87, 129, None]),
    ):
        answer = answered(vendor_environment, way, provider, shown(body))
        names = ("prompt_tokens", "completion_tokens", "total_tokens", "words_used")
        counts = [answer.usage.get(name) for name in names]
        assert [answer.text, answer.model, counts, answer.finish_reason] == [*said, "stop"]


@EACH
def test_sovrgpts_stream(vendor_environment: Server, way: Way) -> None:
    step = shown(SOVRGPT_STREAM + "\n", "text/event-stream")
    vendor_environment.script("sovrgpt", step)
    model = way.model("sovrgpt")
    if way.is_langchain:
        pieces = [chunk.text for chunk in way.mode.stream(model, "Hallo")]
    else:
        asked = [ChatMessage("Hallo")]
        pieces = [part.delta for part in way.mode.listed(model, "stream_chat", asked)]
    assert [text for text in pieces if text] == ["Diff", "usions"]
