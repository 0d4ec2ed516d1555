"""Structured output in what LangChain alone has: kinds of schemas, the raw message, chains."""

import pickle
import re
from traceback import extract_stack
from typing import Annotated, Any, TypedDict
from unittest.mock import patch

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessageChunk

from dsgvo.emulator import Reply, Server
from dsgvo.errors import ConfigurationError
from tests.frameworks.test_structured import ANNA, FAULTS, METHODS, TEXT, Person, Tree, reply
from tests.langchain.support import Mode, Way, bodies, chat


class PersonDict(TypedDict):
    """Eine Person."""

    name: str
    alter: Annotated[int, ..., "Alter in Jahren."]


PERSON_SCHEMA = {**Person.model_json_schema(), "title": "person"}
FUNCTION = {"name": "person", "parameters": PERSON_SCHEMA}
SCHEMAS: dict[str, Any] = {
    "PersonDict": PersonDict,
    "person": PERSON_SCHEMA,
    "untitled": {k: v for k, v in PERSON_SCHEMA.items() if k not in {"title", "description"}},
    "OpenAI's tool": {"type": "function", "function": FUNCTION},
    "elsewhere": {"title": "person", "$ref": "#/$defs/P", "$defs": {"P": PERSON_SCHEMA}},
    "OpenAI's form": {"name": "person", "schema": PERSON_SCHEMA, "strict": True},
}
EVERY_METHOD = pytest.mark.parametrize("method", METHODS)
QUESTION = "„Anna“ ist 34 Jahre alt."
DATA = {"name": "Anna", "alter": 34}


@EVERY_METHOD
@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_that_is_no_class_gives_dicts_that_grow_while_they_stream(
    server: Server, mode: Mode, method: Any, kind: str
) -> None:
    name = {"PersonDict": kind, "untitled": "answer"}.get(kind, "person")
    server.script("innogpt", *[reply(method, name=name)] * 2)
    chain = chat("innogpt").with_structured_output(SCHEMAS[kind], method=method)
    assert mode.invoke(chain, "Wer?") == DATA
    add, by = AIMessageChunk.__add__, list[str]()
    spy = lambda *two: by.append(extract_stack(limit=2)[0].filename) or add(*two)  # noqa: E731
    with patch.object(AIMessageChunk, "__add__", spy):
        parts = mode.stream(chain, "Wer?")
    assert sum("langchain_dsgvo" in one for one in by) == 1  # LangChain before 1.8: each piece
    assert (parts[-1], len(parts) > 1, parts[0].keys() <= DATA.keys()) == (DATA, True, True)
    assert all("Alter in Jahren" in str(body) or '"alter"' in str(body) for body in bodies(server))


@EVERY_METHOD
def test_include_raw_gives_the_message_too(server: Server, mode: Mode, method: Any) -> None:
    chain = chat("innogpt").with_structured_output(Person, method=method, include_raw=True)
    answer = mode.invoke(pickle.loads(pickle.dumps(chain)), QUESTION)
    assert (answer["parsed"], answer["parsing_error"]) == (ANNA, None)
    assert answer["raw"].usage_metadata["total_tokens"] > 0
    whole = (TEXT, "content_filter", "content filter stopped")
    for text, finish_reason, says in (FAULTS["cut"], FAULTS["missing field"], whole):
        server.script("innogpt", reply(method, text, finish_reason=finish_reason))
        answer = mode.invoke(chain, "Wer?")
        assert answer["parsed"] is answer["parsing_error"].__context__ is None
        assert re.search(says, str(answer["parsing_error"]))
        assert answer["raw"].response_metadata["finish_reason"]


def test_a_list_that_an_answer_does_not_hold_is_an_error(server: Server, way: Way) -> None:
    server.script("innogpt", reply("function_calling", '{"b": [1]}', "a"))
    with pytest.raises(OutputParserException, match="lacks its one field"):
        way.answer(chat("innogpt").with_structured_output({"title": "a", "type": "array"}))


@pytest.mark.parametrize("schema", [None, {}])
def test_json_mode_without_a_schema_gives_objects(server: Server, mode: Mode, schema: Any) -> None:
    server.script("sovrgpt", *[Reply('{"stadt": "Köln"}')] * 2)
    chain = chat("sovrgpt").with_structured_output(schema, method="json_mode")
    answers = [mode.invoke(chain, "In JSON!"), mode.stream(chain, "In JSON!")[-1]]
    assert answers == [{"stadt": "Köln"}] * 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"schema": None}, "schema is missing: method='function_calling' needs one"),
        ({"schema": Person, "method": "json_mode", "strict": True}, "json_mode' knows no strict"),
        ({"schema": Person, "tools": [], "method": "json_mode"}, "create_agent"),
        ({"schema": Person, "tool_choice": "any"}, "offers the schema alone"),
        ({"schema": Person, "method": "json_schema", "tools": ["f"]}, "tools: nothing .* by 'f'"),
    ],
)
def test_what_cannot_be_asked_for(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        chat("innogpt").with_structured_output(**wrong)


def test_strict_and_parameters_go_along(server: Server) -> None:
    model = chat("innogpt")
    for strict in (True, False, None):
        model.with_structured_output(Person, strict=strict, temperature=0.1).invoke("Wer?")
    sent = [(it["tools"][0]["function"].get("strict"), it["temperature"]) for it in bodies(server)]
    assert sent == [(True, 0.1), (False, 0.1), (None, 0.1)]
    function = model.bind_tools([Tree], strict=True).kwargs["tools"][0]["function"]
    assert function["parameters"]["$defs"]["Tree"]["additionalProperties"] is False
    model.with_structured_output(SCHEMAS["OpenAI's form"], method="json_schema").invoke(QUESTION)
    form = bodies(server)[-1]["response_format"]["json_schema"]
    assert (form["name"], form["description"], form["strict"]) == ("person", "Eine Person.", True)
    assert form["schema"].items() >= {"additionalProperties": False, "required": [*DATA]}.items()


def lookup(name: str) -> str:
    """Look a person up."""
    return name


def test_tools_beside_a_schema(server: Server, mode: Mode) -> None:
    call = Reply(tool_calls=[{"name": "lookup", "arguments": '{"name": "Anna"}'}])
    server.script("innogpt", call, Reply(TEXT), call)
    chain = chat("innogpt").with_structured_output(Person, tools=[lookup], include_raw=True)
    raw, *others = mode.invoke(chain, "Wie alt ist Anna?").values()
    assert (others, raw.tool_calls[0]["name"]) == ([None, None], "lookup")
    assert mode.invoke(chain, "Wie alt ist Anna?")["parsed"] == ANNA
    sent = [(one["tools"][0]["function"]["name"], one["response_format"]) for one in bodies(server)]
    assert [(name, form["type"]) for name, form in sent] == [("lookup", "json_schema")] * 2
    alone = chat("innogpt").with_structured_output(Person, method="json_schema", include_raw=True)
    assert mode.invoke(alone, "Und Anna?")["parsing_error"]  # of a call that nobody has offered
