"""neuroflash's dialect. Source: the vendor's page "Chat-Vervollständigungen"."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictBool

from dsgvo.emulator import checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect
from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject

_MODELS = ("openai/gpt-4.1-mini", "openai/gpt-4.1", "anthropic/claude-sonnet-4.5")


class _Chat(checks.OpenAIChat):
    max_tokens: checks.AtLeastOne | None = None
    reasoning: JsonObject | None = None
    reasoning_effort: checks.Text | None = None
    seed: checks.Integer | None = None
    web_search_options: JsonObject | None = None
    structured_outputs: StrictBool | JsonObject | None = None
    frequency_penalty: checks.Penalty | None = None
    presence_penalty: checks.Penalty | None = None
    repetition_penalty: Annotated[checks.Number, Field(ge=0, le=2)] | None = None
    stop: checks.Stop | None = None
    # Not on the page: OpenAI's way to ask for the usage of a stream.
    stream_options: JsonObject | None = None


def _error_body(error: ApiError) -> JsonObject:
    if not error.fields:
        return {"error": error.message, "code": error.code}
    return {
        "errors": [
            {"field": name, "message": message, "type": "validation"}
            for name, message in error.fields.items()
        ]
    }


def _authorize(access: Access, headers: Mapping[str, str]) -> None:
    access.bearer_or_token(headers)
    # "Wird er weggelassen, gibt die API 400 Bad Request zurück."
    access.workspace(headers)


def _models(_: Access) -> Any:
    data = [{"id": model, "object": "model", "owned_by": "emulator"} for model in _MODELS]
    return {"object": "list", "data": data}


def _health(_: Access) -> Any:
    return {"status": "ok", "server": "emulator"}


def _workspaces(access: Access) -> Any:
    return {"workspaces": [{"id": access.workspace_id, "name": "Emulator"}]}


DIALECT = Dialect(
    name="neuroflash",
    base="/api/ds-prototypes",
    error_body=_error_body,
    authorize=_authorize,
    chat=_Chat,
    field_status=422,
    make_id=lambda digest: f"gen-1775000000-{digest[:8]}",
    # The documented answer has no "created".
    has_created=False,
    more_usage=lambda content: {"words_used": len(content.split())},
    # The shapes of these three lists are inferred: the pages name the paths alone.
    documents={
        "/api/ds-prototypes/model_selection/models": (_authorize, _models),
        "/api/ds-prototypes/health": (_authorize, _health),
        "/api/workspace-service/v1/workspaces": (Access.bearer_or_token, _workspaces),
    },
    token_path="/oauth/v2/token",  # noqa: S106 - a path
)
