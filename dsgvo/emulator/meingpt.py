"""meinGPT's dialect. Sources: the vendor's pages "Completions" (the newer) and "Modell API"."""

from typing import Annotated

from pydantic import Field

from dsgvo.emulator import checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect, starts_with
from dsgvo.emulator.failures import ApiError, invalid
from dsgvo.emulator.jsons import JsonObject, as_text
from dsgvo.emulator.values import Call

_without_tools = starts_with("llama-3.1-sonar")
_Tokens = Annotated[list[checks.Integer], Field(min_length=1)]


class _Embeddings(checks.EmbeddingOptions):
    input: checks.Input | _Tokens | Annotated[list[_Tokens], Field(min_length=1)]
    model: checks.Text | None = None


def _error_body(error: ApiError) -> JsonObject:
    return {"status": "error", "message": error.message}


def _refuse(call: Call) -> None:
    # "eine Anfrage mit Tools an ein nicht unterstütztes Modell (z. B. Perplexity) liefert 400"
    model = as_text(call.body.get("model"))
    if call.body.get("tools") and _without_tools(model):
        raise invalid("tools", f"The model {model} does not support tool calling")


DIALECT = Dialect(
    name="meingpt",
    base="/api/openai/v1",
    error_body=_error_body,
    authorize=Access.bearer,
    # "Anfragen werden trotzdem akzeptiert und verarbeitet, jedoch werden nicht alle Parameter
    # beachtet": what is not listed has no effect, max_tokens and stream_options included.
    chat=checks.OpenAIChat,
    embeddings=_Embeddings,
    refuse=_refuse,
)
