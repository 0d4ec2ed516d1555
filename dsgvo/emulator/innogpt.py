"""innoGPT's dialect. Source: the vendor's help page "Endpoints"."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator

from dsgvo.emulator import checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect, asked_for_stream
from dsgvo.emulator.failures import openai_error
from dsgvo.emulator.jsons import JsonObject, as_text
from dsgvo.emulator.values import Call

# "GPT-5-Serie, o3-mini und o4-mini streamen automatisch, auch wenn stream: false gesetzt ist."
_streams_always = re.compile(r"gpt-5|o3-mini|o4-mini", re.IGNORECASE).match


class _FileURL(BaseModel):
    url: checks.WebAddress
    mime_type: str


class _File(BaseModel):
    # "PDF per URL"
    type: Literal["file_url"]
    file_url: _FileURL


_IDS = ("gpt-5", "gpt-5-mini", "claude-4-5-sonnet", "o4-mini", "text-embedding-3-small")
_MODELS = [{"id": name} for name in _IDS]
_Part = Annotated[checks.TextPart | checks.ImagePart | _File, Discriminator("type")]
_Message = Annotated[
    checks.System | checks.Developer | checks.User[_Part] | checks.Assistant | checks.ToolResult,
    Discriminator("role"),
]


class _Chat(checks.Chat[_Message, checks.OpenAIFormat]):
    # "Wichtige Parameter" lists the shared ones and max_tokens; "important" means that the list is
    # not closed, so OpenAI's usual ones are honoured too.
    max_tokens: checks.AtLeastOne | None = None
    max_completion_tokens: checks.AtLeastOne | None = None
    top_p: checks.Share | None = None
    stop: checks.Stop | None = None
    stream_options: JsonObject | None = None


def _streams(call: Call) -> bool:
    return asked_for_stream(call) or bool(_streams_always(as_text(call.body.get("model"))))


DIALECT = Dialect(
    name="innogpt",
    base="/api/ext/v1",
    # Inferred: the page shows no error, and says that the API is compatible with OpenAI's.
    error_body=openai_error,
    authorize=Access.bearer,
    chat=_Chat,
    embeddings=checks.Embeddings,
    streams=_streams,
    images="/api/ext/v1/images/generations",
    # Seen in the vendor's own agent, which reads nothing but ids.
    documents={"/api/ext/v1/models": (Access.bearer, lambda access: {"data": _MODELS})},
    uploads=True,
)
