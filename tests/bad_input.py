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


def _made(what: str, provider: str, *says: str, without: str = "", **more: Any) -> BadInput:
    """A mistake that is told when the client is made."""
    left_out = frozenset(without.split())
    return BadInput(
        id=what, provider=provider, says=says, at="construction", without=left_out, **more
    )


def _called(what: str, provider: str, *says: str, without: str = "", **more: Any) -> BadInput:
    """A mistake that is told when the client is called."""
    left_out = frozenset(without.split())
    return BadInput(id=what, provider=provider, says=says, at="call", without=left_out, **more)


def _missing_key(provider: str, *variables: str) -> BadInput:
    return _made(f"{provider}: key missing", provider, "api_key", *variables, without="api_key")


def _base_url(what: str, value: Any, *says: str, **more: Any) -> BadInput:
    says = ("base_url", "SOVRGPT_BASE_URL", *says)
    return _made(f"base_url: {what}", "sovrgpt", *says, settings={"base_url": value}, **more)


def _setting(name: str, value: Any, *says: str, **more: Any) -> BadInput:
    return _made(f"{name}={value!r}", "sovrgpt", name, *says, settings={name: value}, **more)


def _param(name: str, value: Any, *says: str, provider: str = "sovrgpt", **more: Any) -> BadInput:
    params = {name: value} | dict(more.pop("params", {}))
    return _called(f"{provider}: {name}={value!r}", provider, name, *says, params=params, **more)


OAUTH = ("client_id", "NEUROFLASH_CLIENT_ID", "NEUROFLASH_CLIENT_SECRET")
ONLINE = "llama-3.1-sonar-large-128k-online"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
BOTH_WAYS = {"client_id": "c", "client_secret": "geheim"}
UMLAUT, EMPTY_KEY = {"SOVR_KEY": "gehäim"}, {"INNOGPT_API_KEY": ""}
PLAIN_URL = {"MEINGPT_BASE_URL": "http://app.meingpt.com/api/openai/v1"}
CASES: tuple[BadInput, ...] = (
    # Who one is
    _missing_key("innogpt", "INNOGPT_API_KEY"),
    _missing_key("meingpt", "MEINGPT_API_KEY"),
    _missing_key("sovrgpt", "SOVRGPT_API_KEY", "SOVR_KEY"),
    _missing_key("neuroflash", "NEUROFLASH_API_KEY", *OAUTH),
    _made(
        "key empty in the environment",
        *("innogpt", "api_key is missing", "INNOGPT_API_KEY"),
        without="api_key",
        environment=EMPTY_KEY,
    ),
    _made("key of white space", "innogpt", "api_key", settings={"api_key": "  "}),
    _made(
        "key with a line break",
        *("innogpt", "api_key", "white space"),
        settings={"api_key": "geheim\nX-Evil: 1"},
        hides=("geheim",),
    ),
    _made(
        "key with an umlaut in the environment",
        *("sovrgpt", "SOVR_KEY"),
        without="api_key",
        environment=UMLAUT,
        hides=("gehäim",),
    ),
    _called(
        "workspace missing",
        *("neuroflash", "x-workspace-id is missing", "workspace_id=", "NEUROFLASH_WORKSPACE_ID"),
        without="workspace_id",
    ),
    _made(
        "workspace with a line break",
        *("neuroflash", "workspace_id"),
        settings={"workspace_id": "a\r\nX-Evil: 1"},
    ),
    _made(
        "secret missing",
        *("neuroflash", "client_secret is missing", "NEUROFLASH_CLIENT_SECRET"),
        without="api_key",
        settings={"client_id": "c"},
    ),
    _made(
        "client id missing",
        *("neuroflash", "client_id is missing", "NEUROFLASH_CLIENT_ID"),
        without="api_key",
        environment={"NEUROFLASH_CLIENT_SECRET": "geheim"},
        hides=("geheim",),
    ),
    _made(
        "two ways to sign in",
        *("neuroflash", "api_key", "client_id", "client_secret", "NEUROFLASH_API_KEY"),
        settings=BOTH_WAYS,
        hides=("geheim", KEY),
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
    _made(
        "base_url: from the environment",
        *("meingpt", "base_url", "MEINGPT_BASE_URL", "https"),
        without="base_url",
        environment=PLAIN_URL,
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
    _called(
        "model missing", "innogpt", "model is missing", "model=", "INNOGPT_MODEL", without="model"
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
        *("'subtract'", "'add'"),
        params={"tools": [ADD]},
    ),
    _called(
        "strict: a parameter that the vendor ignores",
        *("meingpt", "max_tokens", "meinGPT: Completions"),
        settings={"strict": True},
        params={"max_tokens": 5},
        error="CapabilityError",
    ),
    _called(
        "tools for a model without",
        *("meingpt", "tools", ONLINE),
        params={"model": ONLINE, "tools": [ADD]},
        error="CapabilityError",
    ),
    _called(
        "a JSON schema where only JSON mode is documented",
        *("sovrgpt", "json_schema", "json_mode", "SovrGPT: POST /v1/chat/completions"),
        params={"response_format": SCHEMA},
        error="CapabilityError",
    ),
    # What is embedded
    *(
        _called(what, provider, *says, call="embed", params={"texts": ["a", text]})
        for what, provider, text, *says in (
            ("an empty text", "meingpt", "", "texts[1]", "empty"),
            ("no text", "innogpt", None, "texts[1]", "NoneType"),
        )
    ),
    *(
        _param(name, 0, f"{name}=0", provider="meingpt", call="embed")
        for name in ("dimensions", "batch_size", "max_concurrency")
    ),
    *(
        _called(
            f"{provider}: embeddings",
            *(provider, title, "innoGPT", "meinGPT", "allow_undocumented=True"),
            call="embed",
            error="CapabilityError",
        )
        for provider, title in (("sovrgpt", "SovrGPT"), ("neuroflash", "neuroflash"))
    ),
)
