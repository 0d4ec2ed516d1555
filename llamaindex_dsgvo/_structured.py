"""Structured output: how a schema is asked for, and how whole and growing answers are read."""

from __future__ import annotations

from typing import Any, Generic, cast

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.types import Model
from pydantic import BaseModel, ValidationError

from dsgvo.errors import ConfigurationError
from dsgvo.providers import Provider, StructuredOutputMethod
from dsgvo.wire.arguments import shown
from dsgvo.wire.request import check_structured_output
from dsgvo.wire.structured import (
    CUT_SHORT,
    OutputSchema,
    faults,
    no_instance,
    object_in,
    read_again_at,
    schema_request,
)
from llamaindex_dsgvo._responses import ModelOutputError, facts

__all__ = ["Extraction", "response_class"]


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
        self._due = 0  # length of a growing answer from which on it is read again
        self._wanted = OutputSchema.of(_schema(output_cls))
        self.arguments: dict[str, Any] = schema_request(method, self._wanted)
        """What the chat request needs for it."""

    def result(self, response: ChatResponse) -> Model:
        """Return the instance that a whole answer holds.

        Raises:
            ModelOutputError: If it holds none. The message names the fields that do not fit, and
                shows nothing of the answer.
        """
        found, raw = self._found(response, whole=True), facts(response)
        # What it said when it declined is an answer's text here.
        if found is None or raw.get("refusal") or raw.get("finish_reason") in CUT_SHORT:
            raise self._error(response, self._no_object(response))
        try:
            return self._output_cls.model_validate(self._wanted.value(found))
        except ValidationError as error:
            described = faults(error.errors(include_url=False), self._wanted.schema)
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
            return found, self._output_cls.model_validate(self._wanted.value(found))
        except Exception:  # noqa: BLE001 - the class's own validators may raise any over a part
            if self._flexible is None:
                self._flexible = create_flexible_model(self._output_cls)
            return found, self._flexible.model_validate(found)

    def _found(self, response: ChatResponse, *, whole: bool) -> dict[str, Any] | None:
        text: str | None = None
        if self._uses_tool:
            blocks = [one for one in response.message.blocks if isinstance(one, ToolCallBlock)]
            given = [one.tool_kwargs for one in blocks if one.tool_name == self._wanted.name]
            if whole and any(one != given[0] for one in given):  # which is meant?
                return None
            first = given[0] if given else None
            if isinstance(first, dict):
                return first
            text = first
        else:
            text = response.message.content
        if not text or (not whole and len(text) < self._due):
            return None
        self._due = read_again_at(len(text))
        return object_in(text, growing=not whole)

    def _no_object(self, response: ChatResponse) -> str:
        raw = facts(response)
        if raw.get("refusal"):
            return "the model declined to answer"
        tool = self._wanted.name if self._uses_tool else None
        called = any(call["function"]["name"] == tool for call in raw.get("tool_calls") or ())
        return no_instance(
            raw.get("finish_reason"),
            tool=tool,
            called=called,
            text=response.message.content or "",
            thoughts=raw.get("reasoning"),
        )

    def _error(self, response: ChatResponse, what: str) -> ModelOutputError:
        raw = facts(response)
        return ModelOutputError(
            f"{self._provider.title}: no {self._output_cls.__name__}: {what}",
            provider=self._provider.name,
            request_id=raw.get("request_id"),
        )


def _schema(output_cls: Any) -> dict[str, Any]:
    if not isinstance(output_cls, type) or not issubclass(output_cls, BaseModel):
        raise ConfigurationError(
            f"{shown(cast('object', output_cls))} is no Pydantic class: for a list, a choice or "
            "an enum, use a RootModel of it"
        )
    return output_cls.model_json_schema()


def response_class(spec: Provider, schema: type) -> dict[str, Any]:
    """Return the arguments of a request for ``response_format=Class``."""
    method = "json_schema" if "json_schema" in spec.structured_output else "json_mode"
    wanted = OutputSchema.of(_schema(schema))
    return schema_request(check_structured_output(spec, method), wanted)
