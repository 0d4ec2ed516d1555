"""PDFs made by hand, so that the tests need no library that writes any."""

from __future__ import annotations

import io
import zlib

import pypdf


def pdf(*pages: list[str]) -> bytes:
    """A PDF with lines of text on each page."""
    return pdf_of(*[[f"({line}) Tj T*" for line in lines] for lines in pages])


def pdf_of(*pages: list[str], width: int | None = None) -> bytes:
    """A PDF with text operators on each page, in a font whose glyphs may all be equally wide."""
    objects: list[bytes] = [b"", b""]  # catalogue and page tree, when the pages are known
    kids: list[int] = []
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    if width is not None:
        widths = b" ".join([b"%d" % width] * 224)
        font = font[:-2] + b"/FirstChar 32 /LastChar 255 /Widths [" + widths + b"] >>"
    objects.append(font)
    for operators in pages:
        text = "\n".join(["BT /F1 11 Tf 14 TL 60 780 Td", *operators, "ET"])
        stream = zlib.compress(text.encode("cp1252"))
        head = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(stream)
        objects.append(head + stream + b"\nendstream")
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
        page += b"/Resources << /Font << /F1 3 0 R >> >> >>"
        objects.append(page % len(objects))
        kids.append(len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    refs = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (refs, len(kids))
    out = b"%PDF-1.4\n"
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return out


def encrypted(data: bytes, *, password: str, owner: str = "owner") -> bytes:
    """The same PDF, opened by a password only."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(password, owner, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
