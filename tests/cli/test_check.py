"""``dsgvo check``: green on the emulator, and telling where a service differs from its page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from dsgvo import PROVIDERS, emulator
from dsgvo.cli.app import app
from dsgvo.emulator import Server


def check(*arguments: str, answer: str | None = None) -> Any:
    return CliRunner().invoke(app, ["check", *arguments], input=answer)


def findings(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = check(*arguments, "--json", "--yes")
    found = json.loads(ran.stdout)["findings"]
    return ran.exit_code, {finding["capability"]: finding for finding in found}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_emulator_does_all_that_is_documented(provider: str) -> None:
    code, found = findings(provider, "--emulator")
    assert {finding["result"] for finding in found.values()} == {"works"}
    assert code == 0
    assert {"chat", "streaming", "tools", "refusal of a wrong key"} <= set(found)


@pytest.mark.parametrize(
    ("provider", "only"),
    [
        ("innogpt", {"PDF upload", "PDF by address", "image generation", "embeddings"}),
        ("meingpt", {"embeddings", "response_format: json_schema"}),
        ("neuroflash", {"workspaces", "usage: words_used", "workspace header", "stop"}),
        ("sovrgpt", {"<think> blocks", "model list", "stop"}),
    ],
)
def test_what_is_tried_follows_the_page(provider: str, only: set[str]) -> None:
    _, found = findings(provider, "--emulator")
    assert only <= set(found)
    assert ("stop" in found) == ("stop" in PROVIDERS[provider].documented)
    assert ("embeddings" in found) == PROVIDERS[provider].embeddings.documented


def test_an_image_is_shown_to_a_model_that_takes_one() -> None:
    code, found = findings("sovrgpt", "--emulator", "--model", "gemma-4-26b-a4b")
    assert found["image in the request"]["result"] == "works"
    assert code == 0


def test_a_service_that_differs_is_told_and_fails(vendor_environment: Server) -> None:
    vendor_environment.script("sovrgpt", emulator.Reply(content=""))
    code, found = findings("sovrgpt")
    assert found["chat"]["result"] == "differs"
    assert found["chat"]["note"] == "the answer is empty"
    assert code == 1


def test_a_refusal_is_told_and_fails(vendor_environment: Server) -> None:
    vendor_environment.script("neuroflash", emulator.Status(503, message="out of order"))
    code, found = findings("neuroflash")
    assert found["chat"]["result"] == "refused"
    assert "out of order" in found["chat"]["note"]
    assert found["streaming"]["result"] == "works"
    assert code == 1


def test_it_asks_before_it_costs_money(vendor_environment: Server) -> None:
    ran = check("innogpt", answer="n\n")
    assert ran.exit_code != 0
    assert "cost money" in ran.stderr
    assert vendor_environment.requests == []


def test_the_table_shows_time_and_tokens(vendor_environment: Server) -> None:
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
