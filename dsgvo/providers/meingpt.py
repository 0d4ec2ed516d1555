"""meinGPT, after its pages "Completions" (the newer one, which wins) and "Modell API"."""

from __future__ import annotations

from dsgvo.providers._spec import AssistantSupport, EmbeddingSupport, Model, Provider

PAGE = "meinGPT: Completions"
MODELS_PAGE = "meinGPT: Modell API"

MEINGPT = Provider(
    name="meingpt",
    title="meinGPT",
    page=PAGE,
    base_url="https://app.meingpt.com/api/openai/v1",
    env="MEINGPT",
    key_variables=("MEINGPT_API_KEY",),
    documented=frozenset(
        {"model", "messages", "response_format", "stream", "temperature", "tools", "tool_choice"}
    ),
    # "Anfragen werden trotzdem akzeptiert und verarbeitet, jedoch werden nicht alle Parameter
    # beachtet."
    ignores_the_rest=True,
    refuses_tools_with=400,
    # ``response_format`` is documented by reference to OpenAI's API, which has both JSON forms.
    structured_output=("function_calling", "json_schema", "json_mode"),
    embeddings=EmbeddingSupport(
        documented=True, default_model="text-embedding-3-large", base64=True
    ),
    assistants=AssistantSupport(
        url="https://app.meingpt.com/api/assistants/v1/",
        source="public, and how one is run is seen in a program that does it, not documented",
    ),
    models=(
        # "eine Anfrage mit Tools an ein nicht unterstütztes Modell (z. B. Perplexity) liefert 400":
        # the sonar models are Perplexity's.
        Model(id="llama-3.1-sonar-large-128k-online", source=MODELS_PAGE, tools=False),
        Model(id="*sonar*", source=PAGE, tools=False),
        Model(id="gpt-4o-mini", source=MODELS_PAGE),
        Model(id="gpt-4o", source=MODELS_PAGE),
        # Where a model runs is shown in the organisation's settings; these two ids name it.
        Model(id="o1-us", source=MODELS_PAGE, region="US"),
        Model(id="o1-mini-us", source=MODELS_PAGE, region="US"),
        # Dated ids and other variants of a model follow its region: "o1-us-2024-12-17".
        Model(id="*-us", source="the model's name (inferred)", region="US"),
        Model(id="*-us-*", source="the model's name (inferred)", region="US"),
        Model(id="claude-3-5-sonnet", source=MODELS_PAGE),
        Model(id="gemini-1.5-pro", source=MODELS_PAGE),
        Model(id="gemini-1.5-flash", source=MODELS_PAGE),
        Model(id="text-embedding-3-large", source=MODELS_PAGE, kind="embedding", dimensions=3072),
    ),
    # Public: the vendor's API reference.
    status_hints={403: "the completions API is not enabled for this organisation"},
)
