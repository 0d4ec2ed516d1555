"""meinGPT's dialect. Sources: the vendor's pages "Completions" (the newer) and "Modell API"."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field

from dsgvo.emulator import checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.answers import answer
from dsgvo.emulator.answers.words import pieces
from dsgvo.emulator.dialect import Dialect
from dsgvo.emulator.failures import ApiError, invalid
from dsgvo.emulator.jsons import JsonObject, as_text
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import Call

_without_tools = re.compile(r"llama-3\.1-sonar", re.IGNORECASE).match
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


# Their list is public; how one is run was seen in a program that calls the service.
_ASSISTANTS = {"emulator-1": "Emulator", "emulator-2": "Emulator, zweiter Assistent"}
_Turn = checks.System | checks.User[checks.TextPart] | checks.Assistant

_AZURE = {"provider": "azure", "family": "gpt"}
_MODELS = [{"id": one, "name": one.upper()} | _AZURE for one in ("gpt-4o", "gpt-5", "o1-us")]


class _Run(BaseModel):
    message: checks.Text
    messages: list[Annotated[_Turn, Discriminator("role")]] | None = None


def _assistants(_: Access) -> Any:
    return {"assistants": [{"id": key, "name": name} for key, name in _ASSISTANTS.items()]}


def _run(body: JsonObject, step: Step) -> Any:
    messages = body.get("messages") or [{"role": "user", "content": body["message"]}]
    said = step.answer() or answer("meinGPT", {"messages": messages})
    text = said.content or ""
    asked = sum(len(pieces(str(one["content"]))) for one in messages)
    usage = {"input_tokens": asked, "output_tokens": len(pieces(text))}
    usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    messages = [*messages, {"role": "assistant", "content": text}]
    return {"text": text, "model": "emulator", "messages": messages, "usage": said.usage or usage}


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
    # The second base and the list of models are seen in programs that call the service.
    other_base="/api/external/openai/v1",
    documents={
        "/api/models/v1": (Access.bearer, lambda access: {"models": _MODELS}),
        "/api/assistants/v1/": (Access.bearer, _assistants),
    },
    posts={f"/api/assistants/v1/{key}/run": (_Run, _run) for key in _ASSISTANTS},
)
