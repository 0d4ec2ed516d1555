"""Assistants of a customer's organisation: their list, and one asked about a conversation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from dsgvo.errors import APIResponseError, CapabilityError, ConfigurationError, ResidencyError
from dsgvo.providers import AssistantSupport, Provider
from dsgvo.wire.arguments import shown
from dsgvo.wire.errors import read_object
from dsgvo.wire.request import check_objects
from dsgvo.wire.residency import RESIDENCY_VARIABLE, Residency

__all__ = [
    "Assistant",
    "AssistantAnswer",
    "build_run",
    "decode_assistants",
    "decode_run",
    "require_assistant",
    "require_assistants",
]

_LONGEST_ID = 400
_ROLES = ("user", "assistant", "system")


@dataclass(frozen=True, slots=True)
class Assistant:
    """An assistant of the organisation; ``id`` is the ``assistant_id``."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class AssistantAnswer:
    """What an assistant answered.

    Args:
        text: The answer.
        model: The model that the vendor says has answered.
        messages: The messages as the vendor sent them.
        usage: The vendor's token counts as they came.
        request_id: The vendor's id of the request.
    """

    text: str = field(repr=False)
    model: str | None
    messages: list[dict[str, Any]] = field(repr=False)
    usage: dict[str, Any] | None
    request_id: str | None = None


def require_assistants(provider: Provider) -> AssistantSupport:
    """Return where a vendor's assistants are.

    Raises:
        CapabilityError: If it is not known to have any.
    """
    if provider.assistants is None:
        raise CapabilityError(
            f"{provider.title} is not known to have assistants ({provider.page})",
            provider=provider.name,
        )
    return provider.assistants


def require_assistant(
    provider: Provider,
    assistant_id: str,
    residency: Residency = "eu",
    trusted_models: Collection[str] = (),
) -> str:
    """Return an assistant's id.

    Raises:
        ConfigurationError: If it cannot be one.
        ResidencyError: If ``residency="strict"`` and the assistant is not trusted: which model
            answers for it, and where that runs, is known afterwards at best.
    """
    if not isinstance(assistant_id, str) or not (found := assistant_id.strip(" ")):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"assistant_id is missing: Client({provider.name!r}).assistants() lists yours"
        )
    if not found.isprintable() or found in {".", ".."} or len(found) > _LONGEST_ID:
        raise ConfigurationError(f"assistant_id={shown(assistant_id)} cannot be one")
    if residency == "strict" and found not in trusted_models:
        raise ResidencyError(
            f"assistant_id={shown(found)}: {provider.title} does not say beforehand which model "
            f"answers or where it runs, and residency='strict' refuses that. Pass residency='eu' "
            f"or set {RESIDENCY_VARIABLE}, or pass trusted_models=[{shown(found)}]",
            provider=provider.name,
        )
    return found


def build_run(
    provider: Provider, assistant_id: str, messages: Sequence[Mapping[str, Any]]
) -> tuple[str, dict[str, Any]]:
    """Build a run: the path below the list's address, and the body.

    ``messages`` is sent whole and ``message`` is the text of its last one (inferred: the programs
    that were seen send both, and do not say how a longer conversation is parted).

    Raises:
        ConfigurationError: If a message is not a text, or the last is not the user's.
        CapabilityError: If there are calls or results of tools, which nobody says it takes.

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> build_run(PROVIDERS["meingpt"], "a/1", [{"role": "user", "content": "Hallo!"}])
        ('a%2F1/run', {'message': 'Hallo!', 'messages': [{'role': 'user', 'content': 'Hallo!'}]})
    """
    check_objects("messages", messages)
    sent = [_message(provider, at, message) for at, message in enumerate(messages)]
    if not sent or sent[-1]["role"] != "user" or not sent[-1]["content"].strip():
        raise ConfigurationError("messages: the last one must be the user's, and not empty")
    body = {"message": sent[-1]["content"], "messages": sent}
    return f"{quote(assistant_id, safe='')}/run", body


def _message(provider: Provider, at: int, message: Mapping[str, Any]) -> dict[str, str]:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES or message.get("tool_calls"):
        what = "calls of tools" if role in _ROLES else f"role {shown(role)}"
        raise CapabilityError(
            f"messages[{at}]: {provider.title}'s assistants are not known to take {what}: "
            f"use {', '.join(_ROLES)}, or a chat model",
            provider=provider.name,
        )
    parts = cast("list[Any]", content) if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not all(isinstance(text, str) for text in texts):  # pyright: ignore[reportUnknownVariableType]
        raise CapabilityError(
            f"messages[{at}]: {provider.title}'s assistants are not known to take anything but "
            "text: use a chat model for images and files",
            provider=provider.name,
        )
    return {"role": str(role), "content": "".join(cast("list[str]", texts))}


def decode_assistants(provider: Provider, body: bytes) -> list[Assistant]:
    """Read the list of assistants.

    Raises:
        APIResponseError: If there is no list in it.
    """
    fail = _fail(provider, "list of assistants")
    entries = read_object(provider, body, fail).get("assistants")
    if not isinstance(entries, list):
        raise fail("the answer has no assistants")
    found: list[Assistant] = []
    for entry in cast("list[Any]", entries):
        fields = cast("dict[str, Any]", entry if isinstance(entry, dict) else {})
        key, name = fields.get("id"), fields.get("name")
        if not isinstance(key, str) or not key:
            raise fail("an assistant without an id")
        found.append(Assistant(key, name if isinstance(name, str) else None))
    return found


def decode_run(
    provider: Provider, body: bytes, *, request_id: str | None = None
) -> AssistantAnswer:
    """Read an assistant's answer.

    Raises:
        APIStatusError: If the body is an error under a success status.
        APIResponseError: If there is no text in it.
    """
    fail = _fail(provider, "answer of an assistant")
    answer = read_object(provider, body, fail)
    text, model = answer.get("text"), answer.get("model")
    messages, usage = answer.get("messages"), answer.get("usage")
    if not isinstance(text, str):
        raise fail("the answer has no text")
    return AssistantAnswer(
        text,
        model if isinstance(model, str) else None,
        cast("list[dict[str, Any]]", messages) if isinstance(messages, list) else [],
        cast("dict[str, Any]", usage) if isinstance(usage, dict) else None,
        request_id,
    )


def _fail(provider: Provider, what: str) -> Callable[[str], APIResponseError]:
    return lambda found: APIResponseError(
        f"{provider.title}: {what}: {found}",
        provider=provider.name,
        status_code=200,
    )
