"""A table as PDF: lines of text on upright A4 pages, in a font that every reader has.

Written by hand because a table of text needs no more: one content stream per page, then the page
tree and the table of offsets (ISO 32000-1, sections 7.5 and 9.4). Offsets are all that is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

LINES = 70  # on a page
WIDTH = 118  # characters of a line
_PAGES, _FONT = 2, 3


class Document:
    """A document under way: objects with their offsets, given out as they are made."""

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self._at = 0
        self._next = 4
        self._pages: list[int] = []

    def begin(self) -> bytes:
        """Return the head of the file."""
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"
        return self._raw(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n") + self._object(_FONT, font)

    def page(self, lines: Sequence[str]) -> bytes:
        """Return a page with these lines."""
        shown = b"".join(b"(" + _escaped(line) + b") Tj T*\n" for line in lines)
        text = b"BT /F1 7.5 Tf 11 TL 30 805 Td\n" + shown + b"ET\n"
        stream, page = self._next, self._next + 1
        self._next += 2
        self._pages.append(page)
        content = b"<< /Length %d >>\nstream\n%sendstream" % (len(text), text)
        kept = (
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 %d 0 R >> >> >>" % (_PAGES, stream, _FONT)
        )
        return self._object(stream, content) + self._object(page, kept)

    def end(self) -> bytes:
        """Return the page tree, the table of offsets and the end."""
        kids = b" ".join(b"%d 0 R" % page for page in self._pages)
        tree = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(self._pages))
        out = self._object(_PAGES, tree)
        out += self._object(1, b"<< /Type /Catalog /Pages %d 0 R >>" % _PAGES)
        start, count = self._at, self._next
        table = b"xref\n0 %d\n0000000000 65535 f \n" % count
        table += b"".join(b"%010d 00000 n \n" % self._offsets[n] for n in range(1, count))
        table += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
        return out + self._raw(table)

    def _object(self, number: int, content: bytes) -> bytes:
        self._offsets[number] = self._at
        return self._raw(b"%d 0 obj\n%s\nendobj\n" % (number, content))

    def _raw(self, content: bytes) -> bytes:
        self._at += len(content)
        return content


async def paged(lines: AsyncIterator[Sequence[str]]) -> AsyncIterator[bytes]:
    """Give a document with these lines, page by page; a document has one page at least."""
    document = Document()
    yield document.begin()
    held: list[str] = []
    some = False
    async for more in lines:
        held += [line[:WIDTH] for line in more]
        while len(held) >= LINES:
            some = True
            yield document.page(held[:LINES])
            held = held[LINES:]
    if held or not some:
        yield document.page(held)
    yield document.end()


def _escaped(line: str) -> bytes:
    text = line.encode("cp1252", "replace")
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
