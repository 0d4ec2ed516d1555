"""Reading a folder: text page by page, and what is named and skipped, within bounds."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dsgvo.cli import files
from dsgvo.cli.demo import documents
from dsgvo.cli.demo.documents import Page, read_documents
from dsgvo.cli.demo.questions import about_headings
from dsgvo.errors import ConfigurationError
from tests.cli.pdfs import encrypted, pdf

UMLAUTS = "Die Bücherei öffnet für Müller größere Säle am Dienstag."
LINES = pdf(["Wir fahren mit den Mess-", "geräten, also Geräte-", "und Bahn."], [], ["Ende"])
JOINED = "Wir fahren mit den Messgeräten, also Geräte-\nund Bahn."


def written(folder: Path, contents: Mapping[str, bytes | str]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.mark.parametrize(
    ("name", "data", "pages"),
    [
        ("a.pdf", LINES, [Page(JOINED, 1), Page("", 2), Page("Ende", 3)]),
        # One that only forbids printing.
        ("a.pdf", encrypted(pdf(["Lesbar"]), password=""), [Page("Lesbar", 1)]),
        ("Übersicht mit Platz.txt", "Grüße".encode("utf-8-sig"), [Page("Grüße")]),
        ("a.txt", "Grüße".encode("utf-16"), [Page("Grüße")]),
        ("a.txt", "Größe: 20 €\r\nPreis: 3 €".encode("cp1252"), [Page("Größe: 20 €\nPreis: 3 €")]),
        ("a.txt", UMLAUTS.encode("cp850"), [Page(UMLAUTS)]),
        ("a.txt", b"a" + b" \t" * 600_000 + b"b", [Page("a b")]),  # tiktoken fails on such a gap
    ],
)
def test_pages_and_german_encodings_are_understood(
    tmp_path: Path, name: str, data: bytes, pages: list[Page]
) -> None:
    library = read_documents(written(tmp_path, {name: data}))
    assert {library.name(path): found for path, found in library.pages.items()} == {name: pages}


def test_without_the_library_that_guesses_it_is_cp1252(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert files.decode("Grüße".encode("cp1252")) == "Grüße"


def test_headings_of_plain_texts_are_marked_and_tables_of_contents_left_out() -> None:
    lines = ["1. Verein", "  1.1. Was ist er?", "  1.2. Wer ist er?", "  1.3. Wo ist er?"]
    text = "\n".join([*lines, "", "1.1. Was ist er, und\nwas kostet er?", "", "Ein Verein.", ""])
    text += "\nURLAUB\n\n# kein Titel\n\nReisen\n======\n\n1. Das ist ein Satz.\n\n  2.1 Code"
    assert [line for line in files.mark_headings(text).split("\n") if line] == [
        "## 1.1. Was ist er, und was kostet er?",
        *("Ein Verein.", "# URLAUB", "\\# kein Titel", "# Reisen"),
        *("1. Das ist ein Satz.", "  2.1 Code"),
    ]


REASONS: dict[str, tuple[bytes, str]] = {
    "geheim.pdf": (encrypted(pdf(["x"]), password="pw"), "encrypted"),
    "kaputt.pdf": (b"%PDF-1.4\nnichts", "a broken PDF"),
    "leer.txt": (b"", "empty"),
    "rot\x1b[31m.txt": (b"\0\1\2abc" * 50, "not a text"),
    "scan.pdf": (pdf([]), "no text in it; scanned pages need text recognition first"),
    "striche.md": (b"---\n\n***\n", "no text in it"),
    "unter/bild.png": (b"\x89PNG", "not one of .md, .txt, .pdf"),
}


def test_what_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    written(tmp_path, {"gut.md": "Inhalt", ".versteckt.md": "x", ".git/a.md": "x"})
    written(tmp_path, {name: data for name, (data, _) in REASONS.items()})
    (tmp_path / "kreis").symlink_to(tmp_path)
    library = read_documents(tmp_path)
    assert [library.name(path) for path in library.pages] == ["gut.md"]
    shown = {name.replace("\x1b", "\N{REPLACEMENT CHARACTER}"): name for name in REASONS}
    assert library.skipped == {name: REASONS[shown[name]][1] for name in shown}


def test_bounds_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in {"MAX_FILE_BYTES": 1_000, "MAX_CHARACTERS": 40, "MAX_FILES": 4}.items():
        monkeypatch.setattr(documents, name, bound)
    sizes = {"a": 1_001, "b": 30, "c": 11, "d": 10, "e": 1}
    written(tmp_path, {f"{name}.txt": "x" * size for name, size in sizes.items()})
    library = read_documents(tmp_path)
    assert [path.name for path in library.pages] == ["b.txt", "d.txt"]
    said = {"a.txt": "more than 1,000 bytes", "c.txt": "more than 40 characters in all"}
    assert library.skipped == said | {"the rest": "more than 4 files"}


def test_headings_cost_what_they_are_long() -> None:
    text = "# a" + " #" * 200_000 + "!"
    [question] = about_headings(documents.Library(Path(), {Path("a.md"): [Page(text)]}))
    assert question.endswith(f"{text[2:]}“?")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_regular_file_is_passed_over(tmp_path: Path) -> None:
    written(tmp_path, {"a.md": "gut"})
    os.mkfifo(tmp_path / "c.md")
    assert [path.name for path in read_documents(tmp_path).pages] == ["a.md"]
    with pytest.raises(files.UnreadableError, match="not a regular file"):
        files.read_regular(tmp_path / "c.md", 10)


def test_a_single_file_is_a_library_and_others_are_refused(tmp_path: Path) -> None:
    written(tmp_path, {"a.docx": b"PK"})
    with pytest.raises(ConfigurationError, match=r"none of 1 file.*a\.docx: not one of \.md"):
        read_documents(tmp_path)
    written(tmp_path, {"a.md": "gut", "b.md": "nicht gefragt"})
    library = read_documents(tmp_path / "a.md")
    assert [library.name(path) for path in library.pages] == ["a.md"]
