"""Shows a part page by page on any `TerminalIO`, waits for keys, and asks the part's questions."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from msgspec.structs import replace

from grader.course.lesson.model import (
    AnyBlock,
    Deep,
    ExerciseDue,
    Figure,
    LabDue,
    Part,
    Predict,
    PrintedOutput,
    Prose,
)
from grader.quiz.numbers import NotANumber, parse_number
from grader.quiz.score import InvalidAnswer
from grader.show.symbols import HERE
from grader.study.reader.blocks import (
    RenderContext,
    answer_lines,
    block_lines,
    end_lines,
    figure_lines,
    keys_line,
    title_lines,
)

STOP_KEY, RESTART_KEY, OPEN_KEY = "q", "b", "d"
KEY_HINTS = ("space next", "b beginning", "q stop")
MIN_PAGE_ROWS = 4  # smallest page
RESERVED_ROWS = 2  # rows of the screen below a page: a blank one and the keys
_HEADING = re.compile(r"^#+ ", re.MULTILINE)


class TerminalIO(Protocol):
    """A terminal that prints lines, and reads keys and lines."""

    @property
    def rows(self) -> int:
        """The height of the screen in lines."""

    @property
    def columns(self) -> int:
        """The width of the screen in cells."""

    def say(self, lines: Sequence[str]) -> None:
        """Print lines."""

    def clear(self) -> None:
        """Clear the screen."""

    def key(self, shown: str) -> str:
        """Read one key with `shown` as the last line. Return q at the end of input."""

    def line(self, keys: str, shown: str) -> str:
        """Read a line after the prompt `shown`, below `keys`, and strip it. Return q at the end of input."""


class Navigation(Enum):
    """What to do after a key."""

    CONTINUE = "continue"
    RESTART = "restart"
    STOP = "stop"


class Reader:
    """Shows one part of a lesson."""

    def __init__(
        self,
        part: Part,
        terminal: TerminalIO,
        context: RenderContext,
        predicted: Callable[[Predict, str, bool | None], None],
    ):
        """Call `predicted` with each question, its answer, and whether it was right.

        The width of the page in `context` is ignored: the terminal's current width is used.
        """
        self.part = part
        self._terminal = terminal
        self._initial_context = context
        self._predicted = predicted
        self._printed = 0  # lines on the current page
        self._position = 0  # index of the current block
        self._top = 0  # index of the first block of the current page

    def read(self, start: int = 0) -> int | None:
        """Show the part from a block on. Return None at its end, else the index of the block to resume at."""
        blocks = self.part.blocks
        self._start(start if start < len(blocks) else 0)
        while self._position < len(blocks):
            move = self._show(blocks[self._position])
            if move is Navigation.STOP:
                return self._resume_position()
            if move is Navigation.RESTART:
                self._terminal.clear()
                self._start(0)
            else:
                self._position += 1
        return None

    def _start(self, position: int) -> None:
        self._position = position
        self._new_page()
        self._print(["", *title_lines(self.part, self._context.page)])

    def _resume_position(self) -> int:
        """Return the last heading or question at or before the current page, with the context of a question."""
        blocks = self.part.blocks
        position = self._top
        if isinstance(blocks[self._position], Predict) and not _is_entry_point(blocks[position]):
            position = self._position
        while position and not _is_entry_point(blocks[position]):
            position -= 1
        while position and _needs_context(blocks[position]):
            position -= 1
        return position

    def _show(self, block: AnyBlock) -> Navigation:
        """Show a block, then ask its question or wait for a key."""
        for lines in self._pieces(block):
            if (move := self._print(["", *lines], whole=not isinstance(block, Prose))) is not Navigation.CONTINUE:
                return move
        match block:
            case Predict():
                return self._ask(block)
            case Deep():
                return self._offer_deep_dive(block)
            case ExerciseDue() | LabDue():
                return self._wait() if self._position + 1 < len(self.part.blocks) else Navigation.CONTINUE
        return Navigation.CONTINUE

    def _pieces(self, block: AnyBlock) -> Sequence[Sequence[str]]:
        """Render a block. Separate a picture from its caption if both together exceed a page."""
        lines = block_lines(block, self._context)
        if isinstance(block, Figure) and len(lines) > self._page_rows:
            return figure_lines(block, self._context)
        return [[*lines, ""] if isinstance(block, Predict) else lines]

    def _ask(self, question: Predict) -> Navigation:
        """Ask a question, show whether the answer was right, and report it. Enter alone shows the answer."""
        given = self._read_answer(question)
        if isinstance(given, Navigation):
            return given
        self._new_page()
        self._say(answer_lines(question, given, self._context.page))
        if given:
            right = question.is_right(given)
            self._predicted(question, given, self._compare() if right is None else right)
        return Navigation.CONTINUE

    def _read_answer(self, question: Predict) -> str | Navigation:
        """Read lines until one is an answer or leads away from the question."""
        kind = "a digit" if question.options else "a number" if question.number is not None else "words"
        keys = keys_line(
            [kind, "Enter: see", f"{RESTART_KEY}+Enter beginning", f"{STOP_KEY}+Enter stop"], "", self._width
        )
        while True:
            typed = self._terminal.line(keys, f"  {HERE} ")
            if typed == STOP_KEY:
                return Navigation.STOP
            if typed == RESTART_KEY:
                return Navigation.RESTART
            try:
                return parse_answer(question, typed)
            except InvalidAnswer as problem:
                self._terminal.say([f"  {problem}"])

    def _compare(self) -> bool | None:
        """Ask whether an answer in words was right. Return None if the student does not say."""
        key = self._terminal.key(self._keys(["was yours right?", "y yes", "n no", "space next"]))
        return {"y": True, "n": False}.get(key)

    def _offer_deep_dive(self, deep: Deep) -> Navigation:
        """Wait for a key that opens or skips a deep dive, and show it if opened."""
        keys = [f"{OPEN_KEY} open it", *KEY_HINTS]
        while (key := self._terminal.key(self._keys(keys))) != OPEN_KEY:
            if (move := _navigation_for(key)) is not None:
                return self._apply(move)
        self._new_page()
        for block in deep.blocks:
            if (move := self._show(block)) is not Navigation.CONTINUE:
                return move
        return self._print(["", *end_lines(deep, self._context.page)])

    def _print(self, lines: Sequence[str], whole: bool = True) -> Navigation:
        """Print lines, waiting for a key after each page. Keep lines that are `whole` on one page if they fit."""
        rest = list(lines)
        while len(rest) > (room := self._page_rows - self._printed):
            is_new_page = self._printed == 0
            starts_blank = not rest[0].strip()  # a blank line is not needed at the top of a page
            fits = whole and len(rest) - starts_blank <= self._page_rows
            if fits and is_new_page:
                del rest[0]
                continue
            count = 0 if fits else _count_before_break(rest, room, is_new_page)
            self._say(rest[:count])
            rest = rest[count:]
            if (move := self._wait()) is not Navigation.CONTINUE:
                return move
        self._say(rest)
        return Navigation.CONTINUE

    def _say(self, lines: Sequence[str]) -> None:
        self._terminal.say(lines)
        self._printed += len(lines)

    def _wait(self) -> Navigation:
        """Wait for a key that has a meaning."""
        while (move := _navigation_for(self._terminal.key(self._keys(KEY_HINTS)))) is None:
            continue
        return self._apply(move)

    def _apply(self, move: Navigation) -> Navigation:
        if move is Navigation.CONTINUE:
            self._new_page()
        return move

    def _new_page(self) -> None:
        """Start a new page at the current block."""
        self._printed = 0
        self._top = self._position

    @property
    def _page_rows(self) -> int:
        """The number of lines of a page."""
        return max(self._terminal.rows - RESERVED_ROWS, MIN_PAGE_ROWS)

    @property
    def _width(self) -> int:
        return self._terminal.columns

    @property
    def _context(self) -> RenderContext:
        return replace(self._initial_context, page=replace(self._initial_context.page, width=self._width))

    def _keys(self, keys: Sequence[str]) -> str:
        position = f"{self._position + 1} of {len(self.part.blocks)}"
        return keys_line(keys, position, self._width)


def parse_answer(question: Predict, typed: str) -> str:
    """Parse an answer into the form that `Predict.right` expects. Raise InvalidAnswer if it is invalid."""
    if not typed:
        return ""
    if question.options:
        by_digit = {str(digit): option for digit, option in enumerate(question.options, start=1)}
        known = {option.casefold(): option for option in question.options}
        if given := by_digit.get(typed) or known.get(typed.casefold()):
            return given
        raise InvalidAnswer(f"Type a digit from 1 to {len(question.options)}.")
    if question.number is None:
        return typed
    try:
        return f"{float(parse_number(typed, None)):.15g}"
    except NotANumber as problem:
        raise InvalidAnswer(str(problem)) from None


def _is_entry_point(block: AnyBlock) -> bool:
    """Return whether reading can resume at a block: a question or a heading."""
    return isinstance(block, Predict) or (isinstance(block, Prose) and bool(_HEADING.search(block.text)))


def _needs_context(block: AnyBlock) -> bool:
    return isinstance(block, Predict) or (isinstance(block, PrintedOutput) and block.after is None)


def _navigation_for(key: str) -> Navigation | None:
    """Return what a key does, None if nothing."""
    return (
        Navigation.CONTINUE
        if key in (" ", "\r", "\n")
        else {STOP_KEY: Navigation.STOP, RESTART_KEY: Navigation.RESTART}.get(key)
    )


def _count_before_break(lines: Sequence[str], room: int, is_new_page: bool) -> int:
    """Return how many lines to print on this page: up to a blank line, if there is one in the lower half of `room`."""
    for count in range(room, room // 2, -1):
        if not lines[count].strip():
            return count
    return room if is_new_page or room > MIN_PAGE_ROWS else 0
