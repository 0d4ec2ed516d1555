"""meinGPT's dialect. Sources: the vendor's pages "Completions" (the newer) and "Modell API"."""

from dsgvo.emulator import openai_shape
from dsgvo.emulator.dialect import Dialect, starts_with
from dsgvo.emulator.failures import ApiError, invalid
from dsgvo.emulator.jsons import JsonObject, as_text
from dsgvo.emulator.values import Call

_without_tools = starts_with("llama-3.1-sonar")


def _error_body(error: ApiError) -> JsonObject:
    return {"status": "error", "message": error.message}


def _refuse(call: Call) -> None:
    # "eine Anfrage mit Tools an ein nicht unterstütztes Modell (z. B. Perplexity) liefert 400"
    model = as_text(call.body.get("model"))
    if call.body.get("tools") and _without_tools(model):
        raise invalid("tools", f"The model {model} does not support tool calling")


DIALECT = Dialect(
    name="meingpt",
    title="meinGPT",
    root="/meingpt",
    base="/api/openai/v1",
    environment={"api_key": "MEINGPT_API_KEY", "base_url": "MEINGPT_BASE_URL"},
    error_body=_error_body,
    authorize=lambda headers, access: access.bearer(headers),
    # "Anfragen werden trotzdem akzeptiert und verarbeitet, jedoch werden nicht alle Parameter
    # beachtet": what is not listed has no effect, max_tokens and stream_options included.
    fields=openai_shape.CHAT_FIELDS,
    refuse=_refuse,
    embeddings=True,
    embedding_model_optional=True,
    token_input=True,
)
