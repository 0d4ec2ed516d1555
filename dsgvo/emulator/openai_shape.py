"""What more than one dialect shares with OpenAI, the reference that the vendors name."""

from dsgvo.emulator import checks
from dsgvo.emulator.dialect import Check
from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject

CHAT_FIELDS: dict[str, Check] = {
    "model": checks.text,
    "messages": checks.text,  # replaced by the check for the dialect's roles
    "temperature": checks.number(0, 2),
    "stream": checks.boolean,
    "response_format": checks.an_object,  # replaced by the check for the dialect's formats
    "tools": checks.tools,
    "tool_choice": checks.tool_choice,
}
"""The fields that all four vendors document."""

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_body(error: ApiError) -> JsonObject:
    """Write an error as OpenAI does."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    param = error.fields[0].field if error.fields else None
    return {
        "error": {
            "message": error.message,
            "type": _TYPES.get(error.status, kind),
            "param": param,
            "code": error.code,
        }
    }
