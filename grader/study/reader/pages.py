"""Lays out a part as pages for one size of the screen, up to the first question or deep dive that is undecided."""

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import click
import msgspec

from grader.course.lesson.model import AnyBlock, Deep, ExerciseDue, Figure, LabDue, Part, Predict, Prose, reading_time
from grader.study.reader.blocks import (
    RenderContext,
    answer_lines,
    block_lines,
    end_lines,
    figure_lines,
    title_lines,
)

MIN_PAGE_ROWS = 4  # smallest page


class Awaited(Enum):
    """What a page waits for."""

    KEY = "key"
    ANSWER = "answer"
    COMPARISON = "comparison"  # whether an answer in words was right
    OPENING = "opening"  # of a deep dive, or a key to skip it
    NOTHING = "nothing"  # the part ends


class Place(NamedTuple):
    """A place in a part, the same on pages of every size."""

    block: int  # index in the part
    piece: int  # of the block, from 0
    characters: int  # of the piece that are before this place, without spaces


class PartPage(msgspec.Struct, frozen=True):
    """The lines of a page, and what it waits for."""

    lines: tuple[str, ...]
    top: Place
    block: int  # index of the block it waits in
    share: float  # of the part's reading time that is shown up to here
    awaits: Awaited
    waits_in: AnyBlock | None = None  # the question or deep dive


class Decisions:
    """What the student has answered and opened so far. Blocks are named by their lines in the file."""

    def __init__(self) -> None:
        self.answers: dict[int, str] = {}
        self.compared: set[int] = set()
        self.opened: dict[int, bool] = {}


class _Piece(NamedTuple):
    """Lines, whether they stay together if they fit on one page, and what is waited for below them."""

    lines: Sequence[str]
    whole: bool = True
    awaits: Awaited | None = None
    block: AnyBlock | None = None
    decided: bool = True  # what comes after it is known


def lay_out(part: Part, context: RenderContext, rows: int, decisions: Decisions, first: int = 0) -> list[PartPage]:
    """Return the pages from the block `first` on. The last one waits for a decision, or for nothing."""
    rows = max(rows, MIN_PAGE_ROWS)
    times = list(accumulate(map(reading_time, part.blocks), initial=0.0))
    total = times[-1] or 1.0
    made = _Pages(rows)
    made.put(_Piece(["", *title_lines(part, context.page)]), Place(first, 0, 0))
    for i in range(first, len(part.blocks)):
        pieces = list(_pieces(part.blocks[i], context, rows, decisions))
        if isinstance(part.blocks[i], ExerciseDue | LabDue) and i + 1 == len(part.blocks):
            pieces = [piece._replace(awaits=None) for piece in pieces]
        made.begin_block(times[i] / total, times[i + 1] / total, sum(len(piece.lines) for piece in pieces))
        for number, piece in enumerate(pieces):
            made.put(piece, Place(i, number, 0))
            if piece.awaits is not None:
                made.end(piece.awaits, i, piece.block)
                if not piece.decided:
                    return made.pages
    made.end(Awaited.NOTHING, len(part.blocks))
    return made.pages


def page_of(pages: Sequence[PartPage], place: Place) -> int:
    """Return the index of the page on which a place is."""
    return max((i for i, page in enumerate(pages) if page.top <= place), default=0)


def _pieces(block: AnyBlock, context: RenderContext, rows: int, decisions: Decisions) -> Iterator[_Piece]:
    yield from _body(block, context, rows, decisions)
    yield from _rest(block, context, rows, decisions)


def _body(block: AnyBlock, context: RenderContext, rows: int, decisions: Decisions) -> Iterator[_Piece]:
    """Yield a block as it is before any decision. A picture's caption is apart if both exceed a page."""
    lines = _lines(block, context)
    match block:
        case Prose():
            yield _Piece(["", *lines], whole=False)
        case Figure() if len(lines) > rows:
            yield from (_Piece(["", *each]) for each in figure_lines(block, context))
        case Predict():
            decided = block.line in decisions.answers
            yield _Piece(["", *lines, ""], True, Awaited.KEY if decided else Awaited.ANSWER, block, decided)
        case Deep():
            opened = decisions.opened.get(block.line)
            yield _Piece(["", *lines], True, Awaited.KEY if opened else Awaited.OPENING, block, opened is not None)
        case ExerciseDue() | LabDue():
            yield _Piece(["", *lines], awaits=Awaited.KEY)
        case _:
            yield _Piece(["", *lines])


@lru_cache(256)  # blocks: a part is laid out again after each answer
def _lines(block: AnyBlock, context: RenderContext) -> tuple[str, ...]:
    return tuple(block_lines(block, context))


def _rest(block: AnyBlock, context: RenderContext, rows: int, decisions: Decisions) -> Iterator[_Piece]:
    """Yield what a decision adds to a block: the answer, or the deep dive."""
    match block:
        case Predict() if (given := decisions.answers.get(block.line)) is not None:
            lines = answer_lines(block, given, context.page)
            if given and block.is_right(given) is None:
                compared = block.line in decisions.compared
                yield _Piece(lines, True, Awaited.KEY if compared else Awaited.COMPARISON, block, compared)
            else:
                yield _Piece(lines)
        case Deep() if decisions.opened.get(block.line):
            for inner in block.blocks:
                yield from _pieces(inner, context, rows, decisions)
            yield _Piece(["", *end_lines(block, context.page)])


class _Pages:
    """Fills pages of at most `rows` lines."""

    def __init__(self, rows: int):
        self.pages: list[PartPage] = []
        self._rows = rows
        self._lines: list[str] = []
        self._top: Place | None = None
        self._share = self._share_per_line = 0.0

    def begin_block(self, begin: float, end: float, lines: int) -> None:
        """Begin a block of `lines` lines. `begin` and `end` are the shares of the part up to its begin and its end."""
        self._share = begin
        self._share_per_line = (end - begin) / lines

    def put(self, piece: _Piece, place: Place) -> None:
        """Put a piece of a block. End pages that are full."""
        rest = list(piece.lines)
        while len(rest) > (room := self._rows - len(self._lines)):
            is_new_page = not self._lines
            starts_blank = not rest[0].strip()  # a blank line is not needed at the top of a page
            fits = piece.whole and len(rest) - starts_blank <= self._rows
            if fits and is_new_page:
                del rest[0]
                continue
            count = 0 if fits else _count_before_break(rest, room, is_new_page)
            place = self._add(rest[:count], place)
            rest = rest[count:]
            self.end(Awaited.KEY, place.block)
        self._add(rest, place)

    def end(self, awaits: Awaited, block: int, waits_in: AnyBlock | None = None) -> None:
        """End the page."""
        top = self._top or Place(block, 0, 0)
        self.pages.append(PartPage(tuple(self._lines), top, block, self._share, awaits, waits_in))
        self._lines, self._top = [], None

    def _add(self, lines: Sequence[str], place: Place) -> Place:
        """Add lines to the page, and return the place after them."""
        if lines and self._top is None:
            self._top = place
        self._lines += lines
        self._share += len(lines) * self._share_per_line
        return place._replace(characters=place.characters + sum(map(_characters, lines)))


def _characters(line: str) -> int:
    return len("".join(click.unstyle(line).split()))


def _count_before_break(lines: Sequence[str], room: int, is_new_page: bool) -> int:
    """Return how many lines to print on this page: up to a blank line, if there is one in the lower half of `room`."""
    for count in range(room, room // 2, -1):
        if not lines[count].strip():
            return count
    return room if is_new_page or room > MIN_PAGE_ROWS else 0
