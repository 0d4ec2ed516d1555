"""`dsgvo demo`, run as a user runs it, on the emulator."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Dsgvo, Run, command, environment, one_line
from tests.cli.pdfs import encrypted, pdf

FACTS = [
    (
        "Datenpanne intern melden?",
        "zwei Stunden",
        "03-datenpannen-und-anfragen.md, Eine Datenpanne",
    ),
    ("Passwort sein?", "mindestens 14 Zeichen", "04-it-sicherheit.md, Passwörter"),
    ("Kilometerpauschale für das eigene Auto?", "0,35 Euro", "06-reiserichtlinie.pdf, page 2"),
    ("mobiles Arbeiten möglich?", "bis zu drei Tagen", "07-arbeitszeit-und-homeoffice.md, Mobiles"),
    ("an welche Nummer geht die Meldung?", "999", "03-datenpannen-und-anfragen.md"),
]


@pytest.fixture(scope="module")
def handbook() -> Run:
    """The demo as `make demo` runs it, in a terminal of 80 columns."""
    return subprocess.run(
        command("demo"),
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


def shown(run: Run, framework: str) -> str:
    """What one framework's part of the demo shows, on one line."""
    assert run.returncode == 0, run.stderr
    parts = re.split(r"─+ (LangChain|LlamaIndex) ─+", run.stdout)
    return " ".join(parts[parts.index(framework) + 1].partition("Framework ")[0].split())


@pytest.mark.parametrize("framework", ["LangChain", "LlamaIndex"])
@pytest.mark.slow
def test_the_handbook_is_answered_with_sources(handbook: Run, framework: str) -> None:
    text = shown(handbook, framework)
    missing = [
        (question, fact, source)
        for question, fact, source in FACTS
        if (found := text.partition(question)[2].partition("question ")[0])
        and not (fact in found and source in found)
    ]
    assert missing == []
    assert sum(question in text for question, _, _ in FACTS) >= 4


@pytest.mark.parametrize("framework", ["LangChain", "LlamaIndex"])
@pytest.mark.slow
def test_what_the_handbook_does_not_say_is_not_answered(handbook: Run, framework: str) -> None:
    after = shown(handbook, framework).partition("Hund ins Büro mitbringen?")[2]
    assert after.partition("agent ")[0].strip() == "Dazu steht nichts in den Unterlagen."


@pytest.mark.parametrize("framework", ["LangChain", "LlamaIndex"])
@pytest.mark.slow
def test_the_agent_uses_its_tool(handbook: Run, framework: str) -> None:
    after = shown(handbook, framework).partition("agent Ich fahre 4 Tage")[2]
    assert "→ reisekosten(tage=4, kilometer=420)" in after
    assert after.count("= 231,00 €") == 2  # the tool's result, and the answer


@pytest.mark.slow
def test_only_llamaindex_has_a_chat_engine_to_follow_up(handbook: Run) -> None:
    assert "and then" not in shown(handbook, "LangChain")
    assert "and then Und an welche Nummer" in shown(handbook, "LlamaIndex")


@pytest.mark.slow
def test_the_table_has_what_was_really_used(handbook: Run) -> None:
    rows = re.findall(
        r"^(LangChain|LlamaIndex) +(innoGPT) +(\S+) +(\d+) +((?:≈ )?[\d,]+) +(\d+\.\d)$",
        handbook.stdout,
        re.MULTILINE,
    )
    assert [row[:3] for row in rows] == [
        ("LangChain", "innoGPT", "gpt-5"),
        ("LangChain", "innoGPT", "text-embedding-3-small"),
        ("LlamaIndex", "innoGPT", "gpt-5"),
        ("LlamaIndex", "innoGPT", "text-embedding-3-small"),
    ]
    # Five questions, and the agent's two; the follow-up costs two more.
    assert [rows[0][3], rows[2][3]] == ["7", "9"]
    assert all(int(row[3]) > 5 and int(row[4].strip("≈ ").replace(",", "")) > 1000 for row in rows)


@pytest.mark.slow
def test_the_screen_is_clean(handbook: Run) -> None:
    assert handbook.stderr == ""
    assert max(map(len, handbook.stdout.splitlines())) <= 80
    assert "no language model" in handbook.stdout.splitlines()[0]
    assert "\N{REPLACEMENT CHARACTER}" not in handbook.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them."""
    docs = tmp_path / "meine dokumente"
    (docs / "alt").mkdir(parents=True)
    (docs / "garten.md").write_text(
        "# Garten\n## Gießen\nDie Tomaten werden jeden Morgen um sieben Uhr gegossen.\n",
        encoding="utf-8",
    )
    (docs / "alt" / "brief.txt").write_bytes(
        "Die Bücherei öffnet für Müller größere Säle am Dienstag.".encode("cp1252")
    )
    (docs / "vertrag.pdf").write_bytes(
        pdf(["Mietvertrag"], ["Die Kündigungsfrist beträgt drei Monate zum Quartalsende."])
    )
    (docs / "leer.md").write_bytes(b"")
    (docs / "kaputt.pdf").write_bytes(b"%PDF-1.7 nichts")
    (docs / "geheim.pdf").write_bytes(encrypted(pdf(["x"]), password="pw"))
    (docs / "foto.jpg").write_bytes(b"\xff\xd8\xff")
    return docs


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_a_folder_of_ones_own(invoke: Dsgvo, folder: Path, framework: str) -> None:
    questions = (
        "Wann werden die Tomaten gegossen?",
        "Wann öffnet die Bücherei für Müller?",
        "Wie lang ist die Kündigungsfrist?",
        "Wer gewann 1954 die Weltmeisterschaft?",
    )
    asked = [part for question in questions for part in ("--question", question)]
    run = invoke("demo", "--framework", framework, "--docs", str(folder), *asked)
    assert run.returncode == 0, run.stderr
    text = " ".join(run.stdout.split())
    for expected in (
        "Read 3 file(s)",
        "skipped foto.jpg: not one of .md, .txt, .pdf",
        "skipped geheim.pdf: encrypted",
        "skipped kaputt.pdf: a broken PDF",
        "skipped leer.md: empty",
        "um sieben Uhr gegossen. [1] [1] garten.md, Gießen",
        "größere Säle am Dienstag. [1] [1] alt/brief.txt, line 1",
        "drei Monate zum Quartalsende. [1] [1] vertrag.pdf, page 2",
        "Weltmeisterschaft? Dazu steht nichts in den Unterlagen.",
        "→ unterlagen_durchsuchen(frage='Sieh in den Unterlagen nach: Wann werden",
    ):
        assert expected in text
    assert text.count("um sieben Uhr") >= 3  # the answer, the tool's result, the agent's answer


def test_without_a_question_the_headings_are_asked_about(invoke: Dsgvo, folder: Path) -> None:
    run = invoke("demo", "--framework", "langchain", "--docs", str(folder))
    assert run.returncode == 0, run.stderr
    assert "Yours go into --question" in " ".join(run.stdout.split())
    assert "Was steht in den Unterlagen zu „" in run.stdout


@pytest.mark.parametrize("provider", ["neuroflash", "sovrgpt"])
def test_vendors_without_embeddings_borrow_some(invoke: Dsgvo, provider: str) -> None:
    run = invoke(
        *("demo", "--framework", "langchain", "--provider", provider, "--emulator"),
        *("--question", "Wie lang muss ein Passwort sein?"),
    )
    assert run.returncode == 0, run.stderr
    assert "documents no embeddings, so innoGPT's are used" in " ".join(run.stdout.split())
    assert "14 Zeichen" in run.stdout


def test_a_proxy_of_the_users_is_not_asked_for_the_emulator(invoke: Dsgvo) -> None:
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    run = invoke(
        *("demo", "--framework", "langchain", "--question", "Wie lang muss ein Passwort sein?"),
        env=proxy,
    )
    assert run.returncode == 0, run.stderr
    assert "14 Zeichen" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("--docs", "fehlt"), {}, "--docs fehlt: there is no such folder"),
        (("--docs", "."), {}, "--docs .: the folder has no files"),
        (("--provider", "innogpt"), {}, "set INNOGPT_API_KEY; or use the emulator"),
        (("--provider", "sovrgpt"), {}, "set SOVRGPT_API_KEY"),
        (
            ("--provider", "sovrgpt"),
            {"SOVRGPT_API_KEY": "k"},
            "add --embeddings innogpt (with INNOGPT_API_KEY) or meingpt (with MEINGPT_API_KEY)",
        ),
        (
            ("--provider", "sovrgpt", "--embeddings", "meingpt"),
            {"SOVRGPT_API_KEY": "k"},
            "MEINGPT_API_KEY",
        ),
        (
            ("--provider", "neuroflash", "--embeddings", "innogpt"),
            {"NEUROFLASH_API_KEY": "k", "INNOGPT_API_KEY": "k"},
            "NEUROFLASH_WORKSPACE_ID",
        ),
        (("--embeddings", "sovrgpt"), {}, "use --embeddings innogpt or meingpt"),
        (("--qdrant", "http://127.0.0.1:9"), {}, "--qdrant http://127.0.0.1:9: "),
    ],
)
def test_mistakes_are_one_clear_line(
    invoke: Dsgvo, arguments: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    run = invoke("demo", "--framework", "langchain", *arguments, env=variables)
    assert message in one_line(run)


@pytest.mark.parametrize("option", ["--provider", "--embeddings"])
def test_an_unknown_provider_is_a_usage_error(invoke: Dsgvo, option: str) -> None:
    run = invoke("demo", option, "openai")
    assert run.returncode == 2
    assert "provider='openai' is not known" in run.stderr
    assert "meingpt, neuroflash, sovrgpt" in " ".join(run.stderr.split())


def test_a_key_that_is_refused_is_one_line_too(invoke: Dsgvo, folder: Path) -> None:
    from dsgvo import emulator

    with emulator.running() as server:
        run = invoke(
            *("demo", "--framework", "langchain", "--provider", "innogpt", "--model", "gpt-5"),
            *("--docs", str(folder), "--question", "Wann?"),
            env={"INNOGPT_API_KEY": "falsch", "INNOGPT_BASE_URL": server.base_url("innogpt")},
        )
        assert "check api_key" in one_line(run)
        assert "falsch" not in run.stderr + run.stdout


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_a_service_given_by_its_base_url_is_used_as_it_is(
    invoke: Dsgvo, folder: Path, framework: str
) -> None:
    from dsgvo import emulator

    with emulator.running() as server:
        run = invoke(
            *("demo", "--framework", framework, "--provider", "sovrgpt", "--embeddings", "meingpt"),
            *("--docs", str(folder), "--question", "Wie lang ist die Kündigungsfrist?"),
            env={
                **server.environ("sovrgpt"),
                **server.environ("meingpt"),
                "SOVRGPT_MODEL": "qwen3.5-9b",
            },
        )
        assert run.returncode == 0, run.stderr
        paths = [request.path for request in server.requests]
    assert "drei Monate" in run.stdout
    assert "Emulator" not in run.stdout
    for name, title in (("sovrgpt", "SovrGPT"), ("meingpt", "meinGPT")):
        (row,) = re.findall(rf"{title} +\S+ +(\d+) +[≈\d]", run.stdout)
        assert int(row) == sum(f"/{name}/" in path for path in paths)
