"""Structured output: how a schema is asked for, and how whole and growing answers are read."""

from __future__ import annotations

import re
from typing import Any, Generic

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.types import Model
from pydantic import ValidationError

from dsgvo.providers import Provider, StructuredOutputMethod
from dsgvo.wire.request import response_format
from llamaindex_dsgvo._responses import ModelOutputError, facts, json_object

__all__ = ["SCHEMA_IN_PROMPT", "Extraction"]

SCHEMA_IN_PROMPT = "schema_in_prompt"
"""Call argument by which JSON mode tells the LLM to put a schema into the prompt."""

_LONGEST_NAME = 64


class Extraction(Generic[Model]):
    """Asks for an instance of a Pydantic class by one method, and reads the answer.

    Args:
        provider: Who is asked, for messages.
        method: How the schema is handed over.
        output_cls: What the answer becomes.
    """

    def __init__(
        self, provider: Provider, method: StructuredOutputMethod, output_cls: type[Model]
    ) -> None:
        self._provider = provider
        self._output_cls = output_cls
        self._flexible: type[FlexibleModel] | None = None
        self._uses_tool = method == "function_calling"
        schema = output_cls.model_json_schema()
        title = str(schema.get("title") or output_cls.__name__)
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", title)[:_LONGEST_NAME]
        self.arguments: dict[str, Any]
        """What the chat request needs for it."""
        if self._uses_tool:
            self.arguments = {
                "tools": [_tool(name, schema)],
                "tool_choice": name,
                "allow_parallel_tool_calls": False,
            }
        else:
            self.arguments = {
                "response_format": response_format(method, name=name, schema=schema, strict=None)
            }
            if method == "json_mode":
                self.arguments[SCHEMA_IN_PROMPT] = schema

    def result(self, response: ChatResponse) -> Model:
        """Return the instance that a whole answer holds.

        Raises:
            ModelOutputError: If it holds none. The message names the fields that do not fit, and
                shows nothing of the answer.
        """
        found = self._found(response, whole=True)
        if found is None:
            raise self._error(response, self._no_object(response))
        try:
            return self._output_cls.model_validate(found)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            described = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
                for problem in problems
            )
        raise self._error(response, f"the answer does not fit the schema: {described}")

    def partial(
        self, response: ChatResponse, before: dict[str, Any] | None
    ) -> tuple[dict[str, Any] | None, Model | FlexibleModel | None]:
        """Return what a growing answer holds so far.

        Args:
            response: The response so far.
            before: The fields that were found before it.

        Returns:
            The fields found now, and an object with them if there are more than before. It is an
            instance of the class as soon as the fields suffice, else one that takes any.
        """
        found = self._found(response, whole=False)
        if found is None or found == before:
            return before, None
        try:
            return found, self._output_cls.model_validate(found)
        except ValidationError:
            if self._flexible is None:
                self._flexible = create_flexible_model(self._output_cls)
            return found, self._flexible.model_validate(found)

    def _found(self, response: ChatResponse, *, whole: bool) -> dict[str, Any] | None:
        text: str | None = None
        if self._uses_tool:
            for block in response.message.blocks:
                if isinstance(block, ToolCallBlock):
                    if isinstance(block.tool_kwargs, dict):
                        return block.tool_kwargs
                    text = block.tool_kwargs
                    break
        else:
            text = response.message.content
        return _json_in(text, whole=whole) if text else None

    def _no_object(self, response: ChatResponse) -> str:
        raw = facts(response)
        if raw.get("finish_reason") == "length":
            return "the answer was cut at max_tokens: raise max_tokens or ask for less"
        if raw.get("finish_reason") == "content_filter":
            return "the vendor's content filter stopped the answer"
        if raw.get("refusal"):
            return "the model declined to answer"
        if self._uses_tool and not raw.get("tool_calls"):
            return "the model answered in text instead of calling the tool"
        return "the answer is not a JSON object"

    def _error(self, response: ChatResponse, what: str) -> ModelOutputError:
        raw = facts(response)
        return ModelOutputError(
            f"{self._provider.title}: no {self._output_cls.__name__}: {what}",
            provider=self._provider.name,
            request_id=raw.get("request_id"),
        )


def _tool(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    description = schema.get("description") or f"Give the answer as {name}."
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


def _json_in(text: str, *, whole: bool) -> dict[str, Any] | None:
    # Small models wrap JSON in Markdown or a sentence, whatever they are told.
    start = text.find("{")
    if start < 0:
        return None
    end = text.rfind("}") + 1 if whole else len(text)
    return json_object(text[start:end], growing=not whole)
