"""Structured output in what LlamaIndex alone has: settings of the object, and its programs."""

from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode

from dsgvo.emulator import Server
from llamaindex_dsgvo import ModelOutputError
from tests.frameworks.test_structured import ANNA, TEXT, Person, asked_by, reply
from tests.llamaindex.support import Mode, bodies, llm

PROMPT = PromptTemplate("Lies die Angaben zur Person.\n\n{text}")
GIVEN = "Name: „Anna“\nAlter: 34"


def test_the_method_follows_from_the_model_and_its_settings(mode: Mode, server: Server) -> None:
    for model, method in (
        (llm("sovrgpt", is_function_calling_model=False), "json_mode"),
        (llm("innogpt", should_use_structured_outputs=True), "json_schema"),
    ):
        assert mode.call(model, "structured_predict", Person, PROMPT, text=GIVEN) == ANNA
        assert asked_by(bodies(server)[-1]) == method


def test_system_prompt_and_parameters_go_along(mode: Mode, server: Server) -> None:
    model = llm("neuroflash", system_prompt="Sei genau.")
    prompt = ChatPromptTemplate([ChatMessage("Name: „{name}“\nAlter: 3")])
    options = {"llm_kwargs": {"temperature": 0, "tool_choice": "auto"}, "name": "Bea"}
    assert mode.call(model, "structured_predict", Person, prompt, **options).name == "Bea"
    body = bodies(server)[0]
    assert body["messages"][0] == {"role": "system", "content": "Sei genau."}
    assert (body["temperature"], "tool_choice" in body) == (0, False)


def test_llama_indexs_own_programs(mode: Mode, server: Server) -> None:
    asked: dict[str, Any] = {"output_cls": Person, "prompt": PROMPT, "text": GIVEN}
    for kind, method in (("LLM", "json_mode"), ("FUNCTION", "function_calling")):
        server.script("innogpt", *[reply(method)] * 2)
        model = llm("innogpt", pydantic_program_mode=PydanticProgramMode[kind])
        assert mode.call(model, "structured_predict", **asked) == ANNA
        grown = mode.listed(model, "stream_structured_predict", **asked)
        assert [one for one in grown if (one.name, one.alter) == ("Anna", None)]
        assert grown[-1] == ANNA
    server.script("innogpt", reply("function_calling", TEXT[:-2], finish_reason="length"))
    with pytest.raises(ModelOutputError, match="cut at max_tokens"):  # not half of the number
        mode.listed(model, "stream_structured_predict", **asked)
