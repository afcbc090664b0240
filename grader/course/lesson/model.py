"""A part of a lesson as data: its blocks, in order."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

WORDS_A_MINUTE = 150  # of prose, for a reader whose English may be a second language
LINES_A_MINUTE = 10  # of code that is read, and run in the head
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a part. `line` is where it begins in the file, from 1."""

    line: int


class Prose(Block, frozen=True, kw_only=True, tag="prose"):
    """Markdown: headings, paragraphs, lists, tables, formulas."""

    text: str


class Code(Block, frozen=True, kw_only=True, tag="code"):
    """Python that runs, after all code of the part that stands before it."""

    text: str


class Listing(Block, frozen=True, kw_only=True, tag="listing"):
    """What is only read: a command line, the shape of a formula, another language."""

    language: str
    text: str


class Hideable(Block, frozen=True, kw_only=True):
    """What stays hidden until the question with the id `after` is answered; None: it is shown at once."""

    after: str | None = None


class PrintedOutput(Hideable, frozen=True, kw_only=True, tag="output"):
    """What the code before it prints."""

    text: str


class Figure(Hideable, frozen=True, kw_only=True, tag="figure"):
    """A picture of the lesson, by name, with its caption in Markdown.

    `moving`: the module that moves it on the page.
    """

    name: str
    caption: str
    moving: str | None = None


class Predict(Block, frozen=True, kw_only=True, tag="predict"):
    """A question to answer before one sees: `answer` is one of the options, a number, or words."""

    id: str
    ask: str
    answer: str
    because: str
    options: tuple[str, ...] = ()
    tolerance: float = 0.0  # of a number, absolute

    @property
    def number(self) -> float | None:
        """The answer, where it is a number."""
        if self.options:
            return None
        try:
            number = float(self.answer)
        except ValueError:
            return None
        return number if math.isfinite(number) else None  # nan is compared with nothing: it is a word

    def is_right(self, given: str) -> bool | None:
        """Whether an answer is right; None where only the reader can tell: of words, or of what is no number."""
        if self.options:
            return given.strip().casefold() == self.answer.strip().casefold()
        if self.number is None:
            return None
        try:
            return abs(float(given) - self.number) <= self.tolerance + 1e-9 * abs(self.number)
        except ValueError:
            return None


class ExerciseDue(Block, frozen=True, kw_only=True, tag="exercise"):
    """An exercise that is due here, with a sentence on it in Markdown."""

    exercise: str
    text: str = ""


class LabDue(Block, frozen=True, kw_only=True, tag="lab"):
    """A lab that is due here, by its short name."""

    lab: str
    text: str = ""


class Deep(Block, frozen=True, kw_only=True, tag="deep"):
    """A deep dive, which can be passed over."""

    title: str
    blocks: "tuple[AnyBlock, ...]"


AnyBlock: TypeAlias = Prose | Code | Listing | PrintedOutput | Figure | Predict | ExerciseDue | LabDue | Deep


def flatten(blocks: Iterable[AnyBlock]) -> Iterator[AnyBlock]:
    """All blocks in order, each deep dive followed by what is in it."""
    for block in blocks:
        yield block
        if isinstance(block, Deep):
            yield from flatten(block.blocks)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a lesson, or a page of the course that belongs to none."""

    lesson: int  # 0: the opening
    number: int  # from 1
    slug: str
    title: str
    path: str  # of its file, from the course's folder
    blocks: tuple[AnyBlock, ...]

    @property
    def id(self) -> str:
        """`1.3`"""
        return f"{self.lesson}.{self.number}"

    @property
    def minutes(self) -> int:
        """How long it takes to read, without deep dives and exercises."""
        words = sum(len(_WORD.findall(text)) for text in map(_text, self.blocks))
        lines = sum(len(block.text.splitlines()) for block in self.blocks if isinstance(block, Code))
        return max(1, round(words / WORDS_A_MINUTE + lines / LINES_A_MINUTE))


def _text(block: AnyBlock) -> str:
    match block:
        case Prose(text=text) | ExerciseDue(text=text) | LabDue(text=text) | Figure(caption=text):
            return text
        case Predict(ask=ask, because=because, options=options):
            return " ".join((ask, *options, because))
    return ""
