"""Reading a folder: sections with their places, and what is named and skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsgvo.cli.demo.documents import Library, Skipped, read_documents
from dsgvo.cli.demo.sections import Section
from dsgvo.errors import ConfigurationError
from tests.cli.pdfs import encrypted, pdf, pdf_of


def titles(library: Library) -> list[tuple[str, str]]:
    return [(one.title, one.text) for one in library.sections]


def test_markdown_is_cut_at_headings_but_not_inside_code(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "Vorspann\n# Eins\nText\n## Zwei ##\nmehr\n```\n# kein Titel\n```\n# Drei\nEnde\n",
        encoding="utf-8",
    )
    assert titles(read_documents(tmp_path)) == [
        ("", "Vorspann"),
        ("Eins", "Text"),
        ("Eins › Zwei", "mehr\n```\n# kein Titel\n```"),
        ("Drei", "Ende"),
    ]


def test_plain_text_is_cut_at_headings_and_knows_its_lines(tmp_path: Path) -> None:
    text = "Anfang.\n\nURLAUB\n\nDreißig Tage.\nMehr.\n\n"
    text += "Krankheit\n=========\nAnrufen.\n\n2.1 Reisen\n\nBahn."
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    library = read_documents(tmp_path)
    assert [(one.place(), one.text) for one in library.sections] == [
        ("line 1", "Anfang."),
        ("URLAUB, line 5", "Dreißig Tage.\nMehr."),
        ("Krankheit, line 10", "Anrufen."),
        ("2.1 Reisen, line 14", "Bahn."),
    ]
    urlaub = library.sections[1]
    assert urlaub.place(urlaub.text.index("Mehr")) == "URLAUB, line 6"


def test_sections_of_a_pdf_run_over_pages_without_running_lines(tmp_path: Path) -> None:
    pages = [
        ["Firma GmbH", "Seite 1", "1. Reisen", "Wir fahren Bahn. Das ist", "schön."],
        ["Firma GmbH", "Seite 2", "Und billig, mit Mess-", "geräten.", "2. Essen", "Um zwölf."],
        ["Firma GmbH", "Seite 3", "Bis eins."],
    ]
    (tmp_path / "a.pdf").write_bytes(pdf(*pages))
    reisen, essen = read_documents(tmp_path).sections
    assert reisen.text == "Wir fahren Bahn. Das ist schön.\nUnd billig, mit Messgeräten."
    assert reisen.place() == "pages 1–2, 1. Reisen"
    assert reisen.place(0, 10) == "page 1, 1. Reisen"
    assert reisen.place(reisen.text.index("Und")) == "page 2, 1. Reisen"
    assert (essen.text, essen.place()) == ("Um zwölf.\nBis eins.", "pages 2–3, 2. Essen")


def test_numbered_questions_of_plain_text_are_headings(tmp_path: Path) -> None:
    (tmp_path / "fragen.txt").write_text(
        "1.1. Was ist der Verein?\n\n    Ein Verein.\n\n"
        "1.2. Wie werde ich Mitglied, und was\nkostet das im Jahr?\n\n    Formlos; 20 Euro.\n\n"
        "1.3 Der Beitrag ist bis Ende Januar zu zahlen, und zwar\nim Voraus.\n",
        encoding="utf-8",
    )
    found = read_documents(tmp_path).sections
    assert [(one.title, one.place()) for one in found] == [
        ("1.1. Was ist der Verein?", "1.1. Was ist der Verein?, line 3"),
        (
            "1.2. Wie werde ich Mitglied, und was kostet das im Jahr?",
            "1.2. Wie werde ich Mitglied, und was kostet das im Jahr?, line 8",
        ),
    ]
    assert found[1].text.endswith(
        "1.3 Der Beitrag ist bis Ende Januar zu zahlen, und zwar\nim Voraus."
    )


def test_a_pdf_without_headings_has_a_section_a_page(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(["Guten Tag"], ["Auf Wiedersehen"]))
    sections = read_documents(tmp_path).sections
    assert [(one.place(), one.text) for one in sections] == [
        ("page 1", "Guten Tag"),
        ("page 2", "Auf Wiedersehen"),
    ]


def test_lines_of_paragraphs_are_joined_and_those_of_lists_and_tables_are_not(
    tmp_path: Path,
) -> None:
    lines = [
        "Die Bahn ist das erste Verkehrsmittel, und zwar",
        "auch dann, wenn es einmal länger dauern sollte.",
        "Ort Preis",
        "Ulm 20",
        "• Ein langer Punkt einer Liste, der nicht endet",
        "• noch ein Punkt",
    ]
    (tmp_path / "a.pdf").write_bytes(pdf([one.replace("•", "-") for one in lines]))
    (section,) = read_documents(tmp_path).sections
    assert section.text.split("\n") == [
        " ".join(lines[:2]),
        "Ort Preis",
        "Ulm 20",
        "- Ein langer Punkt einer Liste, der nicht endet",
        "- noch ein Punkt",
    ]


def test_a_pdf_that_only_forbids_printing_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(encrypted(pdf(["Lesbar"]), password=""))
    assert read_documents(tmp_path).sections == [Section("Lesbar", "a.pdf", pages=((0, 1),))]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "Grüße"), ("utf-8-sig", "Grüße"), ("utf-16", "Grüße"), ("cp1252", "Grüße „so“ – €")],
)
def test_german_encodings_are_understood(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert read_documents(tmp_path).sections[0].text == text


def test_what_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "gut.md").write_text("Inhalt", encoding="utf-8")
    (tmp_path / ".versteckt.md").write_text("x", encoding="utf-8")
    (tmp_path / "unter").mkdir()
    (tmp_path / "unter" / "bild.png").write_bytes(b"\x89PNG")
    (tmp_path / "leer.txt").write_bytes(b"")
    (tmp_path / "striche.md").write_text("---\n\n***\n", encoding="utf-8")
    (tmp_path / "binär.txt").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "kaputt.pdf").write_bytes(b"%PDF-1.4\nnichts")
    (tmp_path / "geheim.pdf").write_bytes(encrypted(pdf(["x"]), password="pw"))
    (tmp_path / "scan.pdf").write_bytes(pdf([]))
    library = read_documents(tmp_path)
    assert library.files == ["gut.md"]
    assert library.skipped == [
        Skipped("binär.txt", "neither UTF-8 nor Windows-1252"),
        Skipped("geheim.pdf", "encrypted"),
        Skipped("kaputt.pdf", "a broken PDF"),
        Skipped("leer.txt", "empty"),
        Skipped("scan.pdf", "no text in it; scanned pages need text recognition first"),
        Skipped("striche.md", "no text in it"),
        Skipped("unter/bild.png", "not one of .md, .txt, .pdf"),
    ]


def test_control_characters_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("gut", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(b"\x00\x01\x02abc" * 50)
    assert read_documents(tmp_path).skipped == [
        Skipped("b.txt", "no text, although its name says so")
    ]


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text("gut", encoding="utf-8")
    (tmp_path / "b.md").write_text("zu", encoding="utf-8")
    read = Path.read_bytes

    def guarded(self: Path) -> bytes:  # root may read everything, so modes would not do
        if self.name == "b.md":
            raise PermissionError(13, os.strerror(13))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    assert read_documents(tmp_path).skipped == [Skipped("b.md", "permission denied")]


def test_a_single_file_is_a_library(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("gut", encoding="utf-8")
    (tmp_path / "b.md").write_text("nicht gefragt", encoding="utf-8")
    assert read_documents(tmp_path / "a.md").files == ["a.md"]


def test_folders_without_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        read_documents(tmp_path / "fehlt")
    with pytest.raises(ConfigurationError, match="the folder has no files"):
        read_documents(tmp_path)
    (tmp_path / "a.docx").write_bytes(b"PK")
    with pytest.raises(ConfigurationError, match=r"none of 1 file.*a\.docx: not one of \.md"):
        read_documents(tmp_path)


def test_spaces_that_a_font_does_not_measure_are_found_again(tmp_path: Path) -> None:
    # As XeTeX writes them: gaps instead of spaces, in a font that does not say how wide those are.
    words = ("Freundliche", "Zusammenarbeit", "ist", "Triebfeder.")
    gaps = " -250 ".join(f"({one})" for one in words)
    (tmp_path / "a.pdf").write_bytes(pdf_of([f"[{gaps}] TJ T*" for _ in range(3)], width=1000))
    (section,) = read_documents(tmp_path).sections
    assert section.text.splitlines() == ["Freundliche Zusammenarbeit ist Triebfeder."] * 3
