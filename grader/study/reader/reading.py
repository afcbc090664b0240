"""Shows a part page by page on any `TerminalIO`, waits for keys, and asks the part's questions."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from msgspec.structs import replace

from grader.base.numbers import NotANumber, readings
from grader.course.lesson.model import AnyBlock, Deep, Part, Predict, PrintedOutput, Prose, flatten
from grader.quiz.score import InvalidAnswer
from grader.show.symbols import HERE
from grader.study.reader.blocks import RenderContext, keys_line
from grader.study.reader.pages import Awaited, Decisions, PartPage, Place, lay_out, page_of

STOP_KEY, RESTART_KEY, BACK_KEY, OPEN_KEY = "q", "b", "p", "d"
REDRAW_KEY = "redraw"  # not a key: the screen has another size, or shows something else
KEY_HINTS = (f"{BACK_KEY} back", f"{RESTART_KEY} beginning", f"{STOP_KEY} stop")
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
        """Read one key with `shown` as the last line. Return q at the end of input, and `REDRAW_KEY` when it is due."""

    def line(self, keys: str, shown: str) -> str:
        """Read a line after the prompt `shown`, below `keys`, and strip it. Return what `key` does without a key."""


class Navigation(Enum):
    """What to do after a key."""

    CONTINUE = "continue"
    BACK = "back"
    RESTART = "restart"
    STOP = "stop"
    REDRAW = "redraw"


_NAVIGATION = {
    **dict.fromkeys((" ", "\r", "\n"), Navigation.CONTINUE),
    BACK_KEY: Navigation.BACK,
    RESTART_KEY: Navigation.RESTART,
    STOP_KEY: Navigation.STOP,
    REDRAW_KEY: Navigation.REDRAW,
}


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
        self._context = context
        self._predicted = predicted
        self._decisions = Decisions()
        self._first = 0  # block with which the first page begins
        self._pages: list[PartPage] = []
        self._index = 0  # of the current page
        self._place = Place(0, 0, 0)  # with which the page began that a key led to

    def read(self, start: int = 0) -> int | None:
        """Show the part from a block on. Return None at its end, else the index of the block to resume at."""
        self._first = start if start < len(self.part.blocks) else 0
        self._lay_out()
        self._turn_to(0)
        self._say_page()
        while self._page.awaits is not Awaited.NOTHING:
            match self._stop():
                case Navigation.CONTINUE:
                    self._turn_to(self._index + 1)
                    self._say_page()
                case Navigation.BACK:
                    self._go_back()
                case Navigation.RESTART:
                    self._restart()
                case Navigation.REDRAW:
                    self._lay_out()
                    self._index = page_of(self._pages, self._place)
                    self._redraw()
                case Navigation.STOP:
                    return self._resume_position()
        return None

    @property
    def _page(self) -> PartPage:
        return self._pages[self._index]

    def _lay_out(self) -> None:
        rows, width = self._terminal.rows - RESERVED_ROWS, self._terminal.columns
        self._context = replace(self._context, page=replace(self._context.page, width=width))
        self._pages = lay_out(self.part, self._context, rows, self._decisions, self._first)

    def _turn_to(self, index: int) -> None:
        self._index = index
        self._place = self._page.top

    def _say_page(self) -> None:
        self._terminal.say(self._page.lines)

    def _redraw(self) -> None:
        self._terminal.clear()
        self._say_page()

    def _go_back(self) -> None:
        """Show the page before, also one that an earlier reading has shown."""
        index, place = self._index, self._page.top
        if index == 0 and self._first:
            for block in flatten(self.part.blocks[: self._first]):
                if isinstance(block, Predict):
                    self._decisions.answers.setdefault(block.line, "")
                elif isinstance(block, Deep):
                    self._decisions.opened.setdefault(block.line, False)
            self._first = 0
            self._lay_out()
            index = page_of(self._pages, place)
        begins_earlier = self._pages[index].top < place
        self._turn_to(index if begins_earlier else max(index - 1, 0))
        self._redraw()

    def _restart(self) -> None:
        self._decisions, self._first = Decisions(), 0
        self._lay_out()
        self._turn_to(0)
        self._redraw()

    def _resume_position(self) -> int:
        """Return the last heading or question at or before the current page, with the context of a question."""
        blocks = self.part.blocks
        position, current = self._page.top.block, self._page.block
        if isinstance(blocks[current], Predict) and not _is_entry_point(blocks[position]):
            position = current
        while position and not _is_entry_point(blocks[position]):
            position -= 1
        while position and _needs_context(blocks[position]):
            position -= 1
        return position

    def _stop(self) -> Navigation:
        """Wait for what the current page waits for."""
        match self._page.awaits, self._page.waits_in:
            case Awaited.ANSWER, Predict() as question:
                return self._ask(question)
            case Awaited.COMPARISON, Predict() as question:
                return self._compare(question)
            case Awaited.OPENING, Deep() as deep:
                return self._offer_deep_dive(deep)
        return _NAVIGATION[self._key("space next")]

    def _key(self, *offered: str, keys: Sequence[str] = ()) -> str:
        """Return the first key that is one of `keys` or navigates."""
        shown = keys_line([*offered, *KEY_HINTS], f"{100 * self._page.share:.0f} %", self._terminal.columns)
        while (key := self._terminal.key(shown)) not in keys and key not in _NAVIGATION:
            continue
        return key

    def _ask(self, question: Predict) -> Navigation:
        """Ask a question and report the answer if it can be marked. Enter alone shows the answer."""
        given = self._read_answer(question)
        if isinstance(given, Navigation):
            return given
        self._decisions.answers[question.line] = given
        self._lay_out()
        right = question.is_right(given)
        if given and right is not None:
            self._predicted(question, given, right)
        return Navigation.CONTINUE

    def _read_answer(self, question: Predict) -> str | Navigation:
        """Read lines until one is an answer or leads away from the question."""
        kind = "a digit" if question.options else "a number" if question.number is not None else "words"
        hints = [hint.replace(" ", "+Enter ", 1) for hint in KEY_HINTS]
        keys = keys_line([kind, "Enter: see", *hints], "", self._terminal.columns)
        while True:
            typed = self._terminal.line(keys, f"  {HERE} ")
            if typed and (move := _NAVIGATION.get(typed)):
                return move
            try:
                return parse_answer(question, typed)
            except InvalidAnswer as problem:
                self._terminal.say([f"  {problem}"])

    def _compare(self, question: Predict) -> Navigation:
        """Ask whether an answer in words was right, and report it: without a verdict if the student does not say."""
        key = self._key("was yours right?", "y yes", "n no", "space next", keys=("y", "n"))
        move = _NAVIGATION.get(key, Navigation.CONTINUE)
        if move not in (Navigation.BACK, Navigation.REDRAW):
            self._predicted(question, self._decisions.answers[question.line], {"y": True, "n": False}.get(key))
            self._decisions.compared.add(question.line)
            self._lay_out()
        return move

    def _offer_deep_dive(self, deep: Deep) -> Navigation:
        """Wait for a key that opens or skips a deep dive."""
        key = self._key(f"{OPEN_KEY} open it", "space next", keys=(OPEN_KEY,))
        move = _NAVIGATION.get(key, Navigation.CONTINUE)
        if move is Navigation.CONTINUE:
            self._decisions.opened[deep.line] = key == OPEN_KEY
            self._lay_out()
        return move


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
    if question.number is not None:
        try:
            readings(typed, None)
        except NotANumber as problem:
            raise InvalidAnswer(str(problem)) from None
    return typed


def _is_entry_point(block: AnyBlock) -> bool:
    """Return whether reading can resume at a block: a question or a heading."""
    return isinstance(block, Predict) or (isinstance(block, Prose) and bool(_HEADING.search(block.text)))


def _needs_context(block: AnyBlock) -> bool:
    return isinstance(block, Predict) or (isinstance(block, PrintedOutput) and block.after is None)
