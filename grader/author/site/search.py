"""The search index of the site: the sections of all pages, as plain text.

The index is a script because a page that was opened as a file may not fetch data. It is loaded on the first search.
"""

from collections.abc import Iterator, Sequence

import msgspec

from grader.author.site.model import SitePage
from grader.author.site.sections import sections

NAME = "assets/search-index.js"
REFERENCES = "References"  # the heading of sections that are not searched: all words in them are titles of others


class SearchSection(msgspec.Struct, frozen=True, array_like=True):
    """A heading and the text below it, up to the next heading."""

    url: str
    page: str
    heading: str
    kind: str
    text: str


def index(pages: Sequence[SitePage]) -> str:
    """Return the script with the index of all pages, except the home page and lists of pages."""
    found = [section for page in pages for section in _sections(page) if page.kind not in ("home", "list")]
    return f"var siteSections = {msgspec.json.encode(found).decode()};\n"


def _sections(page: SitePage) -> Iterator[SearchSection]:
    """Yield the page itself, with the text above its first heading or else its description, and its sections."""
    kind = "lesson" if page.kind == "overview" else page.kind
    first, *others = sections(page.body)
    name = page.above if page.kind == "exercise" else ""
    yield SearchSection(page.url, page.title, name, kind, first.text or page.description)
    for section in others:
        if section.heading != REFERENCES:
            yield SearchSection(f"{page.url}#{section.anchor}", page.title, section.heading, kind, section.text)
