"""``dsgvo doctor``: what this environment would send where."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from dsgvo.audit import AUDIT_VARIABLE
from dsgvo.cli.options import JsonOption
from dsgvo.errors import ConfigurationError
from dsgvo.providers import PROVIDERS, Provider
from dsgvo.tracing import SWITCHES, langsmith_host
from dsgvo.transport import Client
from dsgvo.wire.residency import RESIDENCY_VARIABLE, resolve_residency

__all__ = ["doctor", "findings"]

Verdict = Literal["ok", "note", "leaves"]
"""As it should be; worth knowing; or data would leave the European Economic Area."""

PACKAGES = (
    *("dsgvo-llm", "httpx", "pydantic", "langchain-core", "langchain", "langgraph"),
    *("llama-index-core", "openai", "langchain-openai", "llama-index-llms-openai"),
    "llama-index-embeddings-openai",
)
OPENAI_DEFAULTS = ("llama-index-llms-openai", "llama-index-embeddings-openai")
ON = {"1", "true", "yes", "on"}
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")  # which decrypts all
# Sources: Chroma's page "Telemetry"; PostHog's Python client, of which other packages send figures.
TELEMETRY = {"chromadb": ("ANONYMIZED_TELEMETRY", "false"), "posthog": ("POSTHOG_DISABLED", "1")}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that decides what is sent where.

    Args:
        about: What it concerns.
        says: What was found; never a key.
        verdict: What to think of it.
        remedy: How to change it.
    """

    about: str
    says: str
    verdict: Verdict = "ok"
    remedy: str = ""


def doctor(
    as_json: JsonOption = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 1 if data would leave the EEA."),
    ] = False,
) -> None:
    """Say what this environment would send where: keys, addresses, proxies, and the frameworks.

    Nothing is sent. Keys are found, never shown.
    """
    found = list(findings())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        _show(found)
    if strict and any(one.verdict == "leaves" for one in found):
        raise typer.Exit(1)


def _show(found: list[Finding]) -> None:

    from dsgvo.cli.screen import Screen, plain_table

    table = plain_table()
    table.add_column("", no_wrap=True)
    table.add_column("About", no_wrap=True)
    table.add_column("Found", overflow="fold")
    signs = {"ok": "✓", "note": "·", "leaves": "!"}
    for one in found:
        remedy = f" ({one.remedy})" if one.remedy else ""
        table.add_row(signs[one.verdict], one.about, one.says + remedy)
    screen = Screen()
    screen.print(table)
    if any(one.verdict == "leaves" for one in found):
        screen.print("! Data would leave the European Economic Area.", style="bold")
    screen.print(
        "What vendors say and the environment holds; your contracts decide.",
        style="dim",
        soft_wrap=True,
    )


def findings() -> Iterator[Finding]:
    """Yield what this environment and what is installed in it decide."""
    for spec in PROVIDERS.values():
        yield from _vendor(spec)
    yield _residency()
    yield from _network()
    yield from _langsmith()
    yield from _frameworks()
    audit = os.environ.get(AUDIT_VARIABLE)
    yield Finding("audit trail", audit or f"off; {AUDIT_VARIABLE}=FILE turns it on", "note")
    known = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    yield Finding("versions", f"Python {platform.python_version()}, {known}", "note")


def _vendor(spec: Provider) -> Iterator[Finding]:
    keys = [name for name in spec.key_variables if os.environ.get(name)]
    if spec.oauth:
        names = (spec.oauth.id_variable, spec.oauth.secret_variable)
        keys += [name for name in names if os.environ.get(name)]
    if not keys:
        return
    try:
        config = Client(spec).config
        config.require_arguments()
    except ConfigurationError as error:
        yield Finding(spec.title, str(error), "note")
        return
    host = urlsplit(config.base_url).netloc
    says = f"{', '.join(keys)} set; requests go to {host}"
    if config.base_url == spec.base_url:
        yield Finding(spec.title, f"{says} (the vendor's own)")
    else:  # where that is, nobody here knows
        yield Finding(spec.title, f"{says} ({spec.base_url_variable})", "note")
    outside = [
        model.id.replace("*", "…")
        for model in spec.models
        if model.region not in {None, "EU", "DE"} and "[" not in model.id
    ]
    if outside:
        refused = "refused" if config.residency != "any" else "allowed"
        verdict: Verdict = "ok" if config.residency != "any" else "leaves"
        yield Finding(spec.title, f"runs elsewhere, {refused}: {', '.join(outside)}", verdict)


def _residency() -> Finding:
    try:
        value = resolve_residency(os.environ.get(RESIDENCY_VARIABLE))
    except ConfigurationError as error:
        return Finding("residency", str(error), "note")
    remedy = f"unset {RESIDENCY_VARIABLE}" if value == "any" else ""
    return Finding("residency", value, "leaves" if value == "any" else "ok", remedy)


def _network() -> Iterator[Finding]:
    for names, about in ((PROXIES, "proxy"), (CERTIFICATES, "certificates")):
        for name in (spelt for upper in names for spelt in (upper, upper.lower())):
            if value := os.environ.get(name):
                shown = value.rpartition("@")[2]  # a proxy's address may hold a password
                yield Finding(about, f"{name}={shown}", "note")


def _langsmith() -> Iterator[Finding]:
    on = [name for name in SWITCHES if os.environ.get(name, "").lower() in ON]
    if not on:
        yield Finding("LangSmith", "tracing is off")
        return
    host = langsmith_host()
    if host.startswith("eu.") and host.endswith(".langchain.com"):
        yield Finding("LangSmith", f"prompts and answers go to {host}, in the EU", "note")
    else:
        says = f"prompts and answers go to {host}"
        verdict: Verdict = "leaves" if host.endswith("langchain.com") else "note"
        yield Finding("LangSmith", says, verdict, f"unset {on[0]}, or use its European endpoint")


def _frameworks() -> Iterator[Finding]:
    if _version("llama-index-core"):
        if os.environ.get("OPENAI_API_KEY") and any(map(_version, OPENAI_DEFAULTS)):
            yield Finding(
                "LlamaIndex",
                "without an LLM or embedding model set, documents go to OpenAI: its key is set",
                "leaves",
                "call llamaindex_dsgvo.use(…), or unset OPENAI_API_KEY",
            )
        else:
            yield Finding(
                "LlamaIndex", "its defaults are OpenAI's; use(…) sets both models", "note"
            )
        if not os.environ.get("TIKTOKEN_CACHE_DIR"):
            yield Finding(
                "tokenizer",
                "worker processes of IngestionPipeline download theirs from openaipublic",
                "note",
                "set TIKTOKEN_CACHE_DIR; only the file is fetched, no text is sent",
            )
    for package, (switch, off) in TELEMETRY.items():
        if _version(package) and os.environ.get(switch, "").lower() != off:
            says = "figures of use may go to PostHog"
            yield Finding(package, says, "leaves", f"set {switch}={off}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
