"""One recording a vendor, framework and feature of the wire, each in one mode.

The chat of innoGPT in LangChain and of meinGPT in LlamaIndex is in ``test_standard.py``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from dsgvo import PROVIDERS
from tests.langchain import support as langchain
from tests.llamaindex import support as llamaindex
from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop
from tests.vendors import MODELS, THINKING_MODEL

__all__ = ["nothing_in_settings", "own_event_loop"]
pytestmark = pytest.mark.usefixtures("cassette")
EMBEDDED = {"dimensions": 8, "allow_undocumented": True}
HELLO, WEATHER = "Guten Tag!", 'Wie ist das Wetter in "Köln"?'
SPECIAL = (("innogpt", "gpt-5"), ("sovrgpt", THINKING_MODEL))  # streams unasked; thinks


class Person(BaseModel):
    """Eine Person."""

    name: str


def wetter(ort: str) -> str:
    """Gibt das Wetter für einen Ort an."""
    return f"In {ort} scheint die Sonne."


def models(without: str, *special: tuple[str, str]) -> pytest.MarkDecorator:
    rows = [*((name, model) for name, model in MODELS.items() if name != without), *special]
    return pytest.mark.parametrize(("provider", "model"), rows)


def methods(without: str) -> pytest.MarkDecorator:
    specs = [spec for spec in PROVIDERS.values() if spec.name != without]
    rows = [(spec.name, method) for spec in specs for method in spec.structured_output]
    rows = [row for row in rows if row[1] != "function_calling"]  # on the wire as in test_tools
    return pytest.mark.parametrize(("provider", "method"), rows)


class TestLangChain:
    suite: ClassVar = "langchain"

    @pytest.fixture
    def mode(self, provider: str) -> langchain.Mode:
        return langchain.Mode("async" if provider in {"meingpt", "sovrgpt"} else "sync")

    @models("innogpt", *SPECIAL)
    def test_chat(self, provider: str, model: str, mode: Any) -> None:
        llm = langchain.chat(provider, model=model)
        chunks = mode.stream(llm, HELLO)
        assert len(chunks) > 2
        for answer in (mode.invoke(llm, HELLO), langchain.whole(chunks)):
            assert answer.response_metadata["finish_reason"] == "stop"
            thoughts = ["reasoning"] if model == THINKING_MODEL else []
            assert [block["type"] for block in answer.content_blocks] == [*thoughts, "text"]

    @models("innogpt")
    def test_tools(self, provider: str, model: str, mode: Any) -> None:
        llm, question = langchain.chat(provider, model=model), HumanMessage(WEATHER)
        asking = mode.invoke(llm.bind_tools([wetter], tool_choice="wetter"), [question])
        [call] = asking.tool_calls
        result = ToolMessage(wetter(**call["args"]), tool_call_id=call["id"])
        assert mode.invoke(llm, [question, asking, result]).text

    @methods("innogpt")
    def test_structured(self, provider: str, method: Any, mode: Any) -> None:
        chain = langchain.chat(provider).with_structured_output(Person, method=method)
        assert isinstance(mode.invoke(chain, 'Sie heißt "Anna".'), Person)

    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_embeddings(self, provider: str, mode: Any) -> None:
        model = langchain.EMBEDDINGS[provider](model="text-embedding-3-small", **EMBEDDED)
        vectors = mode.call(model, "embed_documents", ["Urlaub", "Reisekosten"])
        assert [len(vector) for vector in vectors] == [8, 8]


class TestLlamaIndex:
    suite: ClassVar = "llamaindex"

    @pytest.fixture
    def mode(self, provider: str) -> llamaindex.Mode:
        return llamaindex.Mode("async" if provider in {"innogpt", "neuroflash"} else "sync")

    @models("meingpt", *SPECIAL)
    def test_chat(self, provider: str, model: str, mode: Any) -> None:
        llm = llamaindex.llm(provider, model=model)
        pieces = mode.listed(llm, "stream_chat", [ChatMessage(HELLO)])
        assert "".join(piece.delta or "" for piece in pieces) == pieces[-1].message.content
        for answer in (mode.call(llm, "chat", [ChatMessage(HELLO)]), pieces[-1]):
            thoughts = ["thinking"] if model == THINKING_MODEL else []
            assert [block.block_type for block in answer.message.blocks] == [*thoughts, "text"]

    @models("meingpt")
    def test_tools(self, provider: str, model: str, mode: Any) -> None:
        llm, tools = llamaindex.llm(provider, model=model), [FunctionTool.from_defaults(wetter)]
        asking = mode.call(llm, "chat_with_tools", tools, user_msg=WEATHER, tool_required=True)
        [call] = llm.get_tool_calls_from_response(asking)
        kwargs = {"tool_call_id": call.tool_id}
        result = ChatMessage(wetter(**call.tool_kwargs), role="tool", additional_kwargs=kwargs)
        assert mode.call(
            llm, "chat", [ChatMessage(WEATHER), asking.message, result]
        ).message.content

    @methods("meingpt")
    def test_structured(self, provider: str, method: Any, mode: Any) -> None:
        llm, prompt = llamaindex.llm(provider, structured_output=method), PromptTemplate("{text}")
        person = mode.call(llm, "structured_predict", Person, prompt, text='Sie heißt "Anna".')
        assert isinstance(person, Person)

    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_embeddings(self, provider: str, mode: Any) -> None:
        model = llamaindex.EMBEDDINGS[provider](model_name="text-embedding-3-small", **EMBEDDED)
        vectors = mode.call(model, "get_text_embedding_batch", ["Urlaub", "Reisekosten"])
        assert [len(vector) for vector in vectors] == [8, 8]
