"""``dsgvo check``: green on the emulator, and telling where a service differs from its page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from dsgvo import PROVIDERS
from dsgvo.cli.app import app
from dsgvo.emulator import Reply, Server, Status


def check(*arguments: str, answer: str | None = None) -> Any:
    return CliRunner().invoke(app, ["check", *arguments], input=answer)


def findings(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = check(*arguments, "--json", "--yes")
    found = json.loads(ran.stdout)["findings"]
    return ran.exit_code, {finding["capability"]: finding for finding in found}


ALWAYS = {"chat", "streaming", "tools", "refusal of a wrong key"}


@pytest.mark.parametrize(
    ("arguments", "tried"),
    [
        ("innogpt", {"PDF upload", "PDF by address", "image generation", "embeddings"}),
        ("meingpt", {"assistants", "embeddings", "response_format: json_schema"}),
        ("neuroflash", {"workspaces", "usage: words_used", "workspace header", "stop"}),
        ("sovrgpt", {"<think> blocks", "model list", "reranking", "stop"}),
        ("sovrgpt --model gemma-4-26b-a4b", {"image in the request"}),
    ],
)
def test_the_emulator_does_all_that_is_documented(arguments: str, tried: set[str]) -> None:
    code, found = findings(*arguments.split(), "--emulator")
    assert (code, {finding["result"] for finding in found.values()}) == (0, {"works"})
    assert found.keys() >= ALWAYS | tried
    spec = PROVIDERS[arguments.split(maxsplit=1)[0]]
    assert ("stop" in found) == ("stop" in spec.documented)
    assert ("embeddings" in found) == spec.embeddings.documented


@pytest.mark.parametrize(
    ("provider", "answer", "result", "note"),
    [
        ("sovrgpt", Reply(content=""), "differs", "the answer is empty"),
        ("neuroflash", Status(503, message="out of order"), "refused", "out of order"),
    ],
)
def test_what_a_service_does_otherwise_is_told_and_fails(
    vendor_environment: Server, provider: str, answer: Any, result: str, note: str
) -> None:
    vendor_environment.script(provider, answer)
    code, found = findings(provider)
    assert (code, found["chat"]["result"], found["streaming"]["result"]) == (1, result, "works")
    assert note in found["chat"]["note"]


def test_it_asks_before_it_costs_money_and_shows_time_and_tokens(
    vendor_environment: Server,
) -> None:
    ran = check("innogpt", answer="n\n")
    assert ran.exit_code != 0
    assert "cost money" in ran.stderr
    assert vendor_environment.requests == []
    ran = check("meingpt", "--yes")
    assert ran.exit_code == 0
    assert vendor_environment.requests
    header, *rows = ran.stdout.splitlines()[1:]
    assert header.split() == ["Documented", "Service", "Tokens", "Seconds", "Note"]
    assert any(row.split()[:2] == ["chat", "works"] for row in rows)


def test_a_missing_key_is_one_line() -> None:
    ran = check("sovrgpt", "--yes")
    assert ran.exit_code == 1
    assert "SOVRGPT_API_KEY" in ran.stderr
    assert "Traceback" not in ran.output
