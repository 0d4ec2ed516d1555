"""The table of bad input that the core and both framework packages are tested with.

Arguments go by the core's names; a framework's tests translate those that it calls otherwise.
In every case nothing is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

KEY, MODEL = "schluessel-4711", "ein-modell"
ADD = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """One mistake of a user, and what is said of it.

    A framework that builds its client with the model object raises at construction too what the
    core raises there. All vendors' variables but those of ``environment`` are unset, and
    ``base_url`` is the test's own unless ``settings`` has another.
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

    def given(self, base_url: str) -> dict[str, Any]:
        """Return the arguments of a client, or the model object's."""
        valid = {"api_key": KEY, "base_url": base_url}
        valid |= {"workspace_id": "workspace"} if self.provider == "neuroflash" else {}
        return {k: v for k, v in valid.items() if k not in self.without} | dict(self.settings)


def _row(
    at: Any, what: str, provider: str, says: str, *, hides: str = "", without: str = "", **more: Any
) -> BadInput:
    """A mistake; a bar stands between the texts that its message holds, or does not."""
    what = what.replace("\\", "/")  # pytest escapes it once more at each collection
    given = {"at": at, "id": what, "provider": provider, "says": tuple(says.split("|")), **more}
    hidden = tuple(filter(None, hides.split("|")))
    return BadInput(**given, hides=hidden, without=frozenset(without.split()))


_made, _called = partial(_row, "construction"), partial(_row, "call")


def _keyless(what: str, provider: str, says: str, *, hides: str = "", **given: str) -> BadInput:
    more: Any = {"without": "api_key", "hides": hides, "environment": given}
    return _made(what, provider, says, **more)


def _base_url(what: str, value: Any, says: str, **more: Any) -> BadInput:
    says = f"base_url|SOVRGPT_BASE_URL|{says}"
    return _made(f"base_url: {what}", "sovrgpt", says, settings={"base_url": value}, **more)


def _setting(name: str, value: Any, says: str, **more: Any) -> BadInput:
    says = f"{name}|{says}"
    return _made(f"{name}={value!r}", "sovrgpt", says, settings={name: value}, **more)


def _param(name: str, value: Any, says: str, provider: str = "sovrgpt", **more: Any) -> BadInput:
    sent = {name: value} | more.pop("params", {})
    return _called(f"{provider}: {name}={value!r}", provider, f"{name}|{says}", params=sent, **more)


ONLINE = "llama-3.1-sonar-large-128k-online"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
SECRET = "NEUROFLASH_CLIENT_SECRET"
OAUTH = f"api_key|NEUROFLASH_API_KEY|client_id|NEUROFLASH_CLIENT_ID|{SECRET}"
TWO_WAYS = "api_key|client_id|client_secret|NEUROFLASH_API_KEY"
BOTH = {"client_id": "c", "client_secret": "geheim"}
WORKSPACE = "x-workspace-id is missing|workspace_id=|NEUROFLASH_WORKSPACE_ID"
CLIENT, NO_CLIENT = {"NEUROFLASH_CLIENT_ID": "c"}, "client_id is missing|NEUROFLASH_CLIENT_ID"
JSON_MODE = "json_schema|json_mode|SovrGPT: POST /v1/chat/completions"
MEINGPT_URL: Any = {
    "provider": "meingpt",
    "says": "base_url|MEINGPT_BASE_URL|https",
    "without": "base_url",
    "environment": {"MEINGPT_BASE_URL": "http://app.meingpt.com/api/openai/v1"},
}
HAVING = "innoGPT|meinGPT|allow_undocumented=True"
FEW: Any = {"error": "CapabilityError"}
HIDDEN: Any = {"hides": "geheim"}
CASES: tuple[BadInput, ...] = (
    # Who one is
    _keyless("innogpt: key missing", "innogpt", "api_key|INNOGPT_API_KEY"),
    _keyless("sovrgpt: key missing", "sovrgpt", "api_key|SOVRGPT_API_KEY|SOVR_KEY"),
    _keyless("neuroflash: key missing", "neuroflash", OAUTH),
    _keyless("empty key", "innogpt", "api_key is missing|INNOGPT_API_KEY", INNOGPT_API_KEY=""),
    _setting("api_key", "geheim\nX-Evil: 1", "white space", **HIDDEN),
    _keyless("umlaut in the key", "sovrgpt", "SOVR_KEY", hides="gehäim", SOVR_KEY="gehäim"),
    _called("workspace missing", "neuroflash", WORKSPACE, without="workspace_id"),
    _made("bad workspace", "neuroflash", "workspace_id", settings={"workspace_id": "a\r\nX: 1"}),
    _keyless("secret missing", "neuroflash", f"client_secret is missing|{SECRET}", **CLIENT),
    _keyless("client id missing", "neuroflash", NO_CLIENT, **{SECRET: "geheim"}, **HIDDEN),
    _made("two ways to sign in", "neuroflash", TWO_WAYS, settings=BOTH, hides=f"geheim|{KEY}"),
    # Where it is
    _base_url("typo in the scheme", "htps://sovrgpt.com/api/v1", "https://sovrgpt.com/api/v1"),
    _base_url("plain http to a foreign host", "http://sovrgpt.com/api/v1", "https"),
    _base_url("with the path", "https://sovrgpt.com/api/v1/chat/completions", "part before it"),
    _base_url("query", "https://sovrgpt.com/api/v1?key=geheim", "query"),
    _base_url("fragment", "https://sovrgpt.com/api/v1#x", "fragment"),
    _base_url("empty query", "https://sovrgpt.com/api/v1?", "query"),
    _base_url("password", "https://user:geheim@sovrgpt.com/", "password", **HIDDEN),
    _base_url("broken brackets", "https://[::1/v1", "is not a valid URL"),
    _base_url("half a surrogate pair", "https://sovrgpt.com/\ud800", "white space or other"),
    _base_url("of another type", 0, "not a str"),
    _row("construction", "base_url: of the environment", **MEINGPT_URL),
    # How it is asked
    _setting("timeout", 0, "timeout=0|seconds"),
    _setting("timeout", 1e10, "timeout=10000000000.0|24 days"),
    _setting("include_response_headers", None, "list of headers' names"),
    _setting("trusted_models", ["m", None], "trusted_models=|list of model ids"),
    _setting("max_retries", -1, "max_retries=-1|0 or more"),
    _setting("default_headers", {"Authorization": "Bearer geheim"}, "api_key", **HIDDEN),
    _setting("default_headers", {"X Y": "1"}, "name 1 of 1"),
    _setting("default_headers", {"X-Y": "geheim\r\nX-Evil: 1"}, "X-Y", **HIDDEN),
    # What is asked
    _called("no model", "innogpt", "model is missing|model=|INNOGPT_MODEL", without="model"),
    _param("temperature", 3, "temperature=3|0 to 2"),
    _param("n", 2, "n=2", **FEW),
    _called("NaN", "sovrgpt", "'a', 'b' c|finite", params={"a": float("nan"), "b": -float("inf")}),
    _param("response_format", {}, "use an object such as {'type'"),
    # A parameter that the vendor ignores, where that is refused.
    _param("max_tokens", 5, "meinGPT: Completions", "meingpt", settings={"strict": True}, **FEW),
    _param("tools", [ADD], f"tools|{ONLINE}", "meingpt", params={"model": ONLINE}, **FEW),
    _called("only JSON mode", "sovrgpt", JSON_MODE, params={"response_format": SCHEMA}, **FEW),
    # What is embedded
    _param("texts", ["a", ""], "texts[1]|empty", "meingpt", call="embed"),
    _param("texts", ["a", None], "texts[1]|NoneType", "innogpt", call="embed"),
    _param("batch_size", 0, "batch_size=0", "meingpt", call="embed"),
    _called("sovrgpt: embeddings", "sovrgpt", f"SovrGPT|{HAVING}", call="embed", **FEW),
)
