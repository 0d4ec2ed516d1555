"""Checks of a chat request, the same for every dialect; a dialect names the fields it honours."""

import re
from collections.abc import Callable
from typing import Any

from dsgvo.emulator.dialect import Check, Dialect
from dsgvo.emulator.failures import ApiError, FieldError
from dsgvo.emulator.jsons import (
    JsonObject,
    as_list,
    as_object,
    is_integer,
    is_list,
    is_number,
    is_object,
)

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def number(low: float, high: float) -> Check:
    """Return a check for a number in a range, both ends included."""

    def check(value: Any) -> str | None:
        if not is_number(value):
            return "must be a number"
        return None if low <= value <= high else f"must be between {low:g} and {high:g}"

    return check


def at_least_one(value: Any) -> str | None:
    """Check for a positive integer."""
    if not is_integer(value):
        return "must be an integer"
    return None if value >= 1 else "must be at least 1"


def integer(value: Any) -> str | None:
    """Check for an integer."""
    return None if is_integer(value) else "must be an integer"


def boolean(value: Any) -> str | None:
    """Check for true or false."""
    return None if isinstance(value, bool) else "must be a boolean"


def boolean_or_object(value: Any) -> str | None:
    """Check for true, false or an object."""
    fits = isinstance(value, bool) or is_object(value)
    return None if fits else "must be a boolean or an object"


def text(value: Any) -> str | None:
    """Check for a string with something in it."""
    return None if isinstance(value, str) and value else "must be a non-empty string"


def an_object(value: Any) -> str | None:
    """Check for an object."""
    return None if is_object(value) else "must be an object"


def one_of(*allowed: str) -> Check:
    """Return a check for one of some strings."""

    def check(value: Any) -> str | None:
        return None if value in allowed else f"must be one of {', '.join(allowed)}"

    return check


def stop(value: Any) -> str | None:
    """Check for a stop sequence or a list of them."""
    sequences = value if is_list(value) else [value]
    if all(isinstance(sequence, str) and sequence for sequence in sequences):
        return None
    return "must be a string or an array of strings"


def tools(value: Any) -> str | None:
    """Check for a list of function tools."""
    if not is_list(value):
        return "must be an array"
    for position, tool in enumerate(value):
        function = as_object(as_object(tool).get("function"))
        name = function.get("name")
        if as_object(tool).get("type") != "function":
            return f"[{position}].type must be 'function'"
        if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
            return f"[{position}].function.name must match {_TOOL_NAME.pattern}"
        if not is_object(function.get("parameters", {})):
            return f"[{position}].function.parameters must be an object"
    return None


def tool_choice(value: Any) -> str | None:
    """Check for none, auto, required or one function."""
    if value in ("none", "auto", "required"):
        return None
    function = as_object(as_object(value).get("function"))
    if as_object(value).get("type") == "function" and isinstance(function.get("name"), str):
        return None
    return "must be 'none', 'auto', 'required' or {'type': 'function', 'function': {'name': …}}"


def messages(roles: frozenset[str], parts: frozenset[str]) -> Check:
    """Return a check for a conversation by the roles and the content parts that it may have."""

    def check(value: Any) -> str | None:
        if not is_list(value) or not value:
            return "must be a non-empty array"
        for position, message in enumerate(value):
            fault = _message(message, roles, parts)
            if fault:
                return f"[{position}]{fault}"
        return None

    return check


def _message(message: Any, roles: frozenset[str], parts: frozenset[str]) -> str | None:
    if not is_object(message):
        return " must be an object"
    role, content = message.get("role"), message.get("content")
    if role not in roles:
        return f".role must be one of {', '.join(sorted(roles))}"
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        return ".tool_call_id must be a string"
    if content is None:
        may_be_empty = role == "assistant" and message.get("tool_calls")
        return None if may_be_empty else ".content must be a string or an array of parts"
    if isinstance(content, str):
        return None
    if not is_list(content):
        return ".content must be a string or an array of parts"
    for position, part in enumerate(content):
        if not is_object(part) or not isinstance(part.get("type"), str):
            return f".content[{position}] must be an object with a type"
        kind = part["type"]
        if kind not in parts:
            return f".content[{position}].type must be one of {', '.join(sorted(parts))}"
        if fault := _PARTS[kind](part):
            return f".content[{position}].{fault}"
        if kind != "text" and role != "user":
            return f".content[{position}].type must be text in a {role} message"
    return None


def _text_part(part: JsonObject) -> str | None:
    return None if isinstance(part.get("text"), str) else "text must be a string"


def _image_part(part: JsonObject) -> str | None:
    # "image_url.url kann eine Public-URL oder ein Base64-Data-URL sein"
    url = as_object(part.get("image_url")).get("url")
    if isinstance(url, str) and (_WEB.match(url) or _DATA.match(url)):
        return None
    return "image_url.url must be a web address or a base64 data URL"


def _file_part(part: JsonObject) -> str | None:
    file = as_object(part.get("file_url"))
    url = file.get("url")
    if not isinstance(url, str) or not _WEB.match(url):
        return "file_url.url must be a web address"
    return None if isinstance(file.get("mime_type"), str) else "file_url.mime_type must be a string"


_WEB = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_DATA = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/]+=*\Z")
_PARTS: dict[str, Callable[[JsonObject], str | None]] = {
    "text": _text_part,
    "image_url": _image_part,
    "file_url": _file_part,
}


def response_format(dialect: Dialect) -> Check:
    """Return a check for the response formats that a dialect knows."""

    def check(value: Any) -> str | None:
        kind = as_object(value).get("type")
        if kind not in dialect.response_formats:
            return f"type must be one of {', '.join(sorted(dialect.response_formats))}"
        schema = as_object(as_object(value).get("json_schema"))
        if kind != "json_schema":
            return None
        if not isinstance(schema.get("name"), str) or not is_object(schema.get("schema")):
            return "json_schema must have a name and a schema"
        return None

    return check


_OF_DIALECT: dict[str, Callable[[Dialect], Check]] = {
    "messages": lambda dialect: messages(dialect.roles, dialect.parts),
    "response_format": response_format,
}


def validate(dialect: Dialect, body: JsonObject) -> JsonObject:
    """Check a chat request.

    Args:
        dialect: The vendor's.
        body: The request.

    Returns:
        The fields that the vendor honours and that are set.

    Raises:
        ApiError: With every field that is wrong.
    """
    honoured: JsonObject = {}
    faults = [FieldError(name, "is required") for name in dialect.required if name not in body]
    for name, check in dialect.fields.items():
        value = body.get(name)
        if name not in body or (value is None and name not in dialect.required):
            continue
        of_dialect = _OF_DIALECT.get(name)
        fault = (of_dialect(dialect) if of_dialect else check)(value)
        if fault:
            faults.append(FieldError(name, fault))
        honoured[name] = value
    faults.extend(_unknown_choice(honoured))
    if faults:
        first = faults[0]
        joint = "" if first.message.startswith(("[", ".")) else " "
        message = f"{first.field}{joint}{first.message}"
        raise ApiError(dialect.field_status, message, "invalid_request", tuple(faults))
    return honoured


def _unknown_choice(body: JsonObject) -> list[FieldError]:
    choice = body.get("tool_choice")
    offered = body.get("tools")
    if choice in (None, "none", "auto") or tool_choice(choice) or (offered and tools(offered)):
        return []
    names = [tool["function"]["name"] for tool in as_list(offered)]
    if not names:
        return [FieldError("tool_choice", "is only allowed when tools are specified")]
    named = as_object(as_object(choice).get("function")).get("name")
    if named is not None and named not in names:
        return [FieldError("tool_choice", f"names a tool that is not in tools: {named!r}")]
    return []
