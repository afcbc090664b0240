"""A part of a lesson as data: a sequence of blocks."""

import math
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeAlias

import msgspec

from grader.base.numbers import NotANumber, readings

WORDS_A_MINUTE = 150  # for readers whose first language may not be English
LINES_A_MINUTE = 10  # of code
_ADDRESS = re.compile(r"\]\([^)]*\)")  # of a link
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block of a part. `line` is its first line in the file, from 1."""

    line: int


class Prose(Block, frozen=True, kw_only=True, tag="prose"):
    """Markdown: headings, paragraphs, lists, tables, formulas."""

    text: str


class Code(Block, frozen=True, kw_only=True, tag="code"):
    """Python code that runs after all earlier code of the part."""

    text: str


class Listing(Block, frozen=True, kw_only=True, tag="listing"):
    """Text that is not run: a command line, pseudocode, another language."""

    language: str
    text: str


class Hideable(Block, frozen=True, kw_only=True):
    """A block that stays hidden until the question with the id `after` is answered, unless `after` is None."""

    after: str | None = None


class PrintedOutput(Hideable, frozen=True, kw_only=True, tag="output"):
    """The output of the code above it."""

    text: str


class Figure(Hideable, frozen=True, kw_only=True, tag="figure"):
    """A picture of the lesson with its caption in Markdown.

    `moving` names the script that animates it on the page.
    """

    number: str  # that of the part and the place among its figures, as in 4.2
    name: str
    caption: str
    moving: str | None = None

    @property
    def numbered_caption(self) -> str:
        """The caption after the figure's number, in Markdown."""
        return f"**Figure {self.number}** {self.caption}"


class Predict(Block, frozen=True, kw_only=True, tag="predict"):
    """A question to answer before the output is shown. The answer is one of the options, a number, or words."""

    id: str
    ask: str
    answer: str
    because: str
    options: tuple[str, ...] = ()
    tolerance: float = 0.0  # absolute, if the answer is a number

    @property
    def number(self) -> float | None:
        """The answer as a number, or None if it is not a finite number."""
        if self.options:
            return None
        try:
            number = float(self.answer)
        except ValueError:
            return None
        return number if math.isfinite(number) else None  # nan and inf are words

    def is_right(self, given: str) -> bool | None:
        """Return whether an answer is right, or None if it cannot be compared: a word, or not a number."""
        if self.options:
            return given.strip().casefold() == self.answer.strip().casefold()
        if self.number is None:
            return None
        try:
            numbers = readings(given, None)
        except NotANumber:
            return None
        right = Fraction(self.number)
        return any(abs(each - right) <= Fraction(self.tolerance) + abs(right) / 10**9 for each in numbers)


class ExerciseDue(Block, frozen=True, kw_only=True, tag="exercise"):
    """An exercise that is due here, with a sentence about it in Markdown."""

    exercise: str
    text: str = ""


class LabDue(Block, frozen=True, kw_only=True, tag="lab"):
    """A lab that is due here, by its short name."""

    lab: str
    text: str = ""


class Deep(Block, frozen=True, kw_only=True, tag="deep"):
    """A deep dive, which readers may skip."""

    title: str
    blocks: "tuple[AnyBlock, ...]"


AnyBlock: TypeAlias = Prose | Code | Listing | PrintedOutput | Figure | Predict | ExerciseDue | LabDue | Deep


def flatten(blocks: Iterable[AnyBlock]) -> Iterator[AnyBlock]:
    """Yield all blocks in order, with the blocks in a deep dive after it."""
    for block in blocks:
        yield block
        if isinstance(block, Deep):
            yield from flatten(block.blocks)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a lesson, or the opening of the course."""

    lesson: int  # 0: the opening
    number: int  # from 1
    slug: str
    title: str
    path: str  # of its file, relative to the course
    blocks: tuple[AnyBlock, ...]

    @property
    def id(self) -> str:
        """The number of lesson and part: 1.3."""
        return f"{self.lesson}.{self.number}"

    @property
    def minutes(self) -> int:
        """The reading time in minutes, without deep dives and exercises."""
        return max(1, round(sum(map(reading_time, self.blocks))))

    @property
    def words(self) -> int:
        """The words of its text and questions, without deep dives and code."""
        return sum(map(_words, self.blocks))


def reading_time(block: AnyBlock) -> float:
    """Return the minutes that a block takes to read; 0 for a deep dive and for code's output."""
    lines = len(block.text.splitlines()) if isinstance(block, Code) else 0
    return _words(block) / WORDS_A_MINUTE + lines / LINES_A_MINUTE


def _words(block: AnyBlock) -> int:
    return len(_WORD.findall(_ADDRESS.sub("]", _text(block))))


def _text(block: AnyBlock) -> str:
    match block:
        case Prose(text=text) | ExerciseDue(text=text) | LabDue(text=text) | Figure(caption=text):
            return text
        case Predict(ask=ask, because=because, options=options):
            return " ".join((ask, *options, because))
    return ""
