"""The words of a part: its paragraphs, headings, items, cells, questions and captions, without code and formulas."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it.token import Token

from grader.course.lesson.markdown import parser
from grader.course.lesson.model import AnyBlock, Deep, ExerciseDue, Figure, LabDue, Part, Predict, Prose, flatten

_ITEMS = ("list_item_open", "td_open", "th_open")
_LEFT_OUT = "\ufffc"  # stands for code or a formula among words


@dataclass
class Passage:
    """Words that belong together, and what else stands among them, each with its line in the file."""

    line: int  # where it begins
    heading: bool = False
    item: bool = False  # it begins an item of a list, or is a cell of a table
    text: str = ""
    bold: list[tuple[int, int]] = field(default_factory=list)  # stretches of the text
    formulas: list[tuple[int, str]] = field(default_factory=list)  # in TeX
    links: list[tuple[int, str]] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)  # places in the text at which a new line of the file begins

    def line_at(self, place: int) -> int:
        """The line of the file on which this place of the text stands."""
        return self.line + sum(each <= place for each in self.breaks)


def passages(part: Part) -> Iterator[Passage]:
    """The passages of a part, in order."""
    for block in flatten(part.blocks):
        for line, text, moves in _texts(block):
            yield from _passages(text, line, moves)


def _texts(block: AnyBlock) -> Iterator[tuple[int, str, bool]]:
    """The texts of a block with their first lines, and whether each of their lines is one of the file."""
    match block:
        case Prose(text=text):
            yield block.line, text, True
        case Figure(caption=text) | ExerciseDue(text=text) | LabDue(text=text):
            yield block.line + 1, text, True
        case Predict(ask=ask, options=options, because=because):
            yield from ((block.line, text, False) for text in (ask, *options, because))
        case Deep(title=title):
            yield block.line, f"## {title}", False


def _passages(text: str, first: int, moves: bool) -> Iterator[Passage]:
    line = 0
    opener = ""
    for token in parser().parse(text):
        line = token.map[0] if token.map else line
        passage = Passage(first + line * moves, heading=opener == "heading_open", item=opener in _ITEMS)
        if token.type == "inline":
            _read(passage, token.children or [], moves)
            yield passage
        elif token.type in ("math_block", "math_block_label"):
            passage.formulas.append((passage.line, token.content))
            yield passage
        if token.type != "paragraph_open":
            opener = token.type


def _read(passage: Passage, children: list[Token], moves: bool) -> None:
    opened: list[int] = []  # where bold words begin
    for child in children:
        place = len(passage.text)
        match child.type:
            case "text":
                passage.text += child.content
            case "softbreak" | "hardbreak":
                passage.text += " "
                passage.breaks += [place] * moves
            case "strong_open":
                opened.append(place)
            case "strong_close":
                passage.bold.append((opened.pop(), place))
            case "link_open":
                passage.links.append((passage.line_at(place), str(child.attrs["href"])))
            case "image":
                passage.links.append((passage.line_at(place), str(child.attrs["src"])))
            case "math_inline" | "math_inline_double":
                passage.formulas.append((passage.line_at(place), child.content))
                passage.text += _LEFT_OUT
                passage.breaks += [place] * child.content.count("\n") * moves
            case "code_inline":
                passage.text += _LEFT_OUT
