"""meinGPT for LlamaIndex."""

from __future__ import annotations

from typing import Any, ClassVar

from llama_index.core.base.response.schema import Response
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from dsgvo._secrets import without_frames
from dsgvo.settings import AssistantSettings
from dsgvo.wire.assistants import AssistantAnswer
from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel
from llamaindex_dsgvo._settings import VendorSettings

__all__ = [
    "MeinGPT",
    "MeinGPTAssistantQueryEngine",
    "MeinGPTAssistantToolSpec",
    "MeinGPTEmbedding",
]


class MeinGPT(ChatModel):
    """Chat models of meinGPT, after its pages "Completions" and "Modell API".

    The vendor honours ``temperature``, ``tools``, ``tool_choice`` and ``response_format``; it
    accepts and ignores everything else, such as ``max_tokens``, of which a warning tells once, or
    an error with ``strict=True``. Models that the vendor says take no tools are told to
    LlamaIndex as such.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llama_index.core.llms import ChatMessage
        >>> from llamaindex_dsgvo import MeinGPT
        >>> llm = MeinGPT(model="gpt-4o-mini")
        >>> response = llm.chat([ChatMessage("Hallo!")])
        >>> response.message.role.value
        'assistant'
        >>> MeinGPT(model="llama-3.1-sonar-large-128k-online").metadata.is_function_calling_model
        False
    """

    provider: ClassVar[str] = "meingpt"


class MeinGPTEmbedding(EmbeddingModel):
    """Embedding models of meinGPT, after its page "Modell API".

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import MeinGPTEmbedding
        >>> len(MeinGPTEmbedding(dimensions=256).get_query_embedding("Wie viel Urlaub habe ich?"))
        256
    """

    provider: ClassVar[str] = "meingpt"


class MeinGPTAssistantQueryEngine(AssistantSettings, VendorSettings, CustomQueryEngine):
    """Query engine that asks an assistant of the organisation.

    ``QueryEngineTool.from_defaults(engine, name=…, description=…)`` makes it a tool of its own
    name. Where the assistants are is public; how one is run is seen in a program that does it, and
    not documented.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.
        ResidencyError: With ``residency="strict"``, unless ``trusted_models`` has the assistant's
            id: the vendor does not say beforehand which model answers.

    Examples:
        >>> from llamaindex_dsgvo import MeinGPTAssistantQueryEngine
        >>> response = MeinGPTAssistantQueryEngine(assistant_id="emulator-1").query("Hallo!")
        >>> response.response[:8], sorted(response.metadata)
        ('Ich bin ', ['model', 'request_id', 'usage'])
    """

    provider: ClassVar[str] = "meingpt"

    def custom_query(self, query_str: str) -> Response:
        """Return the assistant's answer to a question."""
        return _response(self._client.run_assistant(**self._request(query_str)))

    async def acustom_query(self, query_str: str) -> Response:
        """Return the assistant's answer to a question; see :meth:`custom_query`."""
        return _response(await self._async_client.run_assistant(**self._request(query_str)))

    def _request(self, question: str) -> dict[str, Any]:
        return {
            "assistant_id": self.assistant_id,
            "messages": [{"role": "user", "content": question}],
            "extra_body": self.additional_kwargs or None,
        }


def _response(answer: AssistantAnswer) -> Response:
    metadata = {"model": answer.model, "usage": answer.usage, "request_id": answer.request_id}
    return Response(answer.text, metadata=metadata)


class MeinGPTAssistantToolSpec(BaseToolSpec):
    """Tool that asks an assistant of the organisation; arguments as of the query engine.

    ``to_tool_list(func_to_metadata_mapping=…)`` gives the tool a name and description of its own,
    which tell the model what the assistant knows.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import MeinGPTAssistantToolSpec
        >>> [tool] = MeinGPTAssistantToolSpec(assistant_id="emulator-1").to_tool_list()
        >>> tool.call(question="Hallo!").content[:8]
        'Ich bin '
    """

    spec_functions: list[SPEC_FUNCTION_TYPE] = [("ask_assistant", "aask_assistant")]  # noqa: RUF012 - as LlamaIndex has it

    @without_frames
    def __init__(self, **arguments: Any) -> None:
        self._engine = MeinGPTAssistantQueryEngine(**arguments)

    def ask_assistant(self, question: str) -> str:
        """Ask an assistant of the organisation a question.

        Args:
            question: What to ask, with all that must be known to answer it.
        """
        return str(self._engine.custom_query(question))

    async def aask_assistant(self, question: str) -> str:
        """Ask an assistant a question; see :meth:`ask_assistant`."""
        return str(await self._engine.acustom_query(question))
