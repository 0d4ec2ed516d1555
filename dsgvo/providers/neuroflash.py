"""neuroflash, after its page "Chat-Vervollständigungen".

Sign-in, workspaces, the model list and errors follow its other public API pages.
"""

from __future__ import annotations

from dsgvo.providers._inferred import AS_OPENAI
from dsgvo.providers._makers import model
from dsgvo.providers._spec import Fact, HeaderArgument, OAuth, Provider

PAGE = "neuroflash: Chat-Vervollständigungen"
LIST = "neuroflash: model list (public page)"

NEUROFLASH = Provider(
    name="neuroflash",
    title="neuroflash",
    page=PAGE,
    base_url="https://app.neuroflash.com/api/ds-prototypes",
    other_base_urls=("https://app.neuroflash.com/api/ds-prototypes/content_generation",),
    env="NEUROFLASH",
    key_variables=("NEUROFLASH_API_KEY",),
    documented=frozenset(
        {
            "messages",
            "model",
            "temperature",
            "max_tokens",
            "reasoning",
            "reasoning_effort",
            "tools",
            "tool_choice",
            "seed",
            "response_format",
            "web_search_options",
            "structured_outputs",
            "frequency_penalty",
            "presence_penalty",
            "repetition_penalty",
            "stop",
            "stream",
        }
    ),
    # Seen in the vendor's own 400.
    choices={
        "reasoning_effort": ("max", "xhigh", "high", "medium", "low", "minimal", "none"),
    },
    models_url="https://app.neuroflash.com/api/ds-prototypes/model_selection/models",
    model_list_says_available=True,
    images_path="/image_generation/",
    health_path="/health",
    closes_after=150,
    workspaces_url="https://app.neuroflash.com/api/workspace-service/v1/workspaces",
    quotas_url=("https://app.neuroflash.com/api/usage-service/v1/workspaces/{workspace_id}/quotas"),
    # ``response_format``: "Für strukturierte Ausgaben zur Definition eines JSON-Schemas".
    structured_output=("json_schema", "function_calling", "json_mode"),
    header_arguments=(
        HeaderArgument(
            header="x-workspace-id",
            argument="workspace_id",
            variable="NEUROFLASH_WORKSPACE_ID",
            listed_by="workspaces",
        ),
    ),
    oauth=OAuth(
        token_url="https://id.neuroflash.com/oauth/v2/token",  # noqa: S106 - an address
        scope="openid",
        id_variable="NEUROFLASH_CLIENT_ID",
        secret_variable="NEUROFLASH_CLIENT_SECRET",  # noqa: S106 - a variable's name
    ),
    usage_fields=frozenset({"words_used"}),
    # The list's example has a smaller window than OpenAI publishes: 128000.
    models=(
        model(
            "openai/gpt-4.1-mini",
            source=PAGE,
            maker_id="gpt-4.1-mini",
            context_window=128_000,
        ),
        model("gpt-4.1-mini", source=LIST, standing="Public", context_window=128_000),
    ),
    status_hints={
        403: "permission is missing, or the workspace's limit is reached",
        429: "the rate limit or the workspace's quota is reached",
    },
    facts={
        "errors": Fact(
            text="refuses a wrong key with 401 and `error` and `code`",
            standing="Public",
            otherwise="nothing: errors of any form are read",
        ),
        "stream_options": AS_OPENAI["stream_options"],
        "models": Fact(
            text="lists its models at `GET …/model_selection/models`, ids with or without maker",
            standing="Public",
            otherwise="pass model=… as the vendor's app names it",
        ),
        "workspaces": Fact(
            text="lists workspaces under `data`, in pages that `page` counts",
            standing="Seen",
            otherwise="pass workspace_id=… as the address of the vendor's app shows it",
        ),
        "quotas": Fact(
            text="gives quotas at `GET …/usage-service/v1/workspaces/{workspace_id}/quotas`",
            standing="Public",
            otherwise="the vendor's app shows them",
        ),
        "base_urls": Fact(
            text="answers under `…/content_generation` too",
            standing="Seen",
            otherwise="leave base_url as it is; a 404 names the other one",
        ),
        "model_ids": Fact(
            text="takes model ids with their maker and without",
            standing="Seen",
            otherwise="pass model=… as the vendor's app names it",
        ),
        "types": Fact(
            text="takes OpenAI's types for its fields, numbers where its table says `object`",
            standing="Inferred",
            otherwise="pass the field in extra_body as the service wants it",
        ),
        "user_agent": Fact(
            text="may turn away programs by their `User-Agent`; clients that were seen send a "
            "browser's",
            standing="Seen",
            otherwise='pass default_headers={"User-Agent": …}',
            by_hand="“chat” and all else that `dsgvo check` tries goes under a name of our own",
        ),
        "time_limit": Fact(
            text="closes any one answer after about 150 seconds",
            standing="Seen",
            otherwise="the words of an error rest on it, and nothing else",
            by_hand="ask a reasoning model for a long answer: it ends without an end",
        ),
        "cost": Fact(
            text="tells usage with the last chunk of a stream, and may tell `cost` in it",
            standing="Seen",
            otherwise="nothing: usage is read wherever it comes",
            by_hand="look at `usage` of an answer, plain and streamed",
        ),
        "reasoning_effort": Fact(
            text="takes `max`, `xhigh`, `high`, `medium`, `low`, `minimal` and `none` as "
            "`reasoning_effort`",
            standing="Seen",
            otherwise="pass reasoning_effort in extra_body, which is not checked",
        ),
        "image": Fact(
            text="makes images at `POST …/image_generation/`, answered in OpenAI's shape",
            standing="Inferred",
            otherwise="the address is public, the shape is not: use the vendor's app",
        ),
    },
)
