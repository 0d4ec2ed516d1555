"""`dsgvo demo`, run as a user runs it, and the example programs, on the emulator."""

import re
import sys
from pathlib import Path

import pytest

from dsgvo.cli.demo.questions import NOT_FOUND
from dsgvo.emulator import Server, Status
from tests.cli.conftest import COMMAND, ROOT, Invoke, one_line, ran
from tests.cli.pdfs import pdf
from tests.cli.test_documents import UMLAUTS, written
from tests.cli.test_terminal import CONTROLS, HOSTILE

LANGCHAIN = ("demo", "--framework", "langchain")
BOTH = {"NEUROFLASH_API_KEY": "k", "INNOGPT_API_KEY": "k"}
HAVING = "add --embeddings innogpt (with INNOGPT_API_KEY) or meingpt (with MEINGPT_API_KEY)"
FACTS = {
    "Datenpanne intern melden?": ("zwei Stunden", "03-datenpannen-und-anfragen.md, Eine Datenpann"),
    "Passwort sein?": ("mindestens 14 Zeichen", "04-it-sicherheit.md, Passwörter"),
    "Kilometerpauschale für das eigene Auto?": ("0,35 Euro", "06-reiserichtlinie.pdf, page 2"),
    "mobiles Arbeiten möglich?": ("bis zu drei Tagen", "07-arbeitszeit-und-homeoffice.md, Mob"),
    "an welche Nummer geht die Meldung?": ("999", "03-datenpannen-und-anfragen.md"),
}
CAT = f"Die Katze heißt {HOSTILE} Minka und schnurrt." + " Der Hund nicht." * 100
FOLDER: dict[str, bytes] = {
    "garten.md": "# Garten\n## Gießen\nDie Tomaten werden um sieben Uhr gegossen.\n".encode(),
    "alt/brief.txt": UMLAUTS.encode("cp1252"),
    "vertrag.pdf": pdf(["Vertrag"], ["Die Kündigungsfrist beträgt drei Monate zum Quartalsende."]),
    "kat\x1b[31mze[red].txt": CAT.encode(),
    "lang.md": b"# " + b"x" * 3000,
    "leer.md": b"",
}
QUESTIONS = (
    "Wann werden die Tomaten gegossen?",
    "Wann öffnet die Bücherei für Müller?",
    "Wie lang ist die Kündigungsfrist?",
    "Wer gewann 1954 die Weltmeisterschaft?",
    "[blink]Wie heißt\x1b[2J die Katze?",
)
SHOWN = (
    "documents no embeddings, so innoGPT's are used",
    "Read 5 file(s)",
    "skipped leer.md: empty",
    "um sieben Uhr gegossen. [1] [1] garten.md, Gießen",
    "größere Säle am Dienstag. [1] [1] alt/brief.txt, line 1",
    "drei Monate zum Quartalsende. [1] [1] vertrag.pdf, page 2",
    "Weltmeisterschaft? Dazu steht nichts in den Unterlagen.",
    *("[blink]Wie heißt", "Die Katze heißt ", "[red].txt, line 1"),
    "→ unterlagen_durchsuchen(frage='Sieh in den Unterlagen nach: Wann werden",
)


@pytest.mark.slow
def test_the_handbook_is_answered_with_sources_by_both_frameworks() -> None:
    run = ran(*COMMAND, "demo")  # as `make demo` runs it, in a terminal of 80 columns
    assert (run.returncode, run.stderr) == (0, "")
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "no language model" in run.stdout.splitlines()[0]
    assert "\N{REPLACEMENT CHARACTER}" not in run.stdout
    parts = re.split(r"─+ (LangChain|LlamaIndex) ─+", run.stdout)
    for framework, count in (("LangChain", 4), ("LlamaIndex", 5)):
        text = " ".join(parts[parts.index(framework) + 1].partition("Framework ")[0].split())
        asked = [question for question in FACTS if question in text]
        for question in asked:
            found = text.partition(question)[2].partition("question ")[0]
            assert [said for said in FACTS[question] if said not in found] == []
        # LlamaIndex alone has a chat engine, which a question can follow up.
        assert (len(asked), "and then Und an welche Nummer" in text) == (count, count == 5)
        after = text.partition("Hund ins Büro mitbringen?")[2]
        assert after.partition("agent ")[0].strip() == NOT_FOUND
        after = text.partition("agent Ich fahre 4 Tage")[2]
        assert "→ reisekosten(tage=4, kilometer=420)" in after
        assert after.count("= 231,00 €") == 2  # the tool's result, and the answer
    row = r"^(LangChain|LlamaIndex) +innoGPT +gpt-5 +(\d+) +[\d,]+ +\d+\.\d$"
    # Five questions, and the agent's two; the follow-up costs two more.
    assert re.findall(row, run.stdout, re.MULTILINE) == [("LangChain", "7"), ("LlamaIndex", "9")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "meine dokumente", FOLDER)


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_a_folder_of_ones_own(invoke: Invoke, folder: Path, framework: str) -> None:
    asked = [part for question in QUESTIONS for part in ("--question", question)]
    chosen = ("--framework", framework, "--provider", "neuroflash", "--emulator")
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    run = invoke("demo", *chosen, "--docs", str(folder), *asked, env=proxy)
    text = " ".join(run.stdout.split())
    assert (run.returncode, [one for one in SHOWN if one not in text]) == (0, []), run.stderr
    assert text.count("um sieben Uhr") >= 3  # the answer, the tool's result, the agent's answer
    assert CONTROLS.search(run.stdout) is None


def test_without_a_question_the_headings_are_asked_about_and_a_refused_key_is_one_line(
    invoke: Invoke, folder: Path, server: Server
) -> None:
    asked = (*LANGCHAIN, "--docs", str(folder))
    run = invoke(*asked)
    assert run.returncode == 0, run.stderr
    assert "Yours go into --question" in " ".join(run.stdout.split())
    assert "Was steht in den Unterlagen zu „" in run.stdout
    wrong = {"INNOGPT_API_KEY": "falsch", "INNOGPT_BASE_URL": server.base_url("innogpt")}
    run = invoke(*asked, "--provider", "innogpt", env=wrong)
    assert ("check api_key" in one_line(run), "falsch" in run.stderr + run.stdout) == (True, False)
    short = Status(200, {"data": [{"embedding": [1.0, 2.0]}]})  # other than all that follow
    server.script("innogpt", short, path="/embeddings")
    run = invoke(*asked, "--provider", "innogpt", env=server.environ("innogpt"))
    assert one_line(run).startswith("error: Qdrant, with the vectors of innoGPT: ")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ("--docs fehlt", {}, "--docs fehlt: there is no such folder"),
        ("--docs .", {}, "--docs .: the folder has no files"),
        ("--provider innogpt", {}, "set INNOGPT_API_KEY; or use the emulator"),
        ("--provider sovrgpt", {"SOVRGPT_API_KEY": "k"}, HAVING),
        ("--provider neuroflash --embeddings innogpt", BOTH, "NEUROFLASH_WORKSPACE_ID"),
        ("--qdrant http://127.0.0.1:9", {}, "--qdrant http://127.0.0.1:9: "),
    ],
)
def test_mistakes_are_one_clear_line(
    invoke: Invoke, arguments: str, variables: dict[str, str], message: str
) -> None:
    assert message in one_line(invoke(*LANGCHAIN, *arguments.split(), env=variables))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rag_langchain.py", "rag_llamaindex.py"])
def test_an_example_answers(server: Server, name: str) -> None:
    service = server.environ("innogpt") | {"INNOGPT_MODEL": "gpt-5"}
    run = ran(sys.executable, str(ROOT / "examples" / name), **service)
    assert (run.returncode, "zwei Stunden" in run.stdout) == (0, True), run.stderr
