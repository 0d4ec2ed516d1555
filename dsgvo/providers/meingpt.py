"""meinGPT, after its pages "Completions" (the newer one, which wins) and "Modell API"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsgvo.providers._inferred import BASE64
from dsgvo.providers._makers import model
from dsgvo.providers._spec import AssistantSupport, EmbeddingSupport, Fact, Model, Provider

PAGE = "meinGPT: Completions"
MODELS_PAGE = "meinGPT: Modell API"


def _seen(name: str, maker_id: str | None = None, **facts: Any) -> Model:
    """Return a model whose id two clients of the service use, 2026."""
    return model(name, source="two clients", standing="Seen", maker_id=maker_id, **facts)


MEINGPT = Provider(
    name="meingpt",
    title="meinGPT",
    page=PAGE,
    base_url="https://app.meingpt.com/api/openai/v1",
    other_base_urls=("https://app.meingpt.com/api/external/openai/v1",),
    models_url="https://app.meingpt.com/api/models/v1",
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
        model("gpt-4o-mini", source=MODELS_PAGE),
        model("gpt-4o", source=MODELS_PAGE),
        # Where a model runs is shown in the organisation's settings; these two ids name it.
        model("o1-us", source=MODELS_PAGE, maker_id="o1", region="US"),
        model("o1-mini-us", source=MODELS_PAGE, maker_id="o1-mini", region="US"),
        model("claude-3-5-sonnet", source=MODELS_PAGE),
        model("gemini-1.5-pro", source=MODELS_PAGE),
        model("gemini-1.5-flash", source=MODELS_PAGE),
        model("text-embedding-3-large", source=MODELS_PAGE),
        _seen("gpt-5"),
        _seen("gpt-5-mini"),
        _seen("gpt-5-1", "gpt-5.1"),
        _seen("gpt-5-2", "gpt-5.2"),
        _seen("gpt-5-thinking", "gpt-5"),
        _seen("gpt-4.1"),
        _seen("o3"),
        _seen("o4-mini"),
        _seen("gpt-oss-120b"),
        _seen("claude-sonnet-4-5"),
        _seen("claude-opus-4-5@20251101", "claude-opus-4-5"),
        _seen("claude-opus-4-6"),
        _seen("claude-3-7-sonnet-thinking", "claude-3-7-sonnet", reasoning=True),
        _seen("gemini-2.5-pro"),
        _seen("gemini-2.5-flash"),
        _seen("deepseek-r1"),
        _seen("mistral-medium"),
        _seen("codestral"),
        _seen("magistral-medium"),
        _seen("sonar", tools=False),
        _seen("sonar-deep-research", tools=False),
        Model(id="llama-3.3-fast", source="two clients", standing="Seen"),
        # Dated ids and other variants of a model follow its region: "o1-us-2024-12-17", "o1-us@1";
        # Bedrock's profiles of a region begin with it: "us.anthropic…".
        *(
            Model(id=ids, source="the model's name (inferred)", standing="Inferred", region="US")
            for ids in ("*-us", "*[_./:@]us", "*[-_./:@]us[!a-z]*", "us[-_./:@]*")
        ),
        # "eine Anfrage mit Tools an ein nicht unterstütztes Modell (z. B. Perplexity) liefert 400":
        # the sonar models are Perplexity's.
        Model(id="llama-3.1-sonar-large-128k-online", source=MODELS_PAGE, tools=False),
        Model(id="*sonar*", source=PAGE, tools=False),
        Model(
            id="*-thinking",
            source="the model's name (inferred)",
            standing="Inferred",
            reasoning=True,
        ),
    ),
    # Public: the vendor's API reference.
    status_hints={403: "the completions API is not enabled for this organisation"},
    facts={
        "base64": replace(BASE64, standing="Public"),
        "models": Fact(
            text="lists its models at `GET https://app.meingpt.com/api/models/v1`",
            standing="Seen",
            otherwise="pass model=… as the organisation's settings name it",
        ),
        "base_urls": Fact(
            text="answers under `…/api/external/openai/v1` too",
            standing="Seen",
            otherwise="leave base_url as it is; a 404 names the other one",
        ),
        "stream_options": Fact(
            text="counts no tokens of a stream",
            standing="Inferred",
            otherwise="nothing: usage that comes is kept",
        ),
        "assistants": Fact(
            text="lists assistants at `GET …/assistants/v1/`",
            standing="Public",
            otherwise="pass the assistant_id that its address in the vendor's app shows",
        ),
        "assistant": Fact(
            text="runs an assistant at `POST …/assistants/v1/{id}/run`, with the last text as "
            "`message`",
            standing="Seen",
            otherwise="override `message` or `messages` in extra_body",
        ),
        "thinking": Fact(
            text="thinks in models whose names end in `-thinking`",
            standing="Inferred",
            otherwise="nothing: thoughts that come are kept apart",
        ),
        "region": Fact(
            text="runs models whose ids end in `-us` in the US",
            standing="Inferred",
            otherwise='allow the model with residency="any"',
            by_hand="the organisation's settings show where each model runs",
        ),
        "retry_after": Fact(
            text="answers 429 with `Retry-After` where requests come too fast",
            standing="Seen",
            otherwise="nothing: without it, waits grow by themselves",
            by_hand="it shows at a rate limit alone, which no check should reach",
        ),
    },
)
