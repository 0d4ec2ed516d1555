"""SovrGPT, after its page "POST /v1/chat/completions"."""

from __future__ import annotations

from dsgvo.providers._inferred import AS_OPENAI
from dsgvo.providers._spec import Fact, Model, Provider, RerankSupport

PAGE = "SovrGPT: POST /v1/chat/completions"

SOVRGPT = Provider(
    name="sovrgpt",
    title="SovrGPT",
    page=PAGE,
    base_url="https://sovrgpt.com/api/v1",
    env="SOVRGPT",
    key_variables=("SOVRGPT_API_KEY", "SOVR_KEY"),
    documented=frozenset(
        {
            "model",
            "messages",
            "temperature",
            "top_p",
            "max_tokens",
            "stream",
            "stop",
            "tools",
            "tool_choice",
            "response_format",
        }
    ),
    # "Ignoriert (nicht crashend)"
    ignored=frozenset({"seed", "logit_bias", "user", "presence_penalty", "frequency_penalty"}),
    models_url="https://sovrgpt.com/api/v1/models",
    image_input=True,
    model_list_says_images=True,  # "accepts_vision"
    # "{ "type": "json_object" } für JSON-Modus": JSON schemas are not documented.
    structured_output=("function_calling", "json_mode"),
    reranking=RerankSupport(
        path="/rerank",
        default_model="bge-reranker-v2-m3",
        source="seen in a program that calls the service, not documented by the vendor",
    ),
    # "Bei reasoning-Tier-Modellen enthält die Antwort zusätzlich <think>…</think>-Blöcke vor der
    # finalen Antwort."
    think_tags=True,
    models=(
        Model(id="qwen3.5-9b", source=PAGE, tools=True),
        Model(id="gemma-4-26b-a4b", source=PAGE, images=True),
    ),
    facts={
        **AS_OPENAI,
        "models": Fact(
            text="lists its models at `GET {base_url}/models`, with names and descriptions",
            standing="Seen",
            otherwise="pass model=… as the vendor's page names it",
        ),
        "reranking": Fact(
            text="reranks at `POST /rerank` in Cohere's form, results by `index`",
            standing="Seen",
            otherwise="rerank with another library's class",
        ),
    },
)
