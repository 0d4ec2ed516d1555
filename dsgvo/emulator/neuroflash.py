"""neuroflash's dialect. Source: the vendor's page "Chat-Vervollständigungen"."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from dsgvo.emulator import checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect
from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject
from dsgvo.emulator.values import Call

_MODELS = (
    ("openai/gpt-4.1-mini", "openai", 128000, True, False),
    ("openai/gpt-5", "openai", 400000, True, True),
    ("claude-sonnet-4.5", "anthropic", 200000, False, False),
)
_QUOTAS = f"/api/usage-service/v1/workspaces/{Access.workspace_id}/quotas"
_EFFORTS = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]


class _Chat(checks.OpenAIChat):
    max_tokens: checks.AtLeastOne | None = None
    reasoning: JsonObject | None = None
    reasoning_effort: _EFFORTS | None = None
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
    faults = error.fields.items()
    errors = [{"field": name, "message": said, "type": "validation"} for name, said in faults]
    return {"errors": errors}


def _authorize(access: Access, headers: Mapping[str, str]) -> None:
    access.bearer_or_token(headers)
    # "Wird er weggelassen, gibt die API 400 Bad Request zurück."
    access.workspace(headers)


def _models(_: Access) -> Any:
    names = ("id", "provider", "context_window", "available", "reasoning_model")
    more = {"name": "Emulator", "description": "A model of the emulator."}
    return [dict(zip(names, model, strict=True)) | more for model in _MODELS]


def _refuse(call: Call) -> None:
    # How the vendor refuses a model that is not in the plan is inferred.
    model = str(call.body["model"])
    if any(model.endswith(name) and not available for name, _, _, available, _ in _MODELS):
        raise ApiError(403, f"Model {model} is not available in your plan", "forbidden")


def _page(*entries: JsonObject) -> Any:
    count = {"size": 20, "totalElements": len(entries), "totalPages": 1, "currentPage": 0}
    return {"data": entries, "page": count}


def _quotas(_: Access) -> Any:
    names = ("usageTypeKey", "availableAmount", "limitAmount", "usedAmount")
    names += ("limitAmountDaily", "usedAmountDaily")
    rows = ("tokens", 880000, 1000000, 120000, 50000, 1200), ("images", 40, 50, 10, 5, 0)
    more = {"dailyRefreshed": True, "bonusAmount": 0, "spilloverAmount": 0}
    more["fairUseLimitReached"] = False
    return _page(*(dict(zip(names, row, strict=True)) | more for row in rows))


DIALECT = Dialect(
    name="neuroflash",
    base="/api/ds-prototypes",
    error_body=_error_body,
    authorize=_authorize,
    chat=_Chat,
    refuse=_refuse,
    field_status=422,
    make_id=lambda digest: f"gen-1775000000-{digest[:8]}",
    # The documented answer has no "created".
    has_created=False,
    # Seen: "cost", and that usage stands in the last chunk of a stream.
    more_usage=lambda content: {"words_used": (n := len(content.split())), "cost": n / 2**17},
    usage_apart=False,
    # Public: the paths, the models' fields and the quotas'. The shape of the workspaces is seen,
    # so is the other base; that of images and of health is OpenAI's and ours.
    other_base="/api/ds-prototypes/content_generation",
    images="/api/ds-prototypes/image_generation/",
    documents={
        "/api/ds-prototypes/model_selection/models": (_authorize, _models),
        "/api/ds-prototypes/health": (_authorize, lambda _: {"status": "ok", "server": "emulator"}),
        _QUOTAS: (Access.bearer_or_token, _quotas),
        "/api/workspace-service/v1/workspaces": (
            Access.bearer_or_token,
            lambda access: _page({"id": access.workspace_id, "name": "Emulator"}),
        ),
    },
    token_path="/oauth/v2/token",  # noqa: S106 - a path
)
