"""One question on the screen: what is drawn, and what a key does. It knows no terminal.

Keys are named `up`, `down`, `left`, `right`, `pageup`, `pagedown`, `enter`, `space`, `backspace`, `clear`, or are the
character typed.
"""

from collections.abc import Sequence
from typing import Protocol

from grader.quiz.draw import Asked
from grader.quiz.model import COMMANDS, CodeLine, Match, Multiple, Numeric, Order, Single, TextAnswer
from grader.quiz.score import NotAnAnswer, right_in_words
from grader.quiz.session import Done, Given, Session
from grader.quiz.text import code_block, code_line, markdown, spans, styled, wrapped
from grader.report.layout import BLANK, COLUMNS, Line, Span, bold, cells, clip, dim, flow, line, right
from grader.report.marks import DONE, FAILED, HERE, NOT_STARTED, PASSED

BAR = 14  # cells of the progress bar at most
ARROWS = {"up": -1, "down": 1}  # lines that they scroll where they move nothing
SCROLL = {"pageup": -10, "pagedown": 10}


class Entry(Protocol):
    """The part of the screen in which the answer is made."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What the last line says of them."""

    def press(self, key: str) -> bool:
        """Whether the key means something here."""

    def typed(self) -> str:
        """The answer so far."""

    def lines(self, width: int, given: Given | None) -> tuple[list[Line], int]:
        """What is drawn, and the line to keep in sight. With `given`, it is marked."""


class _Choice:
    """Options, of which one or several are chosen."""

    def __init__(self, asked: Asked, several: bool, chosen: Sequence[int]):
        self.asked = asked
        self.several = several
        self.at = chosen[0] if chosen else 0
        self.chosen = set(chosen)
        self.keys = ("↑↓ move", "space choose", "Enter answer") if several else ("↑↓ or digit", "Enter answer")

    def press(self, key: str) -> bool:
        count = len(self.asked.shown)
        if key in ("up", "down"):
            self.at = (self.at + (1 if key == "down" else -1)) % count
        elif key.isdecimal() and 1 <= int(key) <= count:
            self.at = int(key) - 1
            if self.several:
                self.chosen ^= {self.at}
        elif key == "space" and self.several:
            self.chosen ^= {self.at}
        else:
            return False
        return True

    def typed(self) -> str:
        return " ".join(str(i + 1) for i in sorted(self.chosen)) if self.several else str(self.at + 1)

    def lines(self, width: int, given: Given | None) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        mine = _places(given)
        question = self.asked.question
        assert isinstance(question, Single | Multiple)
        for i, option in enumerate(question.options):
            if given is None:
                arrow = HERE if i == self.at else " "
                box = f"{DONE if i in self.chosen else NOT_STARTED} " if self.several else ""
                head = line("  ", bold(arrow), f" {i + 1}  {box}")
            else:
                mark: Span = Span(" ")
                if option.correct:
                    mark = Span(PASSED, "green")
                elif i in mine:
                    mark = Span(FAILED, "red")
                head = line("  ", mark, f" {i + 1}  ", HERE if i in mine else " ", " ")
            if i == self.at:
                focus = len(drawn)
            drawn += _headed(head, spans(option.text), width)
        return drawn, focus


class _Ranking:
    """Items that get their place one after the other."""

    keys = ("↑↓ move", "space, digit: next", "Enter answer")

    def __init__(self, asked: Asked, chosen: Sequence[int]):
        self.asked = asked
        self.at = 0
        self.ranks = list(chosen)

    def press(self, key: str) -> bool:
        count = len(self.asked.shown)
        if key in ("up", "down"):
            self.at = (self.at + (1 if key == "down" else -1)) % count
        elif key == "space" or (key.isdecimal() and 1 <= int(key) <= count):
            self.at = self.at if key == "space" else int(key) - 1
            if self.at in self.ranks:
                self.ranks.remove(self.at)
            else:
                self.ranks.append(self.at)
        elif key == "backspace":
            del self.ranks[-1:]
        else:
            return False
        return True

    def typed(self) -> str:
        return " ".join(str(i + 1) for i in self.ranks)

    def lines(self, width: int, given: Given | None) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        question = self.asked.question
        assert isinstance(question, Order)
        if given is not None:
            for place, i in enumerate(_places(given)):
                good = question.items[place] == self.asked.shown[i]
                head = line("  ", Span(PASSED, "green") if good else Span(FAILED, "red"), f" {place + 1}. ")
                drawn += _headed(head, spans(self.asked.shown[i]), width)
            return drawn, 0
        for i, item in enumerate(self.asked.shown):
            rank = f"{self.ranks.index(i) + 1}." if i in self.ranks else NOT_STARTED
            head = line("  ", bold(HERE if i == self.at else " "), f" {i + 1}  ", bold(f"{rank:<2}"), " ")
            if i == self.at:
                focus = len(drawn)
            drawn += _headed(head, spans(item), width)
        return drawn, focus


class _Matching:
    """Left sides, each of which gets the digit of a right side."""

    keys = ("↑↓ move", "digit: its match", "Enter answer")

    def __init__(self, asked: Asked, question: Match, chosen: Sequence[int]):
        self.asked = asked
        self.question = question
        self.at = 0
        self.rights: list[int | None] = [*chosen] if chosen else [None] * len(question.pairs)

    def press(self, key: str) -> bool:
        count, sides = len(self.rights), len(self.asked.shown)
        if key in ("up", "down"):
            self.at = (self.at + (1 if key == "down" else -1)) % count
        elif key in ("left", "right", "space"):
            current = self.rights[self.at]
            step = -1 if key == "left" else 1
            self.rights[self.at] = (current + step) % sides if current is not None else 0 if step > 0 else sides - 1
        elif key.isdecimal() and 1 <= int(key) <= sides:
            self.rights[self.at] = int(key) - 1
            self.at = min(self.at + 1, count - 1)
        elif key == "backspace":
            self.rights[self.at] = None
        else:
            return False
        return True

    def typed(self) -> str:
        return " ".join(str(i + 1) for i in self.rights if i is not None)

    def lines(self, width: int, given: Given | None) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        mine: Sequence[int | None] = _places(given) or self.rights
        for i, pair in enumerate(self.question.pairs):
            place = mine[i]
            digit = "_" if place is None else str(place + 1)
            if given is None:
                head = line("  ", bold(HERE if i == self.at else " "), " ", bold(digit), "  ")
            else:
                assert place is not None
                good = self.asked.shown[place] == pair.right
                head = line("  ", Span(PASSED, "green") if good else Span(FAILED, "red"), f" {digit}  ")
            if i == self.at:
                focus = len(drawn)
            drawn += _headed(head, spans(pair.left), width)
        drawn.append(BLANK)
        for i, side in enumerate(self.asked.shown):
            drawn += _headed(line(f"      {i + 1}  "), spans(side), width)
        return drawn, focus


class _LineOfCode:
    """A line of the code."""

    keys = ("↑↓ or digits", "Enter answer")

    def __init__(self, question: CodeLine, chosen: Sequence[int]):
        self.rows = (question.code or "").rstrip("\n").split("\n")
        self.right = question.answer - 1
        self.at = chosen[0] if chosen else 0
        self._digits = ""

    def press(self, key: str) -> bool:
        if key in ("up", "down"):
            self.at = (self.at + (1 if key == "down" else -1)) % len(self.rows)
            self._digits = ""
        elif key.isdecimal():
            self._digits = self._digits + key if 1 <= int(self._digits + key) <= len(self.rows) else key
            if not 1 <= int(self._digits) <= len(self.rows):
                self._digits = ""
                return False
            self.at = int(self._digits) - 1
        else:
            return False
        return True

    def typed(self) -> str:
        return str(self.at + 1)

    def lines(self, width: int, given: Given | None) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        wide = len(str(len(self.rows)))
        mine = _places(given)
        for i, row in enumerate(self.rows):
            mark = bold(HERE if i == self.at else " ")
            if given is not None:
                mark = Span(PASSED, "green") if i == self.right else Span(FAILED if i in mine else " ", "red")
            first, *rest = code_line(row, width - wide - 6, "")
            if i == self.at:
                focus = len(drawn)
            drawn.append(line("  ", mark, " ", dim(f"{i + 1:>{wide}}"), "  ", first))
            drawn += [line(" " * (wide + 6), each) for each in rest]
        return drawn, focus


class _Typed:
    """A number or words."""

    keys = ("Enter answer",)

    def __init__(self, unit: str | None, text: str):
        self.unit = unit
        self.text = text

    def press(self, key: str) -> bool:
        if key == "backspace":
            self.text = self.text[:-1]
        elif key == "clear":
            self.text = ""
        elif key == "space":
            self.text += " "
        elif key not in ("up", "down", "left", "right", "enter"):
            self.text += "".join(character for character in key if character.isprintable())
        else:
            return False
        return True

    def typed(self) -> str:
        return self.text.strip()

    def lines(self, width: int, given: Given | None) -> tuple[list[Line], int]:
        unit = dim(f"   {self.unit}") if self.unit else Span("")
        if given is not None:
            mark = Span(PASSED, "green") if given.mark.score == 1 else Span(FAILED, "red")
            return _headed(line("  ", mark, " "), (Span(given.answer or ""),), width), 0
        room = width - 6 - cells(unit.text)
        shown = self.text if cells(self.text) <= room else "..." + self.text[-max(room - 3, 1) :]
        return [line("  ", bold(HERE), " ", shown, bold("_"), unit)], 0


def entry_for(asked: Asked, typed: str = "") -> Entry:
    """Where the answer to a question is made, with what was typed before."""
    question = asked.question
    chosen = [int(word) - 1 for word in typed.split() if word.isdecimal()]
    match question:
        case Single() | Multiple():
            return _Choice(asked, isinstance(question, Multiple), chosen)
        case Order():
            return _Ranking(asked, chosen)
        case Match():
            return _Matching(asked, question, chosen if len(chosen) == len(question.pairs) else ())
        case CodeLine():
            return _LineOfCode(question, chosen)
        case Numeric():
            return _Typed(question.unit, typed)
        case TextAnswer():
            return _Typed(None, typed)


class Screen:
    """A session as it is seen and steered."""

    def __init__(self, session: Session):
        self.session = session
        self.done: Done | None = Done.FINISHED if session.over else None
        self.message = ""  # why what was typed is no answer
        self.entry = self._entry()
        self._top: int | None = None  # the first line in sight, once scrolled by hand
        self._shown_top = 0

    def press(self, key: str) -> None:
        """What a key does."""
        if self.done is not None:
            return
        if key in SCROLL:
            self._scroll(SCROLL[key])
        elif self.session.answered is not None:
            self._press_after(key)
        else:
            self._press_before(key)

    def stop(self) -> None:
        """Leaves; all answers are recorded already."""
        self.done = Done.STOPPED

    def view(self, columns: int, rows: int) -> list[Line]:
        """What is drawn on a terminal of this size: what does not fit is scrolled, and the last lines stay."""
        if self.session.over:
            return []
        width = max(min(columns, COLUMNS), 20)
        lines, focus = self._lines(width)
        keys = self._keys(width, scrolled=False)
        if len(lines) + len(keys) + 1 > rows:
            keys = self._keys(width, scrolled=True)
        room = max(rows - len(keys) - 1, 1)
        lowest = max(len(lines) - room, 0)
        if self._top is not None:
            top = self._top
        elif self.session.answered is not None:
            top = focus  # from the verdict on, if not all is in sight
        else:
            top = focus - room + 2
        self._shown_top = top = max(min(top, lowest), 0)
        if self._top is not None:
            self._top = top
        return [*lines[top : top + room], BLANK, *keys]

    def _lines(self, width: int) -> tuple[list[Line], int]:
        """All lines, and the one to keep in sight: that of the answer, or that of the verdict."""
        asked, given = self.session.current, self.session.answered
        lines = [BLANK, self._head(width), BLANK, *markdown(asked.question.question, width, 2)]
        if asked.question.code and not isinstance(asked.question, CodeLine):
            lines += [BLANK, *code_block(asked.question.code, width, 4)]
        body, focus = self.entry.lines(width, given)
        focus += len(lines) + 1
        lines += [BLANK, *body]
        if self.message:
            focus = len(lines) + 1
            lines += [BLANK, *styled(self.message, "", width, 2)]
        if given is not None:
            focus = len(lines)
            lines += [BLANK, *verdict(asked, given, width)]
        return lines, focus

    def _press_before(self, key: str) -> None:
        """A key while an answer is made."""
        asks = isinstance(self.entry, _Typed)
        if key == "enter":
            typed = self.entry.typed()
            if asks and typed in COMMANDS:
                self._command(typed)
            else:
                self._answer(typed)
        elif not asks and key in COMMANDS:
            self._command(key)
        elif self.entry.press(key):
            self.message = ""
            self._top = None
        elif key in ARROWS:
            self._scroll(ARROWS[key])

    def _press_after(self, key: str) -> None:
        """A key while the marked answer is shown."""
        if key in ("enter", "space", "right"):
            self.session.next()
            self._turned()
        elif key in COMMANDS:
            self._command(key)
        elif key in ARROWS:
            self._scroll(ARROWS[key])

    def _scroll(self, by: int) -> None:
        self._top = max((self._shown_top if self._top is None else self._top) + by, 0)

    def _command(self, key: str) -> None:
        if key == "q":
            self.stop()
            return
        if key == "s":
            self.session.skip()
        else:
            self.session.back()
        self._turned()

    def _answer(self, typed: str) -> None:
        self._top = None
        try:
            self.session.answer(typed)
        except NotAnAnswer as problem:
            self.message = str(problem)
            return
        self.message = ""
        if self.session.exam:
            self.session.next()
            self._turned()

    def _turned(self) -> None:
        self.message = ""
        self._top = None
        if self.session.over:
            self.done = Done.FINISHED
        else:
            self.entry = self._entry()

    def _entry(self) -> Entry:
        if self.session.over:
            return _Typed(None, "")
        given = self.session.given.get(self.session.place)
        return entry_for(self.session.current, (given.answer or "") if given else "")

    def _head(self, width: int) -> Line:
        session = self.session
        done, total = session.place, len(session.asked)
        bar = min(BAR, total)
        full = round(bar * done / total)
        count = f"{done + 1} of {total}   {'█' * full}{'░' * (bar - full)}"
        if width < 50:
            count = f"{done + 1} of {total}"
        name = clip(session.name, width - 4 - len(count))
        level = session.current.question.level
        room = width - 2 - cells(name) - cells(count)
        middle = f"   {level}" if room > len(level) + 6 else ""
        return line("  ", bold(name), dim(middle), right(count, width - 2 - cells(name) - len(middle)))

    def _keys(self, width: int, scrolled: bool) -> list[Line]:
        if self.session.answered is not None:
            keys = ["Enter next", "↑↓ scroll", "b back", "q stop"]
        elif isinstance(self.entry, _Typed):
            keys = [*self.entry.keys, "↑↓ scroll", "s+Enter skip", "b+Enter back", "q+Enter stop"]
        else:
            keys = [*self.entry.keys, "PgUp scroll", "s skip", "b back", "q stop"]
        if not scrolled:
            keys = [key for key in keys if not key.endswith("scroll")]
        return [line("  ", each) for each in flow([line(dim(key)) for key in keys], width - 2)]


def verdict(asked: Asked, given: Given, width: int) -> list[Line]:
    """What an answer is worth, the reason, and the explanation with its source."""
    question = asked.question
    score = given.mark.score
    if given.answer is None:
        head = line("  ", Span(NOT_STARTED), " skipped")
    elif score == 1:
        head = line("  ", Span(PASSED, "green"), " right")
    elif score == 0:
        head = line("  ", Span(FAILED, "red"), " not right")
    else:
        head = line("  ", Span(FAILED, "red"), f" {score:.2f} of 1")
    lines = [head]
    for reason in given.mark.feedback:
        lines += markdown(reason, width, 4)
    if score < 1 and not isinstance(question, Single | Multiple | CodeLine):
        lines += [BLANK, *_right_lines(asked, width)]
    lines += [BLANK, *markdown(question.explanation, width, 4), BLANK, *styled(question.source, "dim", width, 4)]
    return lines


def _right_lines(asked: Asked, width: int) -> list[Line]:
    texts = right_in_words(asked)
    if len(texts) == 1:
        return _headed(line("    right: "), spans(texts[0]), width)
    lines = [line("    right:")]
    for text in texts:
        lines += _headed(line("      - "), spans(text), width)
    return lines


def _places(given: Given | None) -> list[int]:
    """The places that a given answer consists of."""
    if given is None or given.answer is None:
        return []
    return [int(word) - 1 for word in given.answer.split() if word.isdecimal()]


def _headed(head: Line, text: Line, width: int) -> list[Line]:
    """Text after a head, its further lines as far in."""
    start = sum(cells(span.text) for span in head)
    first, *rest = wrapped(text, width - start) or [BLANK]
    return [line(head, first), *(line(" " * start, each) for each in rest)]
