"""Reading a folder: text page by page, and what is named and skipped, within bounds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from dsgvo.cli import files
from dsgvo.cli.demo import documents
from dsgvo.cli.demo.documents import Page, read_documents
from dsgvo.errors import ConfigurationError
from tests.cli.pdfs import encrypted, pdf


def written(folder: Path, contents: dict[str, bytes | str]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(folder: Path) -> dict[str, list[Page]]:
    library = read_documents(folder)
    return {library.name(path): pages for path, pages in library.pages.items()}


def test_a_pdf_is_read_page_by_page_without_hyphens_at_line_ends(tmp_path: Path) -> None:
    pages = [["Wir fahren mit den Mess-", "geräten, also Geräte-", "und Bahn."], [], ["Ende"]]
    written(tmp_path, {"a.pdf": pdf(*pages)})
    first = "Wir fahren mit den Messgeräten, also Geräte-\nund Bahn."
    assert read(tmp_path) == {"a.pdf": [Page(first, 1), Page("", 2), Page("Ende", 3)]}


def test_a_pdf_that_only_forbids_printing_is_read(tmp_path: Path) -> None:
    written(tmp_path, {"a.pdf": encrypted(pdf(["Lesbar"]), password="")})
    assert read(tmp_path) == {"a.pdf": [Page("Lesbar", 1)]}


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Grüße"),
        ("utf-8-sig", "Grüße"),
        ("utf-16", "Grüße"),
        ("cp1252", "Grüße „so“ – €"),
        ("cp1252", "Größe: 20 €\r\nPreis: 3 €"),
        ("cp850", "Die Bücherei öffnet für Müller größere Säle am Dienstag."),
    ],
)
def test_german_encodings_are_understood(tmp_path: Path, encoding: str, text: str) -> None:
    written(tmp_path, {"Übersicht mit Platz.txt": text.encode(encoding)})
    expected = text.replace("\r\n", "\n")
    assert read(tmp_path) == {"Übersicht mit Platz.txt": [Page(expected)]}


def test_headings_of_plain_texts_are_marked_and_tables_of_contents_left_out() -> None:
    lines = ["1. Verein", "  1.1. Was ist er?", "  1.2. Wer ist er?", "  1.3. Wo ist er?"]
    text = "\n".join([*lines, "", "1.1. Was ist er, und\nwas kostet er?", "", "Ein Verein.", ""])
    text += "\nURLAUB\n\n# kein Titel\n\nReisen\n======\n\n1. Das ist ein Satz.\n\n  2.1 Code"
    assert [line for line in files.mark_headings(text).split("\n") if line] == [
        "## 1.1. Was ist er, und was kostet er?",
        "Ein Verein.",
        "# URLAUB",
        "\\# kein Titel",
        "# Reisen",
        "1. Das ist ein Satz.",
        "  2.1 Code",
    ]


def test_without_the_library_that_guesses_it_is_windows_1252(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert files.decode("Grüße".encode("cp1252")) == "Grüße"


def test_what_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "gut.md": "Inhalt",
            ".versteckt.md": "x",
            ".git/a.md": "x",
            "unter/bild.png": b"\x89PNG",
            "leer.txt": b"",
            "striche.md": "---\n\n***\n",
            "binär.txt": bytes(range(256)) * 4,
            "kaputt.pdf": b"%PDF-1.4\nnichts",
            "geheim.pdf": encrypted(pdf(["x"]), password="pw"),
            "scan.pdf": pdf([]),
            "rot\x1b[31m.txt": b"\0\1\2abc" * 50,
        },
    )
    (tmp_path / "kreis").symlink_to(tmp_path)
    library = read_documents(tmp_path)
    assert [library.name(path) for path in library.pages] == ["gut.md"]
    assert library.skipped == {
        "binär.txt": "not a text",
        "geheim.pdf": "encrypted",
        "kaputt.pdf": "a broken PDF",
        "leer.txt": "empty",
        "rot\N{REPLACEMENT CHARACTER}[31m.txt": "not a text",
        "scan.pdf": "no text in it; scanned pages need text recognition first",
        "striche.md": "no text in it",
        "unter/bild.png": "not one of .md, .txt, .pdf",
    }


def test_bounds_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_FILE_BYTES", 1_000)
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 40)
    monkeypatch.setattr(documents, "MAX_FILES", 4)
    contents: dict[str, bytes | str] = {"a.txt": "x" * 1_001, "b.txt": "x" * 30, "c.txt": "x" * 11}
    written(tmp_path, {**contents, "d.txt": "x" * 10, "e.txt": "x"})
    library = read_documents(tmp_path)
    assert [path.name for path in library.pages] == ["b.txt", "d.txt"]
    assert library.skipped == {
        "a.txt": "more than 1,000 bytes",
        "c.txt": "more than 40 characters in all",
        "the rest": "more than 4 files",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_only_regular_files_are_read(tmp_path: Path) -> None:
    written(tmp_path, {"a.md": "gut"})
    os.mkfifo(tmp_path / "b.md")
    assert list(read(tmp_path)) == ["a.md"]
    with pytest.raises(files.UnreadableError, match="not a regular file"):
        files.read_regular(tmp_path / "b.md", 10)


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, {"a.md": "gut", "b.md": "zu"})
    opened = Path.open

    def guarded(self: Path, *arguments: Any) -> object:  # root may read everything
        if self.name == "b.md":
            raise PermissionError(13, os.strerror(13))
        return opened(self, *arguments)

    monkeypatch.setattr(Path, "open", guarded)
    assert read_documents(tmp_path).skipped == {"b.md": "permission denied"}


def test_a_single_file_is_a_library(tmp_path: Path) -> None:
    written(tmp_path, {"a.md": "gut", "b.md": "nicht gefragt"})
    assert list(read(tmp_path / "a.md")) == ["a.md"]


def test_folders_without_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        read_documents(tmp_path / "fehlt")
    with pytest.raises(ConfigurationError, match="the folder has no files"):
        read_documents(tmp_path)
    (tmp_path / "a.docx").write_bytes(b"PK")
    with pytest.raises(ConfigurationError, match=r"none of 1 file.*a\.docx: not one of \.md"):
        read_documents(tmp_path)
