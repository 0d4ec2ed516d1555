"""Histories that a server refuses, and the forms in which it takes them from then on."""

import re
from typing import Any

import pytest

from dsgvo.emulator import Raw, Reply, Server, Status
from dsgvo.errors import APIStatusError
from dsgvo.wire.forms import in_forms
from tests.core.support import Mode, chunk, sse

ROLES = {"s": "system", "u": "user", "a": "assistant"}
TEXT: Any = {"type": "text", "text": "1"}
IMAGE: Any = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def history(written: str) -> list[dict[str, Any]]:
    """Return messages, each written as the letter of its role and its text.

    ``a1~Hm`` is an answer with a thought, ``c1`` a call and its result, ``k1`` one with a field of
    the vendor's, ``u|`` an image, and ``u1|`` one beside a text.
    """
    messages: list[dict[str, Any]] = []
    for role, text in ((one[0], one[1:].replace("+", "\n\n")) for one in written.split()):
        call: dict[str, Any] = {"id": text, "type": "function", "function": {"name": "f"}}
        call |= {"extra_content": {"a": 1}} if role == "k" else {}
        said, thinks, thought = text.partition("~")
        content = {"|": [IMAGE], "1|": [TEXT, IMAGE]}.get(said, said)
        if role in ROLES:
            more = {"reasoning_content": thought} if thinks else {}
            messages.append({"role": ROLES[role], "content": content, **more})
        else:
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            messages.append({"role": "tool", "content": "3", "tool_call_id": text})
    return messages


FIRST, ONLY = "System message must be at the beginning", "Only the first message can be system"
AFTER, ALTERNATE = "Unexpected role '{}' after role '{}'", "conversation roles must alternate"
WANTS, SIGNED = "The `reasoning_content` must be passed back", "is missing a thought_signature"
OF_NINE = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."
LONG = "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a maximum length of 40"
# What is refused, with which words one after another, and what is sent at last
ROWS: list[tuple[str, list[str], str]] = [
    ("s1 s2 u3", [FIRST], "s1+2 u3"),
    ("s1 u2 s3", [AFTER.format("system", "user")], "s1 u2 u3"),
    ("u1 s2", [ONLY], "u1 u2"),
    ("s1 u2", ["System role not supported", ALTERNATE], "u1+2"),
    ("s1 u2", ["'messages[0].role' does not support 'system' with this model."], "u1 u2"),
    ("u1 u| a3 a4 u5", [ALTERNATE], "u1| a3+4 u5"),
    ("u1 c2 u3", [AFTER.format("user", "tool")], "u1 c2 aDone. u3"),
    ("ccall_1 c123456789", [OF_NINE], "c74196fe72 c123456789"),
    ("u1 ccall_1", [LONG], "u1 c74196fe72"),
    ("ccall:1", ["tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"], "c0af631555"),
    ("u1 a2~Hm u3 a4 u5", [WANTS, WANTS], "u1 a2~Hm u3 a4~ u5"),
    ("u1 a2~Hm a3~Oh u4", [WANTS, ALTERNATE], "u1 a2+3~Hm+Oh u4"),
    ("k1", [SIGNED], "k1"),
]


def test_what_is_refused_is_sent_as_the_server_wants_it(mode: Mode, server: Server) -> None:
    """Also what asks for the rest of an answer, of which nothing comes at first."""
    client = mode.client("innogpt", server, max_retries=0)
    cut = Raw(chunks=[sse(chunk("1", "length"))])
    nothing = Raw(chunks=[sse(chunk(), done=False)], drop=True)
    for number, (given, refusals, sent) in enumerate(ROWS):
        status = (400, 422, 500)[number % 3]  # the last is llama.cpp's, of a template that fails
        refused = [Status(status, message=f"{said}: stream_options") for said in refusals]
        server.script("innogpt", *refused, Status(status, message=refusals[-1]))
        asked = {"model": f"m{number}", "send_reasoning": None}
        with pytest.raises(APIStatusError) as caught:  # it did not help, and is forgotten
            mode.ask(client, history(given), **asked)
        assert refusals[-1] in str(caught.value)  # an id is nobody's words
        server.script("innogpt", cut, *refused, nothing)
        mode.ask(client, history(given), **asked, continue_cut_answers=2)
        mode.ask(client, history(given), **asked)
        found = [one.json["messages"] for one in server.requests][len(refusals) + 1 :]
        first, *more, rest, once_more, again = found
        assert first != history(sent) == rest[:-2] == once_more[:-2] == again
        assert len(more) == len(refusals)
        server.clear()


def test_no_quote_asks_for_a_form_and_one_is_forgotten(mode: Mode, server: Server) -> None:
    client, form = mode.client("innogpt", server, max_retries=0), history("s1+2 u3")
    tool: Any = {"type": "function", "function": {"name": "f", "description": FIRST}}
    quotes = [([*history("s1 s2"), {"role": "user", "content": FIRST}], {}, "***")]
    quotes += [(history("s1 s2"), {"tools": [tool]}, FIRST)]
    for given, offered, shown in quotes:
        server.script("innogpt", Status(500, message=f"failed: {FIRST}"))
        with pytest.raises(APIStatusError, match=re.escape(f"failed: {shown}")):
            mode.ask(client, given, **offered)
    server.clear()
    no, late = Status(400, message="no"), Status(400, message=f"{'x ' * 400}: {FIRST}")
    answers = late, Reply("1"), Reply("1"), no, Status(400, message=FIRST), no
    server.script("innogpt", *answers)
    tool["function"]["description"] = "Its rows, which must be at the beginning"  # is but alike
    mode.ask(client, history("s1 s2 u3"), tools=[tool])
    mode.ask(client, history("s1 s2 u3"))
    with pytest.raises(APIStatusError, match="no"):  # the user's fault, not the form's
        mode.ask(client, history("s1 s2 u3"))
    mode.ask(client, history("s1 s2 u3"))
    named = [{"role": "user", "content": "1", "name": name} for name in ("Anna", "Bernd")]
    alternating = in_forms({"messages": named}, {"alternating roles"})
    assert alternating["messages"][0]["content"] == "Anna: 1\n\nBernd: 1"
    sent, plain = [one.json["messages"] for one in server.requests], history("s1 s2 u3")
    assert sent == [plain, form, form, form, plain, form, plain]


TOOL, OTHER = ({"type": "function", "function": {"name": name}} for name in "fg")
TEXTS = "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
EMPTY: dict[str, Any] = {"name": "f", "parameters": {"type": "object", "properties": {}}}
OFFERED, USE = {"tools": [TOOL | {"function": EMPTY}]}, "Use 'max_completion_tokens' instead."
TOLD = {"tools", "tool_choice", "max_tokens", "max_completion_tokens"}
# What is given and refused, with which words, and what is sent from then on
FIELDS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (OFFERED | {"tool_choice": TOOL}, TEXTS, OFFERED | {"tool_choice": "required"}),
    (OFFERED, "parameters.properties: should be non-empty for OBJECT type", {"tools": [TOOL]}),
    ({"max_tokens": 5}, f"'max_tokens' is not supported. {USE}", {"max_completion_tokens": 5}),
]


def test_fields_that_are_refused_are_sent_as_they_are_wanted(mode: Mode, server: Server) -> None:
    client = mode.client("innogpt", server, max_retries=0)
    for number, (given, said, sent) in enumerate(FIELDS):
        server.script("innogpt", Status(400, message=said))
        for _ in "ab":
            mode.ask(client, history("u1"), model=f"f{number}", **given)
        asked = (one.json for one in server.requests[-3:])
        found = [{name: one[name] for name in one.keys() & TOLD} for one in asked]
        assert found == [given, sent, sent]
    server.script("innogpt", Status(400, message=TEXTS))
    with pytest.raises(APIStatusError, match="method='json_mode'"):  # which one has to be said
        mode.ask(client, history("u1"), tools=[TOOL, OTHER], tool_choice=TOOL)
