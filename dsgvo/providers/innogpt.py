"""innoGPT, after its page "Endpoints" (vendor's help centre)."""

from __future__ import annotations

from dsgvo.providers._inferred import AS_OPENAI, BASE64
from dsgvo.providers._makers import model
from dsgvo.providers._spec import EmbeddingSupport, Fact, Model, Provider

PAGE = "innoGPT: Endpoints"
# The vendor's help page on zero retention lists who processes what, model by model, and names no
# region. Its newer form and an older copy of it differ.
OPENAI = "OpenAI, by its own API (an older copy of innoGPT's page on zero retention: Azure)"


def _streams(series: str) -> Model:
    # "GPT-5-Serie, o3-mini und o4-mini streamen automatisch, auch wenn stream: false gesetzt ist."
    return Model(id=series, source=PAGE, streams_unasked=True, processor=OPENAI)


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
    models_url="https://app.innogpt.de/api/ext/v1/models",
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
        model("gpt-5", source=PAGE, streams_unasked=True, files=True, processor=OPENAI),
        _streams("gpt-5*"),
        _streams("o3-mini*"),
        _streams("o4-mini*"),
        model("claude-4-5-sonnet", source=PAGE, maker_id="claude-sonnet-4-5"),
        model("text-embedding-3-small", source=PAGE, processor=OPENAI),
    ),
    facts={
        **AS_OPENAI,
        "base64": BASE64,
        "models": Fact(
            text="lists its models at `GET {base_url}/models`",
            standing="Seen",
            otherwise="pass model=… as the vendor's app names it",
        ),
        "image": Fact(
            text="answers with OpenAI's `data[].url` or `data[].b64_json` for an image",
            standing="Inferred",
            otherwise="pass response_format='b64_json' or 'url' to generate_image()",
        ),
        "data_url": Fact(
            text="takes an image in the request, as a data URL",
            standing="Inferred",
            otherwise="pass the image by its web address",
        ),
        "file_and_tools": Fact(
            text="takes tools beside an uploaded file",
            standing="Inferred",
            otherwise="ask about the file without tools",
        ),
    },
)
