"""meinGPT for LangChain, after the vendor's pages "Completions" and "Modell API"."""

from __future__ import annotations

from typing import Any, ClassVar

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from dsgvo.errors import ConfigurationError
from dsgvo.settings import AssistantSettings, merged_body
from dsgvo.wire.arguments import listed
from dsgvo.wire.assistants import AssistantAnswer
from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from langchain_dsgvo._messages import to_wire
from langchain_dsgvo._responses import usage_metadata
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo.errors import langchain_errors

__all__ = ["ChatMeinGPT", "MeinGPTAssistant", "MeinGPTEmbeddings"]


class ChatMeinGPT(ChatModel):
    """meinGPT chat model.

    The vendor honours ``temperature``, ``tools``, ``tool_choice`` and ``response_format``, and
    accepts everything else without honouring it. Setting ``max_tokens``, ``top_p`` or ``stop`` is
    therefore warned about once, or refused with ``strict=True``.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``MEINGPT_API_KEY``.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> model = ChatMeinGPT(model="gpt-4o", temperature=0)
        >>> model.invoke("Sag Hallo!").response_metadata["finish_reason"]
        'stop'
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> model.with_structured_output(Person).invoke('"Anna" ist 34 Jahre alt')
        Person(name='Anna', age=34)
    """

    provider: ClassVar[str] = "meingpt"


class MeinGPTEmbeddings(EmbeddingModel):
    """meinGPT embeddings.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> vectors = MeinGPTEmbeddings(dimensions=256).embed_documents(["Guten Tag"])
        >>> len(vectors), len(vectors[0])
        (1, 256)
    """

    provider: ClassVar[str] = "meingpt"


class AssistantQuestion(BaseModel):
    """Arguments of an assistant as a tool."""

    question: str = Field(description="What to ask, with all that must be known to answer it.")


class MeinGPTAssistant(
    AssistantSettings, VendorSettings, RunnableSerializable[LanguageModelInput, AIMessage]
):
    """An assistant of the organisation, asked as a chat model is: messages in, a message out.

    It answers in one piece, in ``stream`` too, and takes text alone. Where the assistants are is
    public; how one is run is seen in a program that does it, and not documented.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.
        ResidencyError: With ``residency="strict"``, unless ``trusted_models`` has the assistant's
            id: the vendor does not say beforehand which model answers.

    Examples:
        >>> assistant = MeinGPTAssistant(assistant_id="emulator-1")
        >>> answer = assistant.invoke([("user", "Hallo!")])
        >>> answer.text[:8], answer.response_metadata["model_provider"]
        ('Ich bin ', 'meingpt')
        >>> [chunk.text for chunk in assistant.stream("Hallo!")] == [answer.text]
        True

    As a tool of an agent:
        >>> tool = assistant.as_tool(name="personal", description="Fragen zum Personalrecht.")
        >>> tool.invoke({"question": "Hallo!"}) == answer.text
        True
    """

    provider: ClassVar[str] = "meingpt"

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the assistant's answer.

        Args:
            input: A prompt, a text, or messages, the last one the user's.
            config: LangChain's, for callbacks and tracing.
            **kwargs: ``timeout``, ``max_retries``, ``extra_headers``, ``extra_query`` and
                ``extra_body`` of this request.

        Raises:
            CapabilityError: If a message holds more than text; nothing is sent.
            APIError: If there is no valid answer.
        """
        return self._call_with_config(self._run, input, config, **kwargs)

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the assistant's answer; see :meth:`invoke`."""
        return await self._acall_with_config(self._arun, input, config, **kwargs)

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """Return a tool that asks the assistant a question and returns its answer's text.

        Args:
            args_schema: Not taken: its one argument is ``question``.
            name: The tool's name, by default the object's or ``ask_assistant``.
            description: What the model is told to ask it for.
            arg_types: Not taken, as ``args_schema``.
        """
        if args_schema is not None or arg_types is not None:
            with langchain_errors:
                raise ConfigurationError("args_schema, arg_types: the one argument is 'question'")

        def ask(question: str, config: RunnableConfig) -> str:
            return self.invoke(question, config).text

        async def aask(question: str, config: RunnableConfig) -> str:
            return (await self.ainvoke(question, config)).text

        return StructuredTool.from_function(
            ask,
            aask,
            name=name or self.name or "ask_assistant",
            description=description or "Asks an assistant of the organisation a question.",
            args_schema=AssistantQuestion,
        )

    def _run(self, given: LanguageModelInput, **options: Any) -> AIMessage:
        with langchain_errors:
            messages, options = self._request(given, options)
            return _message(self._client.run_assistant(self.assistant_id, messages, **options))

    async def _arun(self, given: LanguageModelInput, **options: Any) -> AIMessage:
        with langchain_errors:
            messages, options = self._request(given, options)
            run = self._async_client.run_assistant(self.assistant_id, messages, **options)
            return _message(await run)

    def _request(
        self, given: LanguageModelInput, options: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        if isinstance(given, PromptValue):
            messages: list[BaseMessage] = given.to_messages()
        else:
            turns = [given] if isinstance(given, str) else listed("input", given)
            messages = convert_to_messages(turns)
        body = merged_body(self.extra_body, options.pop("extra_body", None))
        return to_wire(messages), {**options, "extra_body": body}


def _message(answer: AssistantAnswer) -> AIMessage:
    metadata = {
        "model_name": answer.model,
        "model_provider": MeinGPTAssistant.provider,
        "request_id": answer.request_id,
        "token_usage": answer.usage,
    }
    return AIMessage(
        content=answer.text,
        response_metadata={name: value for name, value in metadata.items() if value is not None},
        usage_metadata=usage_metadata(answer.usage),
    )
