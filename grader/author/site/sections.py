"""Split the body of a page into the sections below its headings, as plain text."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import msgspec

_HEADINGS = ("h2", "h3", "h4", "dt")
_SKIPPED = {"aside", "math", "nav", "svg"}  # elements whose text is left out
_VOID = {"br", "hr", "input", "img", "wbr"}  # elements without an end tag
_INLINE = ("a", "b", "code", "em", "small", "span", "strong")
_CODE = re.compile("<pre.*?</pre>", re.DOTALL)
_LONGEST = 200  # characters of a description


class PageSection(msgspec.Struct, frozen=True):
    """A heading, its anchor, and the text below it. Before the first heading both are empty."""

    anchor: str
    heading: str
    text: str


def sections(body: str) -> Sequence[PageSection]:
    """Return the sections of a page's body in order."""
    return _Reader(body).sections


def description(body: str) -> str:
    """Return the words with which a page begins, cut after a sentence or a word."""
    prose = _CODE.sub("", body)
    text = next((each.text for each in sections(prose) if each.text), "")
    if len(text) <= _LONGEST:
        return text
    sentences, end, _ = text[:_LONGEST].rpartition(". ")
    return sentences + end.rstrip() if len(sentences) > _LONGEST / 3 else text[:_LONGEST].rpartition(" ")[0] + " …"


class _Reader(HTMLParser):
    def __init__(self, body: str):
        super().__init__()
        self.sections: list[PageSection] = []
        self._anchor = ""
        self._heading: list[str] = []
        self._words: list[str] = []
        self._skip_depth = 0  # open elements at and below a skipped one
        self._in_heading = False
        self._in_remark = False  # <small> within a heading: synonyms of a term, or the kind of a section
        self.feed(body)
        self.close()
        self._end_section()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "math" and not self._skip_depth:
            self.handle_data(values.get("alttext") or "")
        left_out = tag in _SKIPPED or values.get("role") == "tooltip" or values.get("aria-hidden") == "true"
        if self._skip_depth or left_out:
            self._skip_depth += tag not in _VOID
        elif values.get("id") and tag in _HEADINGS:
            self._end_section()
            self._anchor = values["id"] or ""
            self._in_heading = True
        elif tag == "small":
            self._in_remark = self._in_heading

    def handle_endtag(self, tag: str) -> None:
        if self._skip_depth:
            self._skip_depth -= 1
        elif tag in _HEADINGS:
            self._in_heading = False
            self._words.append(" ")
        elif tag == "small":
            self._in_remark = False
        elif tag not in _INLINE:
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._skip_depth:
            (self._heading if self._in_heading and not self._in_remark else self._words).append(data)

    def _end_section(self) -> None:
        heading, text = (" ".join("".join(words).split()) for words in (self._heading, self._words))
        self.sections.append(PageSection(self._anchor, heading, text))
        self._heading, self._words = [], []
