"""innoGPT, after its page "Endpoints" (vendor's help centre)."""

from __future__ import annotations

from dsgvo.providers._spec import EmbeddingSupport, Model, Provider

PAGE = "innoGPT: Endpoints"


def _streams(model: str) -> Model:
    # "GPT-5-Serie, o3-mini und o4-mini streamen automatisch, auch wenn stream: false gesetzt ist."
    return Model(id=model, source=PAGE, streams_unasked=True)


INNOGPT = Provider(
    name="innogpt",
    title="innoGPT",
    page=PAGE,
    base_url="https://app.innogpt.de/api/ext/v1",
    env="INNOGPT",
    key_variables=("INNOGPT_API_KEY",),
    # The page calls these "important parameters", so the list is not closed. ``tools`` stands
    # behind the documented ``tool_choice``.
    documented=frozenset(
        {
            "model",
            "messages",
            "temperature",
            "max_tokens",
            "stream",
            "tools",
            "tool_choice",
            "response_format",
        }
    ),
    images_path="/images/generations",
    image_input=True,
    file_upload=True,
    # ``response_format`` is documented as "Strukturierte Outputs (z. B. JSON)".
    structured_output=("function_calling", "json_schema", "json_mode"),
    # Base64 vectors are inferred from OpenAI's API; a server that refuses the field is asked again
    # without it, and one that ignores it is understood too.
    embeddings=EmbeddingSupport(
        documented=True, default_model="text-embedding-3-small", base64=True
    ),
    models=(
        # The page's own image and PDF examples use gpt-5.
        Model(id="gpt-5", source=PAGE, streams_unasked=True, images=True, files=True),
        _streams("gpt-5*"),
        _streams("o3-mini*"),
        _streams("o4-mini*"),
        Model(id="claude-4-5-sonnet", source=PAGE),
        Model(id="text-embedding-3-small", source=PAGE, kind="embedding", dimensions=1536),
    ),
)
