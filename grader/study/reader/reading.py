"""A part read piece by piece: what is printed, waits for a key, is asked. It knows no terminal but a `Desk`."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from msgspec.structs import replace

from grader.course.lesson.model import AnyBlock, Deep, ExerciseDue, Figure, LabDue, Part, Predict, PrintedOutput, Prose
from grader.show.marks import HERE
from grader.study.reader.blocks import (
    Surroundings,
    answer_lines,
    drawn,
    end_lines,
    figure_lines,
    keys_line,
    title_lines,
)

STOP, BEGINNING, OPEN = "q", "b", "d"
KEYS = ("space on", "b beginning", "q stop")
LEAST = 4  # lines of a screenful
OVERLAP = 2  # lines of the screen that a stretch leaves: for the keys, and for the line above it
_HEADING = re.compile(r"^#+ ", re.MULTILINE)


class Desk(Protocol):
    """A terminal: it prints, and reads keys and lines."""

    @property
    def rows(self) -> int:
        """Lines of the screen."""

    @property
    def columns(self) -> int:
        """Cells of a line."""

    def say(self, lines: Sequence[str]) -> None:
        """Prints lines below what is there."""

    def clear(self) -> None:
        """Begins with an empty screen."""

    def key(self, shown: str) -> str:
        """One key, while `shown` is the last line; q where there are no more."""

    def line(self, keys: str, shown: str) -> str:
        """What is typed after `shown`, while `keys` stand above it, without blanks around it; q at the end."""


class Turn(Enum):
    """Where the reader goes."""

    ON = "on"
    BACK = "back"
    STOP = "stop"


class Reader:
    """One reading of a part."""

    def __init__(
        self, part: Part, desk: Desk, around: Surroundings, predicted: Callable[[Predict, str, bool | None], None]
    ):
        """`around`: its page has the width that the terminal has at the beginning; later its own is looked at."""
        self.part = part
        self._desk = desk
        self._given = around
        self._predicted = predicted
        self._printed = 0  # lines since the last key
        self._place = 0  # of the block that is shown
        self._top = 0  # of the block that was shown first after the last key

    def read(self, start: int = 0) -> int | None:
        """Shows the part from a block on. None at its end, else the block with which to go on another time."""
        blocks = self.part.blocks
        self._begin(start if start < len(blocks) else 0)
        while self._place < len(blocks):
            turn = self._show(blocks[self._place])
            if turn is Turn.STOP:
                return self._to_go_on_with()
            if turn is Turn.BACK:
                self._desk.clear()
                self._begin(0)
            else:
                self._place += 1
        return None

    def _begin(self, place: int) -> None:
        self._place = place
        self._turned()
        self._print(["", *title_lines(self.part, self._around.page)])

    def _to_go_on_with(self) -> int:
        """The last heading or question up to what was on the screen, a question with what it is about."""
        blocks = self.part.blocks
        place = self._top
        if isinstance(blocks[self._place], Predict) and not _begins(blocks[place]):
            place = self._place
        while place and not _begins(blocks[place]):
            place -= 1
        while place and _belongs_to_what_is_before(blocks[place]):
            place -= 1
        return place

    def _show(self, block: AnyBlock) -> Turn:
        """A block, with what it asks."""
        for lines in self._pieces(block):
            if (turn := self._print(["", *lines], whole=not isinstance(block, Prose))) is not Turn.ON:
                return turn
        match block:
            case Predict():
                return self._ask(block)
            case Deep():
                return self._offer(block)
            case ExerciseDue() | LabDue():
                return self._wait() if self._place + 1 < len(self.part.blocks) else Turn.ON
        return Turn.ON

    def _pieces(self, block: AnyBlock) -> Sequence[Sequence[str]]:
        """The lines of a block; where a picture and its caption are too long for one screen, each of them."""
        lines = drawn(block, self._around)
        if isinstance(block, Figure) and len(lines) > self._page:
            return figure_lines(block, self._around)
        return [[*lines, ""] if isinstance(block, Predict) else lines]

    def _ask(self, question: Predict) -> Turn:
        """Takes an answer, says what it was worth, and hands it on. Enter alone only shows."""
        kind = "a digit" if question.options else "a number" if question.number is not None else "words"
        keys = keys_line([kind, "Enter: see", f"{BEGINNING}+Enter beginning", f"{STOP}+Enter stop"], "", self._width)
        while True:
            typed = self._desk.line(keys, f"  {HERE} ")
            if typed == STOP:
                return Turn.STOP
            if typed == BEGINNING:
                return Turn.BACK
            try:
                given = understood(question, typed)
                break
            except NotAnAnswer as problem:
                self._desk.say([f"  {problem}"])
        self._turned()
        self._say(answer_lines(question, given, self._around.page))
        if given:
            right = question.is_right(given)
            self._predicted(question, given, self._compare() if right is None else right)
        return Turn.ON

    def _compare(self) -> bool | None:
        """What the reader says of an answer in words."""
        key = self._desk.key(self._keys(["was yours right?", "y yes", "n no", "space on"]))
        return {"y": True, "n": False}.get(key)

    def _offer(self, deep: Deep) -> Turn:
        """A deep dive, folded until its key is pressed."""
        keys = [f"{OPEN} open it", *KEYS]
        while (key := self._desk.key(self._keys(keys))) != OPEN:
            if (turn := _turn(key)) is not None:
                return self._to(turn)
        self._turned()
        for block in deep.blocks:
            if (turn := self._show(block)) is not Turn.ON:
                return turn
        return self._print(["", *end_lines(deep, self._around.page)])

    def _print(self, lines: Sequence[str], whole: bool = True) -> Turn:
        """Prints lines, with a key between one screenful and the next. What is `whole` begins a new one if it must."""
        rest = list(lines)
        while len(rest) > (room := self._page - self._printed):
            fresh = self._printed == 0
            above = not rest[0].strip()  # a blank line, which a new screen can do without
            fits = whole and len(rest) - above <= self._page
            if fits and fresh:
                del rest[0]
                continue
            self._say(rest[: (count := _break(rest, room, fresh, fits))])
            rest = rest[count:]
            if (turn := self._wait()) is not Turn.ON:
                return turn
        self._say(rest)
        return Turn.ON

    def _say(self, lines: Sequence[str]) -> None:
        self._desk.say(lines)
        self._printed += len(lines)

    def _wait(self) -> Turn:
        """Waits for a key that means something."""
        while (turn := _turn(self._desk.key(self._keys(KEYS)))) is None:
            continue
        return self._to(turn)

    def _to(self, turn: Turn) -> Turn:
        if turn is Turn.ON:
            self._turned()
        return turn

    def _turned(self) -> None:
        """A key was pressed: what is printed from now on is new."""
        self._printed = 0
        self._top = self._place

    @property
    def _page(self) -> int:
        """Lines of a screenful."""
        return max(self._desk.rows - OVERLAP, LEAST)

    @property
    def _width(self) -> int:
        return self._desk.columns

    @property
    def _around(self) -> Surroundings:
        return replace(self._given, page=replace(self._given.page, width=self._width))

    def _keys(self, keys: Sequence[str]) -> str:
        place = f"{self._place + 1} of {len(self.part.blocks)}"
        return keys_line(keys, place, self._width)


class NotAnAnswer(ValueError):
    """What was typed cannot be an answer; the message says why. It is asked again."""


def understood(question: Predict, typed: str) -> str:
    """An answer as `Predict.right` compares it; empty where there is none. NotAnAnswer where it cannot be one."""
    if not typed:
        return ""
    if question.options:
        by_digit = {str(digit): option for digit, option in enumerate(question.options, start=1)}
        known = {option.casefold(): option for option in question.options}
        if given := by_digit.get(typed) or known.get(typed.casefold()):
            return given
        raise NotAnAnswer(f"Type a digit from 1 to {len(question.options)}.")
    if question.number is None:
        return typed
    from grader.quiz.numbers import NotANumber, parse_number

    try:
        return f"{float(parse_number(typed, None)):.15g}"
    except NotANumber as problem:
        raise NotAnAnswer(str(problem)) from None


def _begins(block: AnyBlock) -> bool:
    """Whether one can go on with a block and know what it is about."""
    return isinstance(block, Predict) or (isinstance(block, Prose) and bool(_HEADING.search(block.text)))


def _belongs_to_what_is_before(block: AnyBlock) -> bool:
    return isinstance(block, Predict) or (isinstance(block, PrintedOutput) and block.after is None)


def _turn(key: str) -> Turn | None:
    """Where a key leads; None: nowhere."""
    return Turn.ON if key in (" ", "\r", "\n") else {STOP: Turn.STOP, BEGINNING: Turn.BACK}.get(key)


def _break(lines: Sequence[str], room: int, fresh: bool, whole: bool) -> int:
    """How many of the lines to print before the next key: up to a blank line, where there is one in the lower half."""
    if whole and not fresh:
        return 0
    blank = next((place for place in range(room, room // 2, -1) if not lines[place].strip()), None)
    return blank if blank is not None else room if fresh or room > LEAST else 0
