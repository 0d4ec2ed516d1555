"""``dsgvo check``: green on the emulator, and telling where a service differs from its page."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from dsgvo import PROVIDERS
from dsgvo.cli.app import app
from dsgvo.cli.check.probes import Differs
from dsgvo.emulator import Reply, Server, Status


def check(*arguments: str, answer: str | None = None) -> Any:
    return CliRunner().invoke(app, ["check", *arguments], input=answer)


def findings(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = check(*arguments, "--json", "--yes")
    found = json.loads(ran.stdout)["findings"]
    return ran.exit_code, {finding["capability"]: finding for finding in found}


@pytest.mark.parametrize(
    ("arguments", "tried"),
    [
        ("innogpt", {"PDF upload": "Doc", "PDF beside tools": "Inferred", "model list": "Seen"}),
        ("meingpt --assistant emulator-1", {"an assistant's answer": "Seen", "embeddings": "Doc"}),
        ("neuroflash", {"quotas": "Public", "other base URL": "Seen", "workspace header": "Doc"}),
        ("sovrgpt", {"<think> blocks": "Doc", "reranking": "Seen", "stop": "Doc"}),
        ("sovrgpt --model gemma-4-26b-a4b", {"image in the request": "Doc"}),
    ],
)
def test_the_emulator_does_all_that_is_known(arguments: str, tried: dict[str, str]) -> None:
    code, found = findings(*arguments.split(), "--emulator")
    assert (code, {finding["result"] for finding in found.values()}) == (0, {"works"})
    assert found.keys() >= {"chat", "streaming", "tools", "refusal of a wrong key"}
    assert {name: found[name]["rests_on"] for name in tried} == tried
    spec = PROVIDERS[arguments.split(maxsplit=1)[0]]
    assert ("stop" in found) == ("stop" in spec.documented)
    assert ("embeddings" in found) == spec.embeddings.documented


def test_what_a_service_does_otherwise_is_told_and_fails(vendor_environment: Server) -> None:
    vendor_environment.script("sovrgpt", Reply(content=""), Status(503, message="out of order"))
    code, found = findings("sovrgpt")
    told = [(found[name]["result"], found[name]["note"]) for name in ("chat", "streaming")]
    wanted = [("differs", "the answer is empty"), ("refused", "SovrGPT: 503: out of order")]
    assert (code, told) == (1, wanted)


def test_it_asks_before_it_costs_and_shows_time_and_tokens(vendor_environment: Server) -> None:
    ran = check("innogpt", answer="n\n")
    assert "cost money (at most about 8120 tokens)" in " ".join(ran.stderr.split())
    assert (ran.exit_code != 0, vendor_environment.requests) == (True, [])
    ran = check("meingpt", "--yes")
    assert (ran.exit_code, bool(vendor_environment.requests)) == (0, True)
    assert all("max_tokens" not in (asked.json or {}) for asked in vendor_environment.requests)
    header, *rows = ran.stdout.splitlines()[1:]
    assert header.split() == ["Tried", "Rests", "on", "Service", "Tokens", "Seconds", "Note"]
    assert any(row.split()[:3] == ["chat", "Doc", "works"] for row in rows)


def test_answers_are_capped_and_the_budget_is_not_exceeded(vendor_environment: Server) -> None:
    code, found = findings("sovrgpt", "--budget", "50")
    results = [one["result"] for one in found.values()]
    assert (code, results) == (1, ["works"] * 2 + ["not tried"] * 11)
    assert [asked.json["max_tokens"] for asked in vendor_environment.requests] == [256, 256]
    ctrl_c = patch.object(Differs, "__init__", side_effect=KeyboardInterrupt)
    vendor_environment.script("sovrgpt", Reply("OK", usage={"total_tokens": "x"}), Reply(""))
    with ctrl_c:  # what was paid for is shown
        code, found = findings("sovrgpt")
    assert (code, [one["result"] for one in found.values()]) == (130, ["works"])


def test_a_report_holds_shapes_alone(vendor_environment: Server, tmp_path: Path) -> None:
    said = {"error": "Konto acc-4711: Mein Satz", "code": "E1", "acc-4711": [1.5]}
    said["type"] = vendor_environment.environ("neuroflash")["NEUROFLASH_API_KEY"]
    odd = b'{"type": "\\ud800", "deep": ' + b"[" * 180 + b"]" * 180 + b"}"
    named = Reply("OK", usage={"a\x1b|b\nc": 1})
    vendor_environment.script("neuroflash", Status(418, body=said), Status(418, body=odd), named)
    ran = check("neuroflash", "--yes", "--report", str(tmp_path / "report.md"))
    report = (tmp_path / "report.md").read_text("utf-8")
    assert (ran.exit_code, "| chat | Doc | refused | APIStatusError 418 |" in report) == (1, True)
    assert "| usage in streams | Inferred | works | a\ufffd\\|b c |" in report
    assert '"role": "user",\n   "content": "text"' in report
    assert '"error": "text",\n "code": "text",\n "{key}": [\n  "number"' in report
    secrets = ["4711", "Satz", "Antworte", "127.0.0.1"]
    secrets += vendor_environment.environ("neuroflash").values()
    assert [one for one in secrets if one in report] == []
    asked = len(vendor_environment.requests)
    for path in (tmp_path / "no" / "r.md", tmp_path):
        assert check("neuroflash", "--yes", "--report", str(path)).exit_code == 1
    assert len(vendor_environment.requests) == asked
