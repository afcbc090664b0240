"""The prose of a part: paragraphs, headings, list items, table cells, questions and captions, without code."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it.token import Token

from grader.course.lesson.markdown import parser
from grader.course.lesson.model import AnyBlock, Deep, ExerciseDue, Figure, LabDue, Part, Predict, Prose, flatten

_ITEMS = ("list_item_open", "td_open", "th_open")
_OMITTED = "\ufffc"  # replaces code and formulas in the prose


@dataclass
class PassageLink:
    """A link or picture in a passage: its line in the file, its target, and the range of its words in the text."""

    line: int
    target: str
    start: int
    end: int


@dataclass
class Passage:
    """A paragraph, heading, list item or table cell, with its bold words, formulas and links."""

    line: int  # its first line in the file
    heading: bool = False
    item: bool = False  # begins a list item, or is a table cell
    text: str = ""
    bold: list[tuple[int, int]] = field(default_factory=list)  # ranges of the text
    formulas: list[tuple[int, str]] = field(default_factory=list)  # line, TeX
    links: list[PassageLink] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)  # positions in the text where a new line of the file begins

    def line_at(self, place: int) -> int:
        """Return the line in the file of a position in the text."""
        return self.line + sum(each <= place for each in self.breaks)


def passages(part: Part) -> Iterator[Passage]:
    """Yield the passages of a part in order."""
    for block in flatten(part.blocks):
        for line, text, multiline in _texts(block):
            yield from _passages(text, line, multiline)


def _texts(block: AnyBlock) -> Iterator[tuple[int, str, bool]]:
    """Yield the texts of a block: first line in the file, text, and whether its lines are lines of the file."""
    match block:
        case Prose(text=text):
            yield block.line, text, True
        case Figure(caption=text) | ExerciseDue(text=text) | LabDue(text=text):
            yield block.line + 1, text, True
        case Predict(ask=ask, options=options, because=because):
            yield from ((block.line, text, False) for text in (ask, *options, because))
        case Deep(title=title):
            yield block.line, f"## {title}", False


def _passages(text: str, first: int, multiline: bool) -> Iterator[Passage]:
    line = 0
    opener = ""
    for token in parser().parse(text):
        line = token.map[0] if token.map else line
        passage = Passage(first + line if multiline else first, heading=opener == "heading_open", item=opener in _ITEMS)
        if token.type == "inline":
            _read_inline(passage, token.children or [], multiline)
            yield passage
        elif token.type in ("math_block", "math_block_label"):
            passage.formulas.append((passage.line, token.content))
            yield passage
        if token.type != "paragraph_open":
            opener = token.type


def _read_inline(passage: Passage, children: list[Token], multiline: bool) -> None:
    opened: list[int] = []  # starts of bold ranges
    for child in children:
        place = len(passage.text)
        match child.type:
            case "text":
                passage.text += child.content
            case "softbreak" | "hardbreak":
                passage.text += " "
                if multiline:
                    passage.breaks.append(place)
            case "strong_open":
                opened.append(place)
            case "strong_close":
                passage.bold.append((opened.pop(), place))
            case "link_open" | "image":
                target = child.attrs.get("href") or child.attrs["src"]
                passage.links.append(PassageLink(passage.line_at(place), str(target), place, place))
            case "link_close":
                passage.links[-1].end = place
            case "math_inline" | "math_inline_double":
                passage.formulas.append((passage.line_at(place), child.content))
                passage.text += _OMITTED
                if multiline:
                    passage.breaks += [place] * child.content.count("\n")
            case "code_inline":
                passage.text += _OMITTED
