"""What the search of the site looks through: the sections of all pages, as plain text.

It is a script, since a page that was opened as a file may not fetch one; it is loaded when a search begins.
"""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

import msgspec

from grader.author.site.model import Page

NAME = "assets/search-index.js"
_UNREAD = {"aside", "math", "svg"}  # their text is not to be looked for
_EMPTY = {"br", "hr", "input", "img", "wbr"}


class Section(msgspec.Struct, frozen=True, array_like=True):
    """A place to find: a heading and the text below it, up to the next heading."""

    url: str
    page: str
    heading: str
    kind: str
    text: str


def index(pages: Sequence[Page]) -> str:
    """The script."""
    found = [section for page in pages for section in _sections(page) if page.kind not in ("home", "list")]
    return f"var siteSections = {msgspec.json.encode(found).decode()};\n"


def _sections(page: Page) -> Iterator[Section]:
    reader = _Reader(page.body)
    for anchor, heading, text in reader.sections:
        url = f"{page.url}#{anchor}" if anchor else page.url
        if text or heading:
            yield Section(url, page.title, heading, page.kind, text)


class _Reader(HTMLParser):
    """The text of a page's body by its headings: anchor, heading, text."""

    def __init__(self, body: str):
        super().__init__()
        self.sections: list[tuple[str, str, str]] = []
        self._anchor = ""
        self._heading: list[str] = []
        self._words: list[str] = []
        self._skipped = 0  # how many elements are open that are not read
        self._in_heading = False
        self.feed(body)
        self.close()
        self._end()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._skipped or tag in _UNREAD or values.get("role") == "tooltip":
            self._skipped += tag not in _EMPTY
        elif values.get("id") and (tag in ("h2", "h3", "h4", "dt")):
            self._end()
            self._anchor = values["id"] or ""
            self._in_heading = True

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif tag in ("h2", "h3", "h4", "dt"):
            self._in_heading = False
        elif tag not in ("a", "b", "code", "em", "span", "strong"):
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            (self._heading if self._in_heading else self._words).append(data)

    def _end(self) -> None:
        heading, text = (" ".join("".join(words).split()) for words in (self._heading, self._words))
        self.sections.append((self._anchor, heading, text))
        self._heading, self._words = [], []
