"""SovrGPT's dialect. Source: the vendor's page "POST /v1/chat/completions"."""

from dataclasses import dataclass, replace
from typing import Any

from dsgvo.emulator import checks, openai_shape
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect, asked_for_stream
from dsgvo.emulator.failures import invalid
from dsgvo.emulator.jsons import as_list, as_object, as_text
from dsgvo.emulator.values import Answer, Call


@dataclass(frozen=True)
class Model:
    """A model as ``GET /v1/models`` lists it.

    Args:
        id: Its id.
        tier: Its tier.
        accepts_vision: Whether it takes images.
    """

    id: str
    tier: str
    accepts_vision: bool = False


# The page names qwen3.5-9b and gemma-4-26b-a4b. It names no reasoning model, so that id is ours.
MODELS = (
    Model("qwen3.5-9b", "default", accepts_vision=True),
    Model("gemma-4-26b-a4b", "vision", accepts_vision=True),
    Model("qwen3.5-9b-text", "fast"),
    Model("qwen3.5-27b-thinking", "reasoning"),
)
_BY_ID = {model.id: model for model in MODELS}


def _streams(call: Call) -> bool:
    # 'Mit "stream": true oder Accept: text/event-stream'
    return asked_for_stream(call) or "text/event-stream" in call.headers.get("accept", "").lower()


def _refuse(call: Call) -> None:
    # "n (>1 nicht unterstützt)"
    n = call.body.get("n")
    if checks.is_number(n) and n > 1:
        raise invalid("n", "n > 1 is not supported")
    # "Nur bei Modellen mit accepts_vision: true"
    model = _BY_ID.get(as_text(call.body.get("model")))
    if model and not model.accepts_vision and _has_image(call):
        raise invalid("messages", f"The model {model.id} does not accept images")


def _has_image(call: Call) -> bool:
    return any(
        as_object(part).get("type") == "image_url"
        for message in as_list(call.body.get("messages"))
        for part in as_list(as_object(message).get("content"))
    )


def _present(answer: Answer, model: str) -> Answer:
    # "Bei reasoning-Tier-Modellen enthält die Antwort zusätzlich <think>…</think>-Blöcke"
    known = _BY_ID.get(model)
    if not known or known.tier != "reasoning":
        return answer
    return replace(answer, reasoning="Ich lese die Frage und suche, was dazu vorliegt.")


def _models(access: Access) -> Any:
    del access
    data = [
        {
            "id": model.id,
            "object": "model",
            "created": 1775000000,
            "owned_by": "emulator",
            "tier": model.tier,
            "accepts_vision": model.accepts_vision,
        }
        for model in MODELS
    ]
    return {"object": "list", "data": data}


DIALECT = Dialect(
    name="sovrgpt",
    title="SovrGPT",
    root="/sovrgpt",
    base="/api/v1",
    environment={"api_key": "SOVRGPT_API_KEY", "base_url": "SOVRGPT_BASE_URL"},
    # Inferred: the page shows no error, and says that the schema is OpenAI's.
    error_body=openai_shape.error_body,
    authorize=lambda headers, access: access.bearer(headers),
    # "Ignoriert (nicht crashend): seed, logit_bias, user, n, presence_penalty, frequency_penalty":
    # what is not in this table has no effect.
    fields=openai_shape.CHAT_FIELDS
    | {
        "max_tokens": checks.at_least_one,
        "top_p": checks.number(0, 1),
        "stop": checks.stop,
        # Not on the page: OpenAI's way to ask for the usage of a stream.
        "stream_options": checks.an_object,
    },
    # "Roles: system, user, assistant, tool."
    roles=frozenset({"system", "user", "assistant", "tool"}),
    # '{ "type": "json_object" } für JSON-Modus'
    response_formats=frozenset({"json_object"}),
    refuse=_refuse,
    thinks_aloud=True,
    streams=_streams,
    present=_present,
    documents={"/api/v1/models": _models},
)
