"""Chat requests: what the user wants, checked against what the vendor says, as a body.

Everything here is refused before anything is sent, with the argument, its value and the way out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.providers import Model, Provider, StructuredOutputMethod
from dsgvo.wire.arguments import (
    among,
    as_number,
    equal,
    holds_iterator,
    is_given,
    refuse_content,
    shown,
)
from dsgvo.wire.files import Upload, check_parts, take_upload
from dsgvo.wire.forms import THOUGHTS, in_forms
from dsgvo.wire.names import valid_tool_names
from dsgvo.wire.residency import Residency, check_models, model_id
from dsgvo.wire.tools import tool_choice

__all__ = [
    "ChatRequest",
    "build_chat",
    "check_objects",
    "check_parameter",
    "check_structured_output",
    "require_model",
    "response_format",
]

_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tokens": (1, math.inf),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "repetition_penalty": (0, 2),
    "continue_cut_answers": (0, math.inf),
}
_WHOLE = frozenset({"max_tokens", "seed", "continue_cut_answers"})


@dataclass(slots=True, kw_only=True)
class ChatRequest:
    """A chat request, checked and ready to be sent.

    Args:
        body: Its JSON body.
        model: The model that is asked.
        stream: Whether it asks for a stream.
        optional: Fields of the body that are left out where a server refuses them.
        upload: A document to send beside the body.
        history: The messages of the body with all that a server may want of earlier turns.
        forms: The forms in which the body has them; see :mod:`dsgvo.wire.forms`.
        unsure_of_images: Whether it holds an image of which it is not known whether the model
            takes it.
        ignored: Parameters, and images, that the vendor may not honour, each with a warning.
        tool_names: The user's names of tools whose names on the wire are others, by those.
    """

    body: dict[str, Any] = field(repr=False)
    model: str
    stream: bool
    optional: Mapping[str, Any]
    upload: Upload | None
    history: Sequence[Mapping[str, Any]] = field(repr=False)
    forms: frozenset[str]
    unsure_of_images: bool
    ignored: Mapping[str, str]
    tool_names: Mapping[str, str]


def build_chat(
    provider: Provider,
    *,
    model: str | None,
    messages: Sequence[Mapping[str, Any]],
    params: Mapping[str, Any],
    stream: bool,
    stream_usage: bool = False,
    send_reasoning: bool | None = True,
    extra_body: Mapping[str, Any] | None = None,
    strict: bool = False,
    residency: Residency = "eu",
    trusted_models: Collection[str] = (),
) -> ChatRequest:
    """Build a chat request out of what the user wants and what the vendor says.

    Args:
        provider: Who will be asked.
        model: The model's id. Unknown ids are sent as they are.
        messages: The conversation in OpenAI's form, oldest first.
        params: Further body fields; those that are ``None`` are left out.
        stream: Whether a stream is asked for.
        stream_usage: Ask for usage in a stream.
        send_reasoning: Whether the thoughts of earlier turns are sent; ``None``: once the server
            has said that it wants them.
        extra_body: Fields that are put into the body unchecked.
        strict: Refuse parameters that the vendor ignores, instead of a warning.
        residency: Where the model may run.
        trusted_models: Ids of models that the user has checked.

    Raises:
        ConfigurationError: If an argument is missing, of the wrong type or out of range.
        CapabilityError: If the vendor or the model is known not to offer what is asked for.
        ResidencyError: If the model runs at a place that is not accepted.

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> build_chat(
        ...     PROVIDERS["sovrgpt"],
        ...     model="qwen3.5-9b",
        ...     messages=[{"role": "user", "content": "Hallo"}],
        ...     params={"temperature": 0.5, "stop": None},
        ...     stream=False,
        ... ).body["temperature"]
        0.5
    """
    model = require_model(provider, model)
    _check_messages(messages)
    known = provider.model(model)
    unsure_of_images = check_parts(provider, model, messages, known)
    messages, upload = take_upload(provider, messages)
    body: dict[str, Any] = {"model": model, "messages": messages}
    ignored: dict[str, str] = {}
    for name, value in params.items():
        if value is None or (name in {"stop", "tools"} and _is_empty(value)):
            continue
        check_parameter(name, value, provider)
        body[name] = value
        if provider.support(name) == "ignored":
            accepts = f"accepts {name!r} and does not honour it"
            then = "will answer as if it were not set"
            # A text may be a user's name.
            given = f"{name}={value}" if isinstance(value, int | float) else name
            ignored[name] = _ignored(provider, model, given, accepts, then, strict)
    if unsure_of_images is not None and not provider.image_input:
        then = "may answer as if there were no image"
        ignored["images"] = _ignored(
            provider, model, "messages", "documents no image input", then, strict
        )
    tool_names = _check_tools(provider, known, body)
    forms = frozenset({THOUGHTS} if send_reasoning else ())
    history = body["messages"]
    body = in_forms(body, forms)
    if send_reasoning is False:
        history = body["messages"]
    _check_form(provider, body)
    # A model that streams unasked is asked for its stream, so that it reports its usage.
    stream = stream or known.streams_unasked
    if stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)  # OpenAI's API refuses them then
    refuse_content(extra_body, "messages")
    body.update(extra_body or {})
    _check_values(body)
    check_models(provider, body, residency, trusted_models)
    asks_for_usage = stream and stream_usage and "stream_options" not in body
    return ChatRequest(
        body=body,
        model=str(body["model"]),
        stream=stream,
        optional={"stream_options": {"include_usage": True}} if asks_for_usage else {},
        upload=upload,
        history=history,
        forms=forms,
        unsure_of_images=bool(unsure_of_images),
        ignored=ignored,
        tool_names=tool_names,
    )


def _is_empty(value: object) -> bool:
    return isinstance(value, str | list | tuple) and not value


def _check_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    check_objects("messages", messages)
    if not messages:
        raise ConfigurationError("messages is empty: pass at least one message")
    for index, message in enumerate(messages):
        content: object = message.get("content")
        if content is not None and not isinstance(content, (str, list, tuple)):
            kind = type(content).__name__
            raise ConfigurationError(
                f"messages[{index}].content is a {kind}: pass a text or a list of parts"
            )
        if (calls := message.get("tool_calls")) is not None:
            check_objects(f"messages[{index}].tool_calls", calls)


def _check_values(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        # Nothing of it would be left for a second attempt. Of messages and tools each is a dict.
        if name not in {"messages", "tools"} and holds_iterator(value):
            raise ConfigurationError(f"{name} is or holds an iterator: pass a list")


def _check_form(provider: Provider, body: Mapping[str, Any]) -> None:
    if (n := body.get("n")) is not None and not equal(n, 1):
        raise CapabilityError(
            f"n={shown(n)}: {provider.title} gives one answer a request; call batch() instead",
            provider=provider.name,
        )
    wanted: object = body.get("response_format")
    if wanted is None:
        return
    if not isinstance(wanted, Mapping) or "type" not in wanted:
        given = shown(cast("object", wanted))
        raise ConfigurationError(
            f"response_format={given}: use an object such as {{'type': 'json_object'}}"
        )
    if cast("Mapping[str, Any]", wanted)["type"] == "json_schema":
        check_structured_output(provider, "json_schema")


def require_model(provider: Provider, model: str | None) -> str:
    """Return the id of the model to ask.

    Raises:
        ConfigurationError: If there is none, or it cannot be one. There is no default: models age,
            and differ in where they run.
    """
    if is_given(model) and not isinstance(model, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"model={shown(model)} is not a str", provider=provider.name)
    if not model:
        examples = [known.id for known in provider.models if known.kind == "chat"]
        example = next((known for known in examples if "*" not in known), "…")
        raise ConfigurationError(
            f"model is missing: pass model={example!r}, or another of {provider.title}'s, or set "
            f"{provider.model_variable}",
            provider=provider.name,
        )
    return model_id(model)


def check_objects(argument: str, value: object, kind: type = Mapping) -> None:
    """Refuse what is not a list of objects of a kind, without quoting it: it may be a prompt.

    Raises:
        ConfigurationError: If it is none.
    """
    name = "dict" if kind is Mapping else kind.__name__
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise ConfigurationError(f"{argument} is a {type(value).__name__}: pass a list of {name}s")
    for index, item in enumerate(cast("Sequence[object]", value)):
        if not isinstance(item, kind):
            raise ConfigurationError(
                f"{argument}[{index}] is a {type(item).__name__}, not a {name}"
            )


def check_parameter(name: str, value: Any, provider: Provider) -> None:
    """Refuse a value of a chat parameter that no server would take, or not this vendor's.

    Raises:
        ConfigurationError: If the value is of the wrong type, out of range or no choice.
    """
    if name in provider.choices and not among(value, provider.choices[name]):
        raise ConfigurationError(
            f"{name}={shown(value)}: {provider.title} takes "
            f"{', '.join(map(repr, provider.choices[name]))}; extra_body passes others unchecked"
        )
    if name in _RANGES:
        low, high = _RANGES[name]
        plain = as_number(value)
        number = isinstance(plain, int | float) and not isinstance(plain, bool)
        if not number or not low <= plain <= high:  # nor is a NaN
            upper = f" to {high:g}" if high < math.inf else " or more"
            raise ConfigurationError(f"{name}={shown(value)} is out of range: use {low:g}{upper}")
    if name in _WHOLE and (not isinstance(as_number(value), int) or isinstance(value, bool)):
        raise ConfigurationError(f"{name}={shown(value)} is not a whole number")
    if name == "stop":
        sequences: list[object] = cast("Any", value) if isinstance(value, list) else [value]
        if not all(isinstance(sequence, str) and sequence for sequence in sequences):
            raise ConfigurationError(
                f"stop={shown(cast('object', value))}: use a text or a list of texts, none empty"
            )


def _ignored(provider: Provider, model: str, given: str, does: str, then: str, strict: bool) -> str:
    message = f"{provider.title} {does} ({provider.page}); model {shown(model)} {then}"
    if strict:
        raise CapabilityError(f"{given}: {message}", provider=provider.name)
    return message


def _check_tools(provider: Provider, model: Model, body: dict[str, Any]) -> Mapping[str, str]:
    """Check tools and what is chosen of them; return their own names, by valid ones."""
    if "tools" not in body and "tool_choice" not in body:  # nearly all
        return valid_tool_names(body)
    tools: list[dict[str, Any]] = body.get("tools", [])
    check_objects("tools", tools)
    for index, tool in enumerate(tools):
        function: object = tool.get("function", {})
        if not isinstance(function, Mapping) or not isinstance(
            cast("Mapping[str, Any]", function).get("name", ""), str
        ):
            raise ConfigurationError(f"tools[{index}]: its function is no object with a name")
    if tools and model.tools is False:
        raise CapabilityError(
            f"tools: {provider.title} says that model {shown(body['model'])} does not take tools "
            f"({model.source}); use another model",
            provider=provider.name,
        )
    if "tool_choice" in body:
        choice = tool_choice(body["tool_choice"], tools)
        if choice is None:
            del body["tool_choice"]
        else:
            body["tool_choice"] = choice
    return valid_tool_names(body)


def check_structured_output(
    provider: Provider, method: StructuredOutputMethod | None, *, takes_tools: bool = True
) -> StructuredOutputMethod:
    """Return the method to use: the one asked for, or the best one that the vendor documents.

    Args:
        provider: Who is asked.
        method: The one asked for.
        takes_tools: Whether the model takes tools, so that it can be asked by one.

    Raises:
        CapabilityError: If the vendor does not document the method; the message names those it
            does.
    """
    if method is None:
        best, *others = provider.structured_output
        return best if takes_tools or best != "function_calling" or not others else others[0]
    if method not in provider.structured_output:
        raise CapabilityError(
            f"method={shown(method)} is not documented by {provider.title} ({provider.page}): "
            f"use {' or '.join(map(repr, provider.structured_output))}",
            provider=provider.name,
        )
    return method


def response_format(
    method: StructuredOutputMethod, *, name: str, schema: Mapping[str, Any], strict: bool | None
) -> dict[str, Any]:
    """Return the ``response_format`` for a method that uses one."""
    if method == "json_mode":
        return {"type": "json_object"}
    described: dict[str, Any] = {"name": name, "schema": schema}
    if schema.get("description"):
        described["description"] = schema["description"]
    if strict is not None:
        described["strict"] = strict
    return {"type": "json_schema", "json_schema": described}
