"""SovrGPT's dialect. Source: the vendor's page "POST /v1/chat/completions"."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, StrictBool

from dsgvo.emulator import checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect, asked_for_stream
from dsgvo.emulator.embeddings import embed
from dsgvo.emulator.failures import invalid, openai_error
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_number
from dsgvo.emulator.steps import Reply, Step
from dsgvo.emulator.values import FINGERPRINT, Call

# Tier and eyes. The page names the first two, and no reasoning model, so that id is ours.
_MODELS = {
    "qwen3.5-9b": ("default", True),
    "gemma-4-26b-a4b": ("vision", True),
    "qwen3.5-9b-text": ("fast", False),
    "qwen3.5-27b-thinking": ("reasoning", False),
}
_DIMENSIONS = 1024
# "Roles: system, user, assistant, tool."
_Message = Annotated[
    checks.System | checks.User[checks.OpenAIPart] | checks.Assistant | checks.ToolResult,
    Discriminator("role"),
]


class _JsonMode(BaseModel):
    # '{ "type": "json_object" } für JSON-Modus'
    type: Literal["json_object"]


class _Chat(checks.Chat[_Message, _JsonMode]):
    # "Ignoriert (nicht crashend): seed, logit_bias, user, n, presence_penalty, frequency_penalty":
    # what is not in here has no effect.
    max_tokens: checks.AtLeastOne | None = None
    top_p: checks.Share | None = None
    stop: checks.Stop | None = None
    # Not on the page: OpenAI's way to ask for the usage of a stream.
    stream_options: JsonObject | None = None


def _streams(call: Call) -> bool:
    # 'Mit "stream": true oder Accept: text/event-stream'
    return asked_for_stream(call) or "text/event-stream" in call.headers.get("accept", "").lower()


def _refuse(call: Call) -> None:
    # "n (>1 nicht unterstützt)"
    n = call.body.get("n")
    if is_number(n) and n > 1:
        raise invalid("n", "n > 1 is not supported")
    # "Nur bei Modellen mit accepts_vision: true"
    model = as_text(call.body.get("model"))
    parts = [part for one in call.body["messages"] for part in as_list(one.get("content"))]
    has_image = any(as_object(part).get("type") == "image_url" for part in parts)
    if has_image and not _MODELS.get(model, ("", True))[1]:
        raise invalid("messages", f"The model {model} does not accept images")


def _present(answer: Reply, model: str) -> Reply:
    # "Bei reasoning-Tier-Modellen enthält die Antwort zusätzlich <think>…</think>-Blöcke"
    if _MODELS.get(model, ("",))[0] != "reasoning":
        return answer
    return replace(answer, reasoning="Ich lese die Frage und suche, was dazu vorliegt.")


def _models(_: Access) -> Any:
    shared = {"object": "model", "created": 1775000000, "owned_by": "emulator"}
    data = [
        {"id": name, **shared, "tier": tier, "accepts_vision": sees, "display_name": name.upper()}
        for name, (tier, sees) in _MODELS.items()
    ]
    return {"object": "list", "data": data}


class _Rerank(BaseModel):
    # Seen in a program that calls the service, in Cohere's form; not on the vendor's page.
    model: checks.Text
    query: checks.Text
    documents: list[checks.Text] = Field(min_length=1)
    top_n: checks.AtLeastOne | None = None
    return_documents: StrictBool | None = None


def _rerank(body: JsonObject, _: Step) -> Any:
    query = embed(body["query"], _DIMENSIONS)
    fits = [max(0.0, float(query @ embed(one, _DIMENSIONS))) for one in body["documents"]]
    best = sorted(range(len(fits)), key=lambda at: -fits[at])[: body.get("top_n")]
    results = [{"index": at, "relevance_score": round(fits[at], 6)} for at in best]
    head = {"id": "rerank-emulator", "model": body["model"], "results": results}
    return {**head, "meta": {"system_fingerprint": FINGERPRINT}}


DIALECT = Dialect(
    name="sovrgpt",
    base="/api/v1",
    # Inferred: the page shows no error, and says that the schema is OpenAI's.
    error_body=openai_error,
    authorize=Access.bearer,
    chat=_Chat,
    refuse=_refuse,
    thinks_aloud=True,
    streams=_streams,
    present=_present,
    documents={"/api/v1/models": (Access.bearer, _models)},
    posts={"/api/v1/rerank": (_Rerank, _rerank)},
)
