"""`dsgvo chat` and `dsgvo models`, on the emulator."""

from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from dsgvo.cli.app import app
from dsgvo.emulator import Disconnect, Raw, Reply, Server, Status
from tests.cli.conftest import COMMAND, Invoke, one_line, ran
from tests.cli.pdfs import pdf

OWN = "innogpt --model gpt-5"
IMAGES = {
    "png": (b"\x89PNG\r\n\x1a\n", "image/png;base64,iVBORw0KGgo="),
    "gif": (b"GIF89a", "image/gif;base64,R0lGODlh"),
    "webp": (b"RIFF\x1a\0\0\0WEBPVP8 ", "image/webp;base64,UklGRhoAAABXRUJQVlA4IA=="),
}
LIVE = "SovrGPT has a live list, shown when SOVRGPT_API_KEY or SOVR_KEY is set."
QWEN = "SovrGPT qwen3.5-9b chat, tools unknown page"
QUOTA = "tokens 880,000 1,000,000 48,800 50,000 120,000 images 40 50"
CLAUDE = "neuroflash claude-sonnet-4.5 chat, 200,000 tokens"
MORE = ("SovrGPT qwen3.5-27b-thinking chat, no images unknown live", CLAUDE)


def talk(*lines: str, to: str = "sovrgpt --emulator") -> tuple[str, str]:
    """What a conversation of somebody who types says on stdout and stderr."""
    with patch("dsgvo.cli.chat._somebody_types", return_value=True):
        result = piped(*lines, to=to)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split()), result.stderr


def piped(*lines: str, to: str = "sovrgpt --emulator") -> Result:
    """What came of a conversation with questions from a pipe."""
    arguments, typed = ["chat", *to.split()], "\n".join(lines) + "\n"
    return CliRunner().invoke(app, arguments, input=typed, env={"COLUMNS": "80"})


def test_a_conversation_remembers_and_tells_what_is_not_whole(vendor_environment: Server) -> None:
    out, _ = talk("Ich heiße Anna.", "Wie heiße ich?", "/new", "Und?", to="innogpt")
    assert "a new conversation" in out
    body = b'{"choices": [{"message": {"refusal": "Nie."}, "finish_reason": "stop"}]}'
    refused = Raw(headers={"content-type": "application/json"}, chunks=[body])
    cut = [Reply(text, finish_reason="length") for text in ("Hal", "")]
    vendor_environment.script("innogpt", *cut, refused)
    with pytest.warns(UserWarning, match="has used up max_tokens"):
        out, told = talk("Hallo", "Und?", "Wer?", to="innogpt")
    assert "> Hal > > Nie." in out
    *cut, empty = told.splitlines()
    assert ["was cut: finish_reason='length'" in line for line in cut] == [True, True]
    assert "is empty" in empty
    asked = [request.json["messages"] for request in vendor_environment.requests]
    assert [len(messages) for messages in asked] == [1, 3, 1, 1, 3, 3]
    assert [one["content"] for one in asked[1]][::2] == ["Ich heiße Anna.", "Wie heiße ich?"]


def test_commands_and_thoughts_which_are_shown_apart() -> None:
    lines = ("/system Antworte nur: ja", "/system", "/help", "/tokens", "Hallo", "/tokens")
    out, _ = talk("/model qwen3.5-27b-thinking", "Was ist 2 + 3?", *lines)
    said = ("model: qwen3.5-27b-thinking", "instructions set", "no instructions")
    said += ("/tokens tokens used so far", "suche, was dazu vorliegt. Ich bin der lokale Emulator")
    assert ([text for text in said if text not in out], "think>" in out) == ([], False)
    assert out.endswith("tokens >")


def test_files_and_addresses_go_with_a_message(tmp_path: Path, vendor_environment: Server) -> None:
    for suffix, (data, _) in IMAGES.items():
        (tmp_path / f"Foto mit Platz.{suffix}").write_bytes(data)
    (tmp_path / "Notiz für Müller.txt").write_bytes("Der Schlüssel liegt da.".encode("cp1252"))
    names = [f"{tmp_path}/Foto mit Platz.{suffix}" for suffix in IMAGES]
    image, plan = "https://example.com/a.PNG?size=2", "https://example.com/plan.pdf"
    lines = [f"/file {name}" for name in (*names, image, plan, tmp_path / "Notiz für Müller.txt")]
    out, err = talk(*lines, "Was ist das?", "Und nun?", to=OWN)
    assert (err, out.count("goes with the next message")) == ("", 6)
    urls = [*(f"data:{url}" for _, url in IMAGES.values()), image]
    text = "Notiz für Müller.txt:\n\nDer Schlüssel liegt da.\n\nWas ist das?"
    content = [
        {"type": "text", "text": text},
        *({"type": "image_url", "image_url": {"url": url}} for url in urls),
        {"type": "file_url", "file_url": {"url": plan, "mime_type": "application/pdf"}},
    ]
    asked = vendor_environment.requests[-1].json["messages"]
    assert [one["content"] for one in asked if one["role"] == "user"] == [content, "Und nun?"]


def test_a_pdf_is_read_by_who_documents_it(tmp_path: Path, vendor_environment: Server) -> None:
    (path := tmp_path / "plan.pdf").write_bytes(pdf(["Der Aufzug wird am 4. Mai gewartet."]))
    out, err = talk(f"/file {path}", "Wann wird der Aufzug gewartet?", to=OWN)
    assert (err, "am 4. Mai gewartet" in out.partition("goes with")[2]) == ("", True)
    for to, name in (("neuroflash", path), ("sovrgpt", "https://example.com/plan.pdf")):
        out, err = talk(f"/file {name}", "2 + 3", to=f"{to} --emulator")
        assert (err.count("\n"), "documents no PDF input" in err) == (1, True)
        assert ("goes with the next message" in out, "„2 + 3“" in out) == (False, True)


def test_mistakes_do_not_end_the_conversation(tmp_path: Path, vendor_environment: Server) -> None:
    (tmp_path / "bild.png").write_bytes(b"\0\0\0\x1cftypavif")
    (tmp_path / "gut.png").write_bytes(IMAGES["png"][0])
    vendor_environment.script("sovrgpt", *[Disconnect()] * 3)
    files = [f"/file {tmp_path}/{name}" for name in ("fehlt", "bild.png", "gut.png")]
    odd = ("/file http://[", "/file ~niemand-hier/x", "/file")
    blind = "/model qwen3.5-27b-thinking"
    lines = ("Hallo", *files[:2], *odd, "/nix", blind, files[2], "Was ist das?", "2 + 3", "/quit")
    out, err = talk(*lines, to="sovrgpt --model qwen3.5-9b")
    assert "„2 + 3“" in out  # so the image that was refused is not sent again
    said = ("error: SovrGPT", "no such file or directory", "neither a text, nor an image (PNG, JP")
    said += ("/file http://[: Invalid IPv6 URL", "/file ~niemand-hier/x: ", "error: /file what? ")
    said += ("error: there is no command /nix: /help lists them", "image")
    assert [one in told for one, told in zip(said, err.splitlines(), strict=True)] == [True] * 8
    vendor_environment.script("sovrgpt", Status(400))
    out, err = talk(files[2], "Was?", "2 + 3", to="sovrgpt --model qwen3.5-9b")
    assert ("„2 + 3“" in out, "/file has added is left out" in err) == (True, True)


def test_from_a_pipe_an_error_ends_it_and_a_key_is_enough(vendor_environment: Server) -> None:
    vendor_environment.script("innogpt", Reply("eins"), Status(400, message="nein"), Reply("drei"))
    result = piped("Hallo", "Und?", "Und noch?", to="innogpt")
    assert result.stdout.startswith("innoGPT gpt-5 (/help")
    assert vendor_environment.requests[-1].json["model"] == "gpt-5"
    assert (result.exit_code, result.stderr.count("\n"), "nein" in result.stderr) == (1, 1, True)
    assert ("eins" in result.stdout, "drei" in result.stdout) == (True, False)
    assert piped("/file /dev/null").exit_code == 1
    assert "set SOVRGPT_API_KEY" in one_line(ran(*COMMAND, "chat", "sovrgpt"))


def test_a_list_that_fails_leaves_the_others(invoke: Invoke, vendor_environment: Server) -> None:
    vendor_environment.script("innogpt", *[Status(400, message="kaputt")] * 2, path="/models")
    run = invoke("models")
    assert one_line(run).startswith("error: innoGPT: 400: kaputt")
    assert [one for one in MORE if one not in " ".join(run.stdout.split())] == []
    assert invoke("models", "innogpt").stdout == ""


@pytest.mark.parametrize(
    ("command", "code", "shown"),
    [
        # Live where there is a list, and of the page without a key.
        ("models", 0, ("meinGPT o1-us chat, tools,", QWEN, LIVE)),
        ("models --emulator", 0, (*MORE, "innoGPT says who runs gpt-5, gpt-5-mini, o4-mini")),
        ("quota neuroflash --emulator", 0, (QUOTA,)),
        ("quota neuroflash --emulator --json", 0, ('"kind": "tokens", "left": 880000, "limit"',)),
        ("quota sovrgpt --emulator", 1, ("SovrGPT has no quotas to be read",)),
        ("assistants meingpt --emulator", 0, ("assistant_id Name emulator-1 Emulator emulator-2",)),
        ("assistants sovrgpt --emulator", 1, ("SovrGPT is not known to have assistants",)),
    ],
)
def test_what_a_vendor_and_an_account_have_is_listed(
    invoke: Invoke, command: str, code: int, shown: tuple[str, ...]
) -> None:
    run = invoke(*command.split())
    text = " ".join((run.stdout + run.stderr).split())
    assert ([one for one in shown if one not in text], run.returncode) == ([], code)
    if command.startswith("models"):
        assert (LIVE in text) is (LIVE in shown)
        assert max(map(len, run.stdout.splitlines()[:-6])) <= 80
