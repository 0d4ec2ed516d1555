"""`dsgvo chat` and `dsgvo models`, on the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from dsgvo.cli.app import app
from dsgvo.emulator import Disconnect, Reply, Server, Status
from tests.cli.conftest import Dsgvo, one_line
from tests.cli.pdfs import pdf


def talk(*lines: str, arguments: tuple[str, ...] = ("sovrgpt", "--emulator")) -> tuple[str, str]:
    """What a conversation of somebody who types says on stdout and stderr."""
    with patch("dsgvo.cli.chat._somebody_types", return_value=True):
        result = piped(*lines, arguments=arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split()), result.stderr


def piped(*lines: str, arguments: tuple[str, ...] = ("sovrgpt", "--emulator")) -> Result:
    """What came of a conversation with questions from a pipe."""
    return CliRunner().invoke(
        app, ["chat", *arguments], input="\n".join(lines) + "\n", env={"COLUMNS": "80"}
    )


def test_a_conversation_remembers_until_it_is_told_to_forget(vendor_environment: Server) -> None:
    out, _ = talk("Ich heiße Anna.", "Wie heiße ich?", "/new", "Und?", arguments=("innogpt",))
    assert "a new conversation" in out
    asked = [request.json["messages"] for request in vendor_environment.requests]
    assert [len(messages) for messages in asked] == [1, 3, 1]
    assert [one["content"] for one in asked[1]][::2] == ["Ich heiße Anna.", "Wie heiße ich?"]


def test_tokens_are_counted() -> None:
    out, _ = talk("/tokens", "Hallo", "/tokens")
    assert "0 tokens" in out
    assert out.endswith("tokens >")


def test_thoughts_are_shown_apart() -> None:
    out, _ = talk("/model qwen3.5-27b-thinking", "Was ist 2 + 3?")
    assert "model: qwen3.5-27b-thinking" in out
    assert "Ich lese die Frage und suche, was dazu vorliegt. Ich bin der lokale Emulator" in out
    assert "think>" not in out


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_file_goes_with_the_next_message_only(
    encoding: str, tmp_path: Path, vendor_environment: Server
) -> None:
    path = tmp_path / "Notiz für Müller.txt"
    path.write_text("Der Schlüssel liegt unter der Matte.", encoding=encoding)
    talk(f"/file {path}", "Wo liegt er?", "Und nun?", arguments=("innogpt",))
    assert sent(vendor_environment) == [
        "Notiz für Müller.txt:\n\nDer Schlüssel liegt unter der Matte.\n\nWo liegt er?",
        "Und nun?",
    ]


IMAGES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\x1a\0\0\0WEBPVP8 ",
}


def sent(server: Server) -> list[Any]:
    """The content of the user's messages of the last request."""
    messages = server.requests[-1].json["messages"]
    return [one["content"] for one in messages if one["role"] == "user"]


@pytest.mark.parametrize("suffix", IMAGES)
def test_an_image_goes_with_the_message(
    suffix: str, tmp_path: Path, vendor_environment: Server
) -> None:
    path = tmp_path / f"Foto mit Platz.{suffix}"
    path.write_bytes(IMAGES[suffix])
    out, err = talk(
        f"/file {path}", "Was ist das?", "Und nun?", arguments=("innogpt", "--model", "gpt-5")
    )
    assert err == ""
    assert "goes with the next message" in out
    first, second = sent(vendor_environment)
    assert first[0] == {"type": "text", "text": "Was ist das?"}
    kind = {"jpg": "jpeg"}.get(suffix, suffix)
    assert first[1]["image_url"]["url"].startswith(f"data:image/{kind};base64,")
    assert second == "Und nun?"


def test_a_pdf_is_read_by_the_vendor_that_documents_it(
    tmp_path: Path, vendor_environment: Server
) -> None:
    path = tmp_path / "plan.pdf"
    path.write_bytes(pdf(["Der Aufzug wird am 4. Mai gewartet."]))
    out, err = talk(
        f"/file {path}", "Wann wird der Aufzug gewartet?", arguments=("innogpt", "--model", "gpt-5")
    )
    assert err == ""
    assert "am 4. Mai gewartet" in out.partition("goes with")[2]


def test_an_image_and_a_pdf_by_address(vendor_environment: Server) -> None:
    lines = ("/file https://example.com/a.PNG?size=2", "/file https://example.com/plan.pdf")
    _, err = talk(*lines, "Was ist das?", arguments=("innogpt", "--model", "gpt-5"))
    assert err == ""
    (content,) = sent(vendor_environment)
    image, document = content[1:]
    assert image == {
        "type": "image_url",
        "image_url": {"url": "https://example.com/a.PNG?size=2"},
    }
    assert document == {
        "type": "file_url",
        "file_url": {"url": "https://example.com/plan.pdf", "mime_type": "application/pdf"},
    }


@pytest.mark.parametrize("provider", ["meingpt", "neuroflash", "sovrgpt"])
@pytest.mark.parametrize("by_address", [True, False])
def test_a_pdf_is_refused_at_once_where_none_is_documented(
    provider: str, by_address: bool, tmp_path: Path
) -> None:
    (tmp_path / "plan.pdf").write_bytes(pdf(["Text"]))
    name = "https://example.com/plan.pdf" if by_address else str(tmp_path / "plan.pdf")
    out, err = talk(f"/file {name}", "2 + 3", arguments=(provider, "--emulator"))
    assert err.count("\n") == 1
    assert "documents no PDF input" in err
    assert "goes with the next message" not in out
    assert "„2 + 3“" in out


def test_a_refused_image_is_not_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "bild.png"
    path.write_bytes(IMAGES["png"])
    lines = ("/model qwen3.5-27b-thinking", f"/file {path}", "Was ist das?", "2 + 3")
    out, err = talk(*lines)
    assert err.count("\n") == 1
    assert "image" in err
    assert "„2 + 3“" in out


def test_mistakes_do_not_end_the_conversation(tmp_path: Path) -> None:
    (tmp_path / "bild.png").write_bytes(b"\x89PNG\xff")
    out, err = talk(
        f"/file {tmp_path}/fehlt", f"/file {tmp_path}/bild.png", "/nix", "2 + 3", "/quit"
    )
    assert "„2 + 3“" in out
    first, second, third = err.splitlines()
    assert first.endswith("no such file or directory")
    assert second.endswith("neither a text, nor an image (PNG, JPEG, GIF, WebP), nor a PDF")
    assert third == "error: there is no command /nix: /help lists them"


def test_a_broken_answer_is_one_line(
    vendor_environment: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOVRGPT_MODEL", "qwen3.5-9b")
    vendor_environment.script("sovrgpt", *[Disconnect()] * 3)
    out, err = talk("Hallo", "2 + 3", arguments=("sovrgpt",))
    assert err.count("\n") == 1
    assert err.startswith("error: SovrGPT")
    assert "„2 + 3“" in out


def test_instructions_and_help() -> None:
    out, _ = talk("/system Antworte nur: ja", "/system", "/help")
    assert "instructions set" in out
    assert "no instructions" in out
    assert "/tokens tokens used so far" in out


def test_chat_needs_nothing_but_a_key(dsgvo: Dsgvo, vendor_environment: Server) -> None:
    assert "set SOVRGPT_API_KEY" in one_line(dsgvo("chat", "sovrgpt"))
    result = piped("Hallo", arguments=("innogpt",))
    assert result.exit_code == 0
    assert result.stdout.startswith("innoGPT gpt-5 (/help")
    assert vendor_environment.requests[-1].json["model"] == "gpt-5"


def test_with_questions_from_a_pipe_the_first_error_ends_it(vendor_environment: Server) -> None:
    vendor_environment.script("innogpt", Reply("eins"), Status(400, message="nein"), Reply("drei"))
    result = piped("Hallo", "Und?", "Und noch?", arguments=("innogpt",))
    assert result.exit_code == 1
    assert "eins" in result.stdout
    assert "drei" not in result.stdout
    assert result.stderr.count("\n") == 1
    assert "nein" in result.stderr
    assert piped("/file /dev/null").exit_code == 1


def test_models_of_the_pages_need_no_key(invoke: Dsgvo) -> None:
    run = invoke("models")
    assert run.returncode == 0
    text = " ".join(run.stdout.split())
    assert "meinGPT o1-us chat US page" in text
    assert "SovrGPT qwen3.5-9b chat, tools unknown page" in text
    assert "SovrGPT has a live list, shown when SOVRGPT_API_KEY or SOVR_KEY is set." in text
    assert max(map(len, run.stdout.splitlines()[:-3])) <= 80


def test_models_are_live_where_there_is_a_list(invoke: Dsgvo) -> None:
    text = " ".join(invoke("models", "--emulator").stdout.split())
    assert "SovrGPT qwen3.5-27b-thinking chat, no images unknown live" in text
    assert "neuroflash openai/gpt-4.1-mini" in text
    assert "innoGPT gpt-5 chat, images, files unknown page" in text


def test_models_of_one_vendor(invoke: Dsgvo) -> None:
    text = invoke("models", "meingpt").stdout
    assert "meinGPT" in text
    assert "SovrGPT" not in text
