"""The text of a description that was written as HTML, for those who show plain text."""

from __future__ import annotations

import re
from functools import lru_cache
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figure"),
        *("footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p"),
        *("pre", "section", "table", "tr", "ul"),
    ]
)
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_GAPS = re.compile(r" ?\n ?(?:\n ?)+")


class _Words(HTMLParser):
    """Gathers what a browser would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data.replace("\n", " "))


def plain(description: str | None, is_html: bool) -> str | None:
    """Return a description as text: paragraphs become lines, marks and scripts vanish."""
    if description is None or not is_html:
        return description
    return _text(description)


@lru_cache(maxsize=512)
def _text(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    text = _BLANKS.sub(" ", "".join(words.parts))
    return _GAPS.sub("\n", text).strip()
