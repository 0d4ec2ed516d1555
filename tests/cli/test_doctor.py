"""`dsgvo doctor`: what leaves, what is found, and no secrets."""

import json
from typing import Any

import pytest

from dsgvo.cli import doctor
from tests.cli.conftest import Invoke

KEY = "sk-sehr-geheimer-schluessel"
LEAVING = [("LANGCHAIN_TRACING_V2", "true", "LangSmith"), ("DSGVO_RESIDENCY", "any", "residency")]
LEAVING += [("OPENAI_API_KEY", KEY, "LlamaIndex")]


def found(invoke: Invoke, *options: str, **variables: str) -> tuple[int, dict[str, Any], str]:
    run = invoke("doctor", "--json", *options, env=variables)
    return run.returncode, {one["about"]: one for one in json.loads(run.stdout)}, run.stdout


def test_what_is_configured_is_told_without_secrets(invoke: Invoke) -> None:
    given = {f"{name}_API_KEY": KEY for name in ("MEINGPT", "NEUROFLASH", "INNOGPT")}
    given["INNOGPT_BASE_URL"] = "https://gateway.firma.example/v1"
    given["HTTPS_PROXY"] = f"http://anna:{KEY}@proxy.firma.example:3128"
    code, about, text = found(invoke, "--strict", DSGVO_AUDIT="audit.jsonl", **given)
    assert (code, KEY in text) == (0, False)
    says = {"innoGPT": "gateway.firma.example (INNOGPT_BASE_URL)", "meinGPT": "refused: o1-us"}
    says |= {"neuroflash": "x-workspace-id is missing", "versions": "langchain-core"}
    assert [name for name, said in says.items() if said not in about[name]["says"]] == []
    assert (about["innoGPT"]["verdict"], "SovrGPT" in about) == ("note", False)
    assert about["proxy"]["says"] == "HTTPS_PROXY=proxy.firma.example:3128"
    assert (about["residency"]["says"], about["audit trail"]["says"]) == ("eu", "audit.jsonl")
    assert "use 'eu'" in found(invoke, DSGVO_RESIDENCY="ANY")[1]["residency"]["says"]


@pytest.mark.parametrize(("name", "value", "concerns"), LEAVING)
def test_strict_ends_with_1_if_something_leaves(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str, value: str, concerns: str
) -> None:
    monkeypatch.setattr(doctor, "OPENAI_DEFAULTS", ["llama-index-core"])  # as if installed
    code, about, _ = found(invoke, "--strict", **{name: value})
    assert (code, about[concerns]["verdict"]) == (1, "leaves")
    assert name in about[concerns]["remedy"]
    assert found(invoke, **{name: value})[0] == 0
    europe = {"LANGSMITH_ENDPOINT": "https://eu.api.smith.langchain.com", name: value}
    assert found(invoke, "--strict", **europe)[0] == (concerns != "LangSmith")
    shown = invoke("doctor", env={name: value}).stdout  # the table is for people
    assert "! Data would leave the European Economic Area." in shown
