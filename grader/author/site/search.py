"""The search index of the site: the sections of all pages, as plain text.

The index is a script because a page that was opened as a file may not fetch data. It is loaded on the first search.
"""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

import msgspec

from grader.author.site.model import SitePage

NAME = "assets/search-index.js"
_SKIPPED = {"aside", "math", "svg"}  # elements whose text is not indexed
_VOID = {"br", "hr", "input", "img", "wbr"}  # elements without an end tag


class SearchSection(msgspec.Struct, frozen=True, array_like=True):
    """A heading and the text below it, up to the next heading."""

    url: str
    page: str
    heading: str
    kind: str
    text: str


def index(pages: Sequence[SitePage]) -> str:
    """Return the script with the index of all pages, except the home page and lists of pages."""
    sections = [section for page in pages for section in _sections(page) if page.kind not in ("home", "list")]
    return f"var siteSections = {msgspec.json.encode(sections).decode()};\n"


def _sections(page: SitePage) -> Iterator[SearchSection]:
    reader = _Reader(page.body)
    for anchor, heading, text in reader.sections:
        url = f"{page.url}#{anchor}" if anchor else page.url
        if text or heading:
            yield SearchSection(url, page.title, heading, page.kind, text)


class _Reader(HTMLParser):
    """A parser that splits a page's body into sections: anchor, heading, text."""

    def __init__(self, body: str):
        super().__init__()
        self.sections: list[tuple[str, str, str]] = []
        self._anchor = ""
        self._heading: list[str] = []
        self._words: list[str] = []
        self._skip_depth = 0  # open elements at and below a skipped one
        self._in_heading = False
        self.feed(body)
        self.close()
        self._end_section()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._skip_depth or tag in _SKIPPED or values.get("role") == "tooltip":
            self._skip_depth += tag not in _VOID
        elif values.get("id") and (tag in ("h2", "h3", "h4", "dt")):
            self._end_section()
            self._anchor = values["id"] or ""
            self._in_heading = True

    def handle_endtag(self, tag: str) -> None:
        if self._skip_depth:
            self._skip_depth -= 1
        elif tag in ("h2", "h3", "h4", "dt"):
            self._in_heading = False
        elif tag not in ("a", "b", "code", "em", "span", "strong"):
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._skip_depth:
            (self._heading if self._in_heading else self._words).append(data)

    def _end_section(self) -> None:
        heading, text = (" ".join("".join(words).split()) for words in (self._heading, self._words))
        self.sections.append((self._anchor, heading, text))
        self._heading, self._words = [], []
