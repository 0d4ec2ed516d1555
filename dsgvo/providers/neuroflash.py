"""neuroflash, after its page "Chat-Vervollständigungen".

Sign-in, workspaces, the model list and errors follow its other public API pages.
"""

from __future__ import annotations

from dsgvo.providers._spec import HeaderArgument, Model, OAuth, Provider

PAGE = "neuroflash: Chat-Vervollständigungen"

NEUROFLASH = Provider(
    name="neuroflash",
    title="neuroflash",
    page=PAGE,
    base_url="https://app.neuroflash.com/api/ds-prototypes",
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
    models_url="https://app.neuroflash.com/api/ds-prototypes/model_selection/models",
    health_path="/health",
    workspaces_url="https://app.neuroflash.com/api/workspace-service/v1/workspaces",
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
    models=(Model(id="openai/gpt-4.1-mini", source=PAGE),),
    status_hints={
        400: "the page answers a missing x-workspace-id with 400",
        403: "permission is missing, or the workspace's limit is reached",
        429: "the rate limit or the workspace's quota is reached",
    },
)
