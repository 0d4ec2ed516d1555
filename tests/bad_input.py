"""The table of bad input that the core and both framework packages are tested with.

Arguments go by the core's names; a framework's tests translate those that it calls otherwise.
In every case nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CASES", "KEY", "MODEL", "BadInput"]

KEY = "schluessel-4711"
MODEL = "ein-modell"

ADD = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """One mistake of a user.

    Args:
        id: What is wrong.
        provider: Whose client is used.
        settings: Arguments of the client; ``base_url`` is the test's own unless given here.
        params: Arguments of the call.
        environment: Variables that are set; the vendors' are all unset otherwise.
        error: Name of the exception in ``dsgvo.errors``.
        says: Texts that the message holds: the argument, the variable, the way out.
        hides: Texts that it does not hold.
        at: When it is raised. A framework that builds its client with the model object raises
            at construction too what the core raises there.
        call: The call that it concerns.
        without: Arguments that a valid client has and that are left out here.
    """

    id: str
    provider: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    error: str = "ConfigurationError"
    says: tuple[str, ...]
    hides: tuple[str, ...] = ()
    at: Literal["construction", "call"]
    call: Literal["chat", "embed"] = "chat"
    without: frozenset[str] = frozenset()


def _missing_key(provider: str, *variables: str, **more: Any) -> BadInput:
    return BadInput(
        id=f"{provider}: key missing",
        provider=provider,
        without=frozenset({"api_key"}),
        says=("api_key", *variables),
        at="construction",
        **more,
    )


def _base_url(what: str, value: Any, *says: str, hides: tuple[str, ...] = ()) -> BadInput:
    return BadInput(
        id=f"base_url: {what}",
        provider="sovrgpt",
        settings={"base_url": value},
        says=("base_url", "SOVRGPT_BASE_URL", *says),
        hides=hides,
        at="construction",
    )


def _setting(name: str, value: Any, *says: str, hides: tuple[str, ...] = ()) -> BadInput:
    return BadInput(
        id=f"{name}={value!r}",
        provider="sovrgpt",
        settings={name: value},
        says=(name, *says),
        hides=hides,
        at="construction",
    )


def _param(name: str, value: Any, *says: str, provider: str = "sovrgpt", **more: Any) -> BadInput:
    return BadInput(
        id=f"{provider}: {name}={value!r}",
        provider=provider,
        params={name: value} | dict(more.pop("params", {})),
        says=(name, *says),
        at="call",
        **more,
    )


CASES: tuple[BadInput, ...] = (
    # Who one is
    _missing_key("innogpt", "INNOGPT_API_KEY"),
    _missing_key("meingpt", "MEINGPT_API_KEY"),
    _missing_key("sovrgpt", "SOVRGPT_API_KEY", "SOVR_KEY"),
    _missing_key(
        "neuroflash",
        "NEUROFLASH_API_KEY",
        "client_id",
        "NEUROFLASH_CLIENT_ID",
        "NEUROFLASH_CLIENT_SECRET",
    ),
    BadInput(
        id="key empty in the environment",
        provider="innogpt",
        without=frozenset({"api_key"}),
        environment={"INNOGPT_API_KEY": ""},
        says=("api_key is missing", "INNOGPT_API_KEY"),
        at="construction",
    ),
    BadInput(
        id="key of white space",
        provider="innogpt",
        settings={"api_key": "  "},
        says=("api_key",),
        at="construction",
    ),
    BadInput(
        id="key with a line break",
        provider="innogpt",
        settings={"api_key": "geheim\nX-Evil: 1"},
        says=("api_key", "white space"),
        hides=("geheim",),
        at="construction",
    ),
    BadInput(
        id="key with an umlaut in the environment",
        provider="sovrgpt",
        without=frozenset({"api_key"}),
        environment={"SOVR_KEY": "gehäim"},
        says=("SOVR_KEY",),
        hides=("gehäim",),
        at="construction",
    ),
    BadInput(
        id="workspace missing",
        provider="neuroflash",
        without=frozenset({"workspace_id"}),
        says=("x-workspace-id is missing", "workspace_id=", "NEUROFLASH_WORKSPACE_ID"),
        at="call",
    ),
    BadInput(
        id="workspace with a line break",
        provider="neuroflash",
        settings={"workspace_id": "a\r\nX-Evil: 1"},
        says=("workspace_id",),
        at="construction",
    ),
    BadInput(
        id="secret missing",
        provider="neuroflash",
        without=frozenset({"api_key"}),
        settings={"client_id": "c"},
        says=("client_secret is missing", "NEUROFLASH_CLIENT_SECRET"),
        at="construction",
    ),
    BadInput(
        id="client id missing",
        provider="neuroflash",
        without=frozenset({"api_key"}),
        environment={"NEUROFLASH_CLIENT_SECRET": "geheim"},
        says=("client_id is missing", "NEUROFLASH_CLIENT_ID"),
        hides=("geheim",),
        at="construction",
    ),
    BadInput(
        id="two ways to sign in",
        provider="neuroflash",
        settings={"client_id": "c", "client_secret": "geheim"},
        says=("api_key", "client_id", "client_secret", "NEUROFLASH_API_KEY"),
        hides=("geheim", KEY),
        at="construction",
    ),
    # Where it is
    _base_url("typo in the scheme", "htps://sovrgpt.com/api/v1", "https://sovrgpt.com/api/v1"),
    _base_url("no scheme", "sovrgpt.com/api/v1", "https://sovrgpt.com/api/v1"),
    _base_url("no host", "https:///api/v1", "web address"),
    _base_url("file", "file:///etc/passwd", "web address"),
    _base_url("plain http to a foreign host", "http://sovrgpt.com/api/v1", "https"),
    _base_url("plain http to a local network", "http://192.168.0.7:8000/v1", "https"),
    _base_url("plain http to a look-alike", "http://localhost.example/v1", "https"),
    _base_url("plain http to a numbered look-alike", "http://127.0.0.1.example/v1", "https"),
    _base_url("with the path", "https://sovrgpt.com/api/v1/chat/completions", "part before it"),
    _base_url("query", "https://sovrgpt.com/api/v1?key=geheim", "query"),
    _base_url("fragment", "https://sovrgpt.com/api/v1#x", "fragment"),
    _base_url("password", "https://user:geheim@sovrgpt.com/", "password", hides=("geheim",)),
    _base_url("port that is none", "https://sovrgpt.com:port/v1", "is not a valid URL"),
    _base_url("port beyond", "https://sovrgpt.com:99999/v1", "is not a valid URL"),
    _base_url("broken brackets", "https://[::1/v1", "is not a valid URL"),
    _base_url("white space", "https://sovrgpt.com/api v1", "white space"),
    _base_url("of another type", 7, "not a str"),
    BadInput(
        id="base_url: from the environment",
        provider="meingpt",
        without=frozenset({"base_url"}),
        environment={"MEINGPT_BASE_URL": "http://app.meingpt.com/api/openai/v1"},
        says=("base_url", "MEINGPT_BASE_URL", "https"),
        at="construction",
    ),
    # How it is asked
    _setting("timeout", 0, "timeout=0", "seconds"),
    _setting("timeout", -1, "timeout=-1"),
    _setting("timeout", float("nan"), "timeout=nan"),
    _setting("timeout", float("inf"), "timeout=inf", "None"),
    _setting("timeout", "10", "timeout='10'"),
    _setting("timeout", True, "timeout=True"),
    _setting("max_retries", -1, "max_retries=-1", "0 or more"),
    _setting("max_retries", 1.5, "max_retries=1.5"),
    _setting("max_retries", "2", "max_retries='2'"),
    _setting("default_headers", {"Authorization": "Bearer geheim"}, "api_key", hides=("geheim",)),
    _setting("default_headers", {"Content-Length": "5"}, "Content-Length"),
    _setting("default_headers", {"X Y": "1"}, "'X Y'"),
    _setting("default_headers", {"X-Y": "geheim\r\nX-Evil: 1"}, "X-Y", hides=("geheim",)),
    _setting("default_headers", {"X-Y": "gehäim"}, "X-Y", hides=("gehäim",)),
    # What is asked
    BadInput(
        id="model missing",
        provider="innogpt",
        without=frozenset({"model"}),
        says=("model is missing", "model=", "INNOGPT_MODEL"),
        at="call",
    ),
    _param("temperature", 3, "temperature=3", "0 to 2"),
    _param("temperature", -0.1, "temperature=-0.1", "0 to 2"),
    _param("temperature", "warm", "temperature='warm'"),
    _param("temperature", float("nan"), "temperature=nan"),
    _param("top_p", 1.5, "top_p=1.5", "0 to 1"),
    _param("max_tokens", 0, "max_tokens=0", "1 or more"),
    _param("max_tokens", 1.5, "max_tokens=1.5"),
    _param("frequency_penalty", 3, "frequency_penalty=3", "-2 to 2", provider="neuroflash"),
    _param("presence_penalty", -3, "presence_penalty=-3", "-2 to 2", provider="neuroflash"),
    _param("repetition_penalty", 3, "repetition_penalty=3", "0 to 2", provider="neuroflash"),
    _param("n", 2, "n=2", error="CapabilityError"),
    _param("tool_choice", "subtract", "tool_choice='subtract'", "'add'", params={"tools": [ADD]}),
    _param(
        "tool_choice",
        {"type": "function", "function": {"name": "subtract"}},
        "'subtract'",
        "'add'",
        params={"tools": [ADD]},
    ),
    BadInput(
        id="strict: a parameter that the vendor ignores",
        provider="meingpt",
        settings={"strict": True},
        params={"max_tokens": 5},
        error="CapabilityError",
        says=("max_tokens", "meinGPT: Completions"),
        at="call",
    ),
    BadInput(
        id="tools for a model without",
        provider="meingpt",
        params={"model": "llama-3.1-sonar-large-128k-online", "tools": [ADD]},
        error="CapabilityError",
        says=("tools", "llama-3.1-sonar-large-128k-online"),
        at="call",
    ),
    BadInput(
        id="a JSON schema where only JSON mode is documented",
        provider="sovrgpt",
        params={
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "object"}},
            }
        },
        error="CapabilityError",
        says=("json_schema", "json_mode", "SovrGPT: POST /v1/chat/completions"),
        at="call",
    ),
    # What is embedded
    BadInput(
        id="an empty text",
        provider="meingpt",
        call="embed",
        params={"texts": ["a", ""]},
        says=("texts[1]", "empty"),
        at="call",
    ),
    BadInput(
        id="no text",
        provider="innogpt",
        call="embed",
        params={"texts": ["a", None]},
        says=("texts[1]", "NoneType"),
        at="call",
    ),
    _param("dimensions", 0, "dimensions=0", provider="meingpt", call="embed"),
    _param("batch_size", 0, "batch_size=0", provider="meingpt", call="embed"),
    _param("max_concurrency", 0, "max_concurrency=0", provider="meingpt", call="embed"),
    BadInput(
        id="sovrgpt: embeddings",
        provider="sovrgpt",
        call="embed",
        error="CapabilityError",
        says=("SovrGPT", "innoGPT", "meinGPT", "allow_undocumented=True"),
        at="call",
    ),
    BadInput(
        id="neuroflash: embeddings",
        provider="neuroflash",
        call="embed",
        error="CapabilityError",
        says=("neuroflash", "innoGPT", "meinGPT", "allow_undocumented=True"),
        at="call",
    ),
)
