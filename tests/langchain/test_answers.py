"""Answers as LangChain's messages: the same whole and streamed, whatever came with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.callbacks.usage import get_usage_metadata_callback
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool

from dsgvo import Completion, Delta, ToolCall
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import (
    BadRequestError,
    CapabilityError,
    IgnoredParameterWarning,
)
from dsgvo.wire.tools import ToolCallDelta
from langchain_dsgvo import ChatInnoGPT
from langchain_dsgvo._langchain_internals import force_invalid
from langchain_dsgvo._responses import to_chunk, to_result
from tests.core.support import answer, chunk, http, raw_server, sse
from tests.langchain.support import Mode, Way, bodies, chat, whole

IMAGE = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}


def both(completion: Completion) -> list[AIMessage]:
    """Return an answer as it is mapped whole, and as the sum of its pieces."""
    calls = [
        ToolCallDelta(index, call.id, call.name, call.arguments)
        for index, call in enumerate(completion.tool_calls)
    ]
    deltas = [
        Delta(content=completion.content, reasoning=completion.reasoning, tool_calls=calls),
        Delta(completion=completion),
    ]
    chunks = [made.message for delta in deltas if (made := to_chunk(delta, "m")) is not None]
    message: Any = to_result(completion, "m").generations[0].message
    return [message, whole(chunk for chunk in chunks if isinstance(chunk, AIMessageChunk))]


def completed(content: str = "Ja.", **more: Any) -> Completion:
    return Completion("innogpt", content=content, finish_reason="stop", **more)


def test_what_says_how_an_answer_was_made_is_metadata() -> None:
    logprobs = {"content": [{"token": "Ja", "logprob": -0.25, "top_logprobs": []}]}
    facts = {
        "logprobs": logprobs,
        "service_tier": "flex",
        "native_finish_reason": "end_turn",
        "content_filter_results": {"hate": {"filtered": False}},
    }
    for message in both(completed(extra={**facts, "annotations": []}, system_fingerprint="fp")):
        metadata = message.response_metadata
        assert {name: metadata[name] for name in facts} == facts
        assert metadata["system_fingerprint"] == "fp"
        assert metadata["model_name"] == "m"  # the answer did not name its model
        assert message.additional_kwargs == {"annotations": []}


CITED = {"url": "https://example.com/1", "title": "Eins", "start_index": 0, "end_index": 3}
YES = {"type": "text", "text": "Ja."}
CITATION = {"type": "citation", **CITED}


def other(kind: str, value: Any) -> dict[str, Any]:
    """Return how LangChain wraps what it has no form for."""
    return {"type": kind, "value": value}


@pytest.mark.parametrize(
    ("extra", "annotations", "further"),
    [
        ({"annotations": [{"type": "url_citation", "url_citation": CITED}]}, [CITATION], []),
        (
            {"annotations": [{"type": "url_citation", **CITED}, {"type": "neu", "a": 1}, 7]},
            [CITATION, other("non_standard_annotation", {"type": "neu", "a": 1})],
            [],
        ),
        (
            {"citations": ["https://example.com/1", {"a": 1}]},
            [
                {"type": "citation", "url": "https://example.com/1"},
                other("non_standard_annotation", {"a": 1}),
            ],
            [],
        ),
        (
            {"images": [{"image_url": {"url": "data:image/png;base64,aGk="}}, {"image_url": 1}]},
            None,
            [
                {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
                other("non_standard", {"image_url": 1}),
            ],
        ),
        (
            {"content_parts": [{"type": "reference", "reference_ids": [1]}], "images": "x"},
            None,
            [other("non_standard", {"type": "reference", "reference_ids": [1]})],
        ),
        ({"annotations": "x", "unknown": 1}, None, []),
    ],
)
def test_content_blocks_of_what_came_with_the_text(
    extra: Any, annotations: Any, further: Any
) -> None:
    text = YES | {"annotations": annotations} if annotations else YES
    for message in both(completed(extra=extra)):
        assert message.content_blocks == [text, *further]
        assert (message.content, message.additional_kwargs) == ("Ja.", extra)
    assert both(completed(extra={"name": "Erika"}))[0].name == "Erika"


def test_a_refusal_is_a_block_and_goes_back_as_text(server: Server) -> None:
    call = ToolCall("1", "f", "{}")
    for message in both(completed("", refusal="Nein.", reasoning="Hm.", tool_calls=[call])):
        kinds = [block["type"] for block in message.content_blocks]
        assert kinds == ["reasoning", "tool_call", "refusal"]
        assert message.additional_kwargs["refusal"] == "Nein."
    for message in both(completed("", refusal="Nein.")):
        assert message.content_blocks == [{"type": "refusal", "refusal": "Nein."}]
        chat("sovrgpt").invoke([HumanMessage("x"), message, HumanMessage("y")])
        sent = bodies(server)[-1]["messages"][1]
        assert sent == {"role": "assistant", "content": "Nein."}


@pytest.mark.parametrize(
    ("name", "arguments", "valid"),
    [
        ("f", "", {}),
        ("f", '{"a": 1}', {"a": 1}),
        ("f", '{"a": "x\ny"}', {"a": "x\ny"}),
        ("f", '{"a": "K\\u00f6ln 🌦"}', {"a": "Köln 🌦"}),
        ("f", '{"a": 1', None),
        ("f", '{"a": "1', None),
        ("f", '{"a": "1\\', None),
        ("f", '{"a": "\\"{[', None),
        ("f", '{"a": [{"b": ', None),
        ("f", "[1]", None),
        ("f", "kein JSON", None),
        ("", "{}", None),
        ("", "", None),
    ],
)
def test_calls_are_valid_or_invalid_in_both_modes(name: str, arguments: str, valid: Any) -> None:
    for message in both(completed("", tool_calls=[ToolCall("1", name, arguments)])):
        assert [call["args"] for call in message.tool_calls] == ([] if valid is None else [valid])
        assert len(message.invalid_tool_calls) == (valid is None)
        for call in message.invalid_tool_calls:
            assert (call["args"] or "").startswith(arguments)


def test_what_marks_broken_arguments_costs_what_they_are_long() -> None:
    for arguments in ('{"a": ' * 50_000, '{"a": "' + '\\"' * 500_000, "{" + '"a", ' * 200_000):
        assert len(force_invalid(arguments)) <= len(arguments)


USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": "4",
    "total_tokens": None,
    "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3, "audio_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2.0, "audio_tokens": "viele"},
}


def test_usage_of_any_shape() -> None:
    for message in both(completed(usage=USAGE)):
        assert message.usage_metadata == {
            "input_tokens": 9,
            "output_tokens": 4,
            "total_tokens": 13,
            "input_token_details": {"cache_read": 2, "cache_creation": 3, "audio": 1},
            "output_token_details": {"reasoning": 2},
        }
        assert message.response_metadata["token_usage"] == USAGE
    for message in both(completed(usage={"prompt_tokens": None})):
        assert message.usage_metadata is None


def test_usage_is_counted_for_an_answer_that_names_no_model(way: Way) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    events = sse(chunk("Ja.", "stop"), {"choices": [], "usage": usage})
    body = (
        http(events, kind="text/event-stream")
        if way.streamed
        else http(answer() | {"usage": usage})
    )
    with raw_server(body) as vendor, get_usage_metadata_callback() as counted:
        way.answer(chat("sovrgpt", model="m", base_url=vendor.url))
    assert counted.usage_metadata["m"]["total_tokens"] == 4


def test_generate_says_what_all_answers_cost(server: Server, mode: Mode) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "words_used": 2, "cost": 0.5}
    server.script("neuroflash", *[Reply("Ja.", usage=usage)] * 2)
    result = mode.call(chat("neuroflash"), "generate", [[HumanMessage("a")], [HumanMessage("b")]])
    assert result.llm_output == {
        "token_usage": {"prompt_tokens": 6, "completion_tokens": 2, "words_used": 4},
        "model_name": "openai/gpt-4.1-mini",
    }


# Histories

FOUND: list[Any] = [
    {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}},
    {"type": "web_search_tool_result", "tool_use_id": "1", "content": []},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "mcp_call", "id": "1"},
    {"executable_code": {"code": "1"}},
    {"type": "reasoning", "text": "Hm."},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    YES,
]
MARKS: list[Any] = [{"cachePoint": {"type": "default"}}, {"type": "cachePoint"}, YES]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (AIMessage(["Das sind ", {"type": "text", "text": "42"}, " Euro."]), "Das sind 42 Euro."),
        (AIMessage([YES | {"type": "output_text"}, {"type": "refusal", "refusal": ""}]), "Ja."),
        (AIMessage([{"type": "refusal", "refusal": "Nein."}]), "Nein."),
        (AIMessage(FOUND), "Ja."),
        (AIMessage([other("non_standard", {"type": "neu", "text": "Ja."})]), "Ja."),
        (HumanMessage(MARKS), "Ja."),
    ],
)
def test_messages_of_other_vendors_go_back_as_text(server: Server, message: Any, text: str) -> None:
    chat("innogpt").invoke([HumanMessage("x"), message, HumanMessage("y")])
    assert bodies(server)[0]["messages"][1]["content"] == text


def test_broken_calls_of_other_integrations_go_back_as_objects(server: Server) -> None:
    broken = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    nothing = {"id": "2", "type": "function", "function": None}
    message = AIMessage("", additional_kwargs={"tool_calls": [broken, nothing]})
    message.tool_calls, message.invalid_tool_calls = [], []
    chat("innogpt").invoke([HumanMessage("x"), message, ToolMessage("?", tool_call_id="1")])
    [call] = bodies(server)[0]["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"invalid_arguments": '{"a'}


def with_image(*calls: Any) -> list[Any]:
    asked: list[Any] = [HumanMessage("Zeig den Kurs!"), AIMessage("", tool_calls=list(calls))]
    blocks: Any = [{"type": "text", "text": "Der Kurs:"}, IMAGE]
    return asked + [ToolMessage(blocks, tool_call_id=call["id"]) for call in calls]


CALLS: list[Any] = [{"name": "kurs", "args": {}, "id": call_id} for call_id in ("1", "2")]


def test_an_image_in_a_tools_result_travels_in_a_users_message(server: Server, way: Way) -> None:
    way.answer(chat("innogpt"), with_image(*CALLS))
    *_, first, second, shown = bodies(server)[0]["messages"]
    assert first == {"role": "tool", "tool_call_id": "1", "content": "Der Kurs:"}
    assert second == {"role": "tool", "tool_call_id": "2", "content": "Der Kurs:"}
    assert shown["role"] == "user"
    assert [part["type"] for part in shown["content"]] == ["text", "image_url"] * 2


def test_where_no_image_is_taken_the_text_of_a_tools_result_goes(server: Server, way: Way) -> None:
    model = chat("meingpt")
    with pytest.warns(IgnoredParameterWarning, match="documents no image input"):
        way.answer(model, with_image(*CALLS))
    way.answer(model, with_image(*CALLS))  # told once
    for body in bodies(server):
        assert [message["content"] for message in body["messages"][2:]] == ["Der Kurs:"] * 2
    with pytest.raises(CapabilityError, match="documents no image input"):
        way.answer(chat("meingpt", strict=True), with_image(*CALLS))


def test_an_audio_in_a_tools_result_is_left_out(server: Server) -> None:
    audio: Any = [{"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"}, "gehört"]
    messages = [*with_image(CALLS[0])[:2], ToolMessage(audio, tool_call_id="1")]
    with pytest.warns(IgnoredParameterWarning, match="documents no audio input"):
        chat("innogpt").invoke(messages)
    assert bodies(server)[0]["messages"][-1]["content"] == "gehört"


def thinking_history() -> list[Any]:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    fields = {"reasoning_content": "Hm.", "reasoning_details": details}
    return [
        HumanMessage("a"),
        AIMessage("Ja.", additional_kwargs={"reasoning_content": "So."}),
        HumanMessage("b"),
        AIMessage("", tool_calls=[CALLS[0]], additional_kwargs=fields),
        ToolMessage("3", tool_call_id="1"),
    ]


def reasoning_sent(server: Server) -> list[list[Any]]:
    """Return which thoughts each request held, message by message."""
    names = ("reasoning_content", "reasoning_details")
    return [
        [message[name] for message in body["messages"] for name in names if name in message]
        for body in bodies(server)
    ]


THOUGHTS = ["Hm.", [{"type": "reasoning.encrypted", "data": "x"}]]


def test_thoughts_go_back_once_a_server_wants_them(server: Server, way: Way) -> None:
    wants = "thinking is enabled but reasoning_content is missing in assistant tool call message"
    server.script("sovrgpt", Status(400, message=wants))
    for _ in range(2):
        way.answer(chat("sovrgpt"), thinking_history())
    assert reasoning_sent(server) == [[], THOUGHTS, THOUGHTS]
    way.answer(chat("sovrgpt", send_reasoning=False), thinking_history())
    way.answer(chat("neuroflash"), thinking_history())
    way.answer(chat("neuroflash"), thinking_history(), send_reasoning=True)
    assert reasoning_sent(server)[3:] == [[], [], THOUGHTS]


def test_a_server_that_wants_thoughts_that_are_not_there(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", *[Status(400, message="reasoning_content is missing")] * 3)
    with pytest.raises(BadRequestError, match="reasoning_content is missing"):
        mode.invoke(chat("sovrgpt"), "Hallo!")
    with pytest.raises(BadRequestError, match="reasoning_content is missing"):
        mode.invoke(chat("sovrgpt"), thinking_history())
    assert len(server.requests) == 3


# Tools and settings


@pytest.mark.parametrize("indent", ["    ", ""])  # from 3.13 on, the compiler takes it away
def test_a_tools_description_is_the_same_under_every_python(server: Server, indent: str) -> None:
    def kurs(symbol: str) -> str:
        return symbol

    kurs.__doc__ = f"Gib den Kurs.\n\n{indent}Zeile zwei.\n{indent}    - eingerückt\n{indent}"
    own = {"name": "f", "description": "  a\n   b", "parameters": {"properties": {}}}
    tools = [kurs, StructuredTool.from_function(kurs), {"type": "function", "function": own}]
    chat("innogpt").bind_tools(tools).invoke("x")
    assert [tool["function"]["description"] for tool in bodies(server)[0]["tools"]] == [
        "Gib den Kurs. Zeile zwei.\n- eingerückt",  # as LangChain reads a function
        "Gib den Kurs.\n\nZeile zwei.\n    - eingerückt",
        "  a\n   b",
    ]


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_headers_are_known_to_dumps_and_caches_and_secrets_stay(server: Server) -> None:
    secrets = {"X-Gateway-Key": "geheim", "X-Tenant": "a1b2c3d4e5f6g7h8i9"}
    model = chat("innogpt", default_headers={"X-Team": "rag", **secrets})
    text = dumps(model)
    assert not [value for value in secrets.values() if value in text]
    assert model._get_llm_string() != chat("innogpt")._get_llm_string()
    again = loads(
        text,
        secrets_map={"INNOGPT_API_KEY": server.api_key},
        allowed_objects=[ChatInnoGPT],
        valid_namespaces=["langchain_dsgvo"],
    )
    assert again.default_headers == {"X-Team": "rag"}
