"""neuroflash's dialect. Source: the vendor's page "Chat-Vervollständigungen"."""

from collections.abc import Mapping
from typing import Any

from dsgvo.emulator import checks, openai_shape
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Check, Dialect
from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject

MODELS = ("openai/gpt-4.1-mini", "openai/gpt-4.1", "anthropic/claude-sonnet-4.5")

_FIELDS: dict[str, Check] = openai_shape.CHAT_FIELDS | {
    "max_tokens": checks.at_least_one,
    "reasoning": checks.an_object,
    "reasoning_effort": checks.text,
    "seed": checks.integer,
    "web_search_options": checks.an_object,
    "structured_outputs": checks.boolean_or_object,
    "frequency_penalty": checks.number(-2, 2),
    "presence_penalty": checks.number(-2, 2),
    "repetition_penalty": checks.number(0, 2),
    "stop": checks.stop,
    # Not on the page: OpenAI's way to ask for the usage of a stream.
    "stream_options": checks.an_object,
}


def _error_body(error: ApiError) -> JsonObject:
    if not error.fields:
        return {"error": error.message, "code": error.code}
    return {
        "errors": [
            {"field": fault.field, "message": fault.message, "type": "validation"}
            for fault in error.fields
        ]
    }


def _authorize(headers: Mapping[str, str], access: Access) -> None:
    access.bearer_or_token(headers)
    # "Wird er weggelassen, gibt die API 400 Bad Request zurück."
    access.workspace(headers)


def _make_id(digest: str) -> str:
    return f"gen-1775000000-{digest[:8]}"


def _models(access: Access) -> Any:
    del access
    data = [{"id": model, "object": "model", "owned_by": "emulator"} for model in MODELS]
    return {"object": "list", "data": data}


def _health(access: Access) -> Any:
    del access
    return {"status": "ok", "server": "emulator"}


def _workspaces(access: Access) -> Any:
    return {"workspaces": [{"id": access.workspace_id, "name": "Emulator"}]}


DIALECT = Dialect(
    name="neuroflash",
    title="neuroflash",
    root="/neuroflash",
    base="/api/ds-prototypes",
    environment={
        "api_key": "NEUROFLASH_API_KEY",
        "base_url": "NEUROFLASH_BASE_URL",
        "workspace_id": "NEUROFLASH_WORKSPACE_ID",
    },
    error_body=_error_body,
    authorize=_authorize,
    fields=_FIELDS,
    field_status=422,
    make_id=_make_id,
    # The documented answer has no "created".
    has_created=False,
    more_usage=lambda content: {"words_used": len(content.split())},
    # The shapes of these three lists are inferred: the pages name the paths alone.
    documents={
        "/api/ds-prototypes/model_selection/models": _models,
        "/api/ds-prototypes/health": _health,
    },
    account_documents={"/api/workspace-service/v1/workspaces": _workspaces},
    authorize_account=lambda headers, access: access.bearer_or_token(headers),
    token_path="/oauth/v2/token",  # noqa: S106 - a path
)
