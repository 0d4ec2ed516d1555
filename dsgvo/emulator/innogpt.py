"""innoGPT's dialect. Source: the vendor's help page "Endpoints"."""

from dsgvo.emulator import checks, openai_shape
from dsgvo.emulator.dialect import Dialect, asked_for_stream, starts_with
from dsgvo.emulator.jsons import as_text
from dsgvo.emulator.values import Call

# "GPT-5-Serie, o3-mini und o4-mini streamen automatisch, auch wenn stream: false gesetzt ist."
_streams_always = starts_with("gpt-5", "o3-mini", "o4-mini")


def _streams(call: Call) -> bool:
    return asked_for_stream(call) or _streams_always(as_text(call.body.get("model")))


DIALECT = Dialect(
    name="innogpt",
    title="innoGPT",
    root="/innogpt",
    base="/api/ext/v1",
    environment={"api_key": "INNOGPT_API_KEY", "base_url": "INNOGPT_BASE_URL"},
    # Inferred: the page shows no error, and says that the API is compatible with OpenAI's.
    error_body=openai_shape.error_body,
    authorize=lambda headers, access: access.bearer(headers),
    # "Wichtige Parameter" lists the shared ones and max_tokens; "important" means that the list is
    # not closed, so OpenAI's usual ones are honoured too.
    fields=openai_shape.CHAT_FIELDS
    | {
        "max_tokens": checks.at_least_one,
        "max_completion_tokens": checks.at_least_one,
        "top_p": checks.number(0, 1),
        "stop": checks.stop,
        "stream_options": checks.an_object,
    },
    # "Bild-Input", "PDF per URL"
    parts=frozenset({"text", "image_url", "file_url"}),
    streams=_streams,
    embeddings=True,
    images=True,
    uploads=True,
)
