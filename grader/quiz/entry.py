"""Where the answer to a question is made, for each type of question: what a key does there, and what is drawn."""

from collections.abc import Sequence
from typing import Protocol

from grader.quiz.draw import Asked
from grader.quiz.model import CodeLine, Match, Multiple, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import places
from grader.show.layout import BLANK, Line, Span, bold, cells, dim, line
from grader.show.symbols import DONE, HERE, NOT_STARTED
from grader.show.text import code_rows, numbered_lines, parse_inline, with_head


class Entry(Protocol):
    """The part of the screen in which the answer is made."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What the last line says of them."""

    def press(self, key: str) -> bool:
        """Whether the key means something here."""

    def typed(self) -> str:
        """The answer so far."""

    def lines(self, width: int) -> tuple[list[Line], int]:
        """What is drawn, and the line to keep in sight."""


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

    def lines(self, width: int) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        for i, option in enumerate(self.asked.shown):
            box = f"{DONE if i in self.chosen else NOT_STARTED} " if self.several else ""
            head = line("  ", bold(HERE if i == self.at else " "), f" {i + 1}  {box}")
            if i == self.at:
                focus = len(drawn)
            drawn += with_head(head, parse_inline(option), width)
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

    def lines(self, width: int) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        for i, item in enumerate(self.asked.shown):
            rank = f"{self.ranks.index(i) + 1}." if i in self.ranks else NOT_STARTED
            head = line("  ", bold(HERE if i == self.at else " "), f" {i + 1}  ", bold(f"{rank:<2}"), " ")
            if i == self.at:
                focus = len(drawn)
            drawn += with_head(head, parse_inline(item), width)
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

    def lines(self, width: int) -> tuple[list[Line], int]:
        drawn: list[Line] = []
        focus = 0
        for i, pair in enumerate(self.question.pairs):
            place = self.rights[i]
            digit = "_" if place is None else str(place + 1)
            if i == self.at:
                focus = len(drawn)
            head = line("  ", bold(HERE if i == self.at else " "), " ", bold(digit), "  ")
            drawn += with_head(head, parse_inline(pair.left), width)
        return [*drawn, BLANK, *numbered_lines(self.asked.shown, width)], focus


class _LineOfCode:
    """A line of the code."""

    keys = ("↑↓ or digits", "Enter answer")

    def __init__(self, question: CodeLine, chosen: Sequence[int]):
        self.code = question.code or ""
        self.count = len(self.code.rstrip("\n").split("\n"))
        self.at = chosen[0] if chosen else 0
        self._digits = ""

    def press(self, key: str) -> bool:
        if key in ("up", "down"):
            self.at = (self.at + (1 if key == "down" else -1)) % self.count
            self._digits = ""
        elif key.isdecimal():
            self._digits = self._digits + key if 1 <= int(self._digits + key) <= self.count else key
            if not 1 <= int(self._digits) <= self.count:
                self._digits = ""
                return False
            self.at = int(self._digits) - 1
        else:
            return False
        return True

    def typed(self) -> str:
        return str(self.at + 1)

    def lines(self, width: int) -> tuple[list[Line], int]:
        rows = code_rows(self.code, width, lambda i: line("  ", bold(HERE if i == self.at else " "), " "))
        return [each for row in rows for each in row], sum(len(row) for row in rows[: self.at])


class Typed:
    """A number or words. What is a command elsewhere can be a letter of them."""

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
        elif key not in ("up", "down", "left", "right"):
            self.text += "".join(character for character in key if character.isprintable())
        else:
            return False
        return True

    def typed(self) -> str:
        return self.text.strip()

    def lines(self, width: int) -> tuple[list[Line], int]:
        unit = dim(f"   {self.unit}") if self.unit else Span("")
        room = width - 6 - cells(unit.text)
        shown = self.text if cells(self.text) <= room else "..." + self.text[-max(room - 3, 1) :]
        return [line("  ", bold(HERE), " ", shown, bold("_"), unit)], 0


class InOwnWords(Typed):
    """Words that are remembered before the answer is shown."""

    keys = ("Enter see",)

    def __init__(self, asked: Asked, question: OwnWords):
        super().__init__(None, "")
        self._asked = asked
        self._question = question

    def beside_the_answer(self) -> Entry:
        """Where the student says whether they were right."""
        return _Compared(self._asked, self.typed(), self._question.answer)


class _Compared(_Choice):
    """Own words and the answer, and what the student says of them."""

    def __init__(self, asked: Asked, words: str, answer: str):
        super().__init__(asked, several=False, chosen=())
        self._words = words
        self._answer = answer

    def lines(self, width: int) -> tuple[list[Line], int]:
        yours = with_head(line("  ", dim("yours: ")), (Span(self._words),), width) if self._words else []
        both = [*yours, *with_head(line("  ", dim("right: ")), parse_inline(self._answer), width), BLANK]
        choice, focus = super().lines(width)
        return [*both, *choice], len(both) + focus


def entry_for(asked: Asked, typed: str = "") -> Entry:
    """Where the answer to a question is made, with the answer that was given before."""
    question = asked.question
    if isinstance(question, OwnWords):
        return InOwnWords(asked, question)
    chosen = places(asked, typed) if typed else ()
    match question:
        case Single() | Multiple():
            return _Choice(asked, isinstance(question, Multiple), chosen)
        case Order():
            return _Ranking(asked, chosen)
        case Match():
            return _Matching(asked, question, chosen)
        case CodeLine():
            return _LineOfCode(question, chosen)
        case Numeric():
            return Typed(question.unit, typed)
        case TextAnswer():
            return Typed(None, typed)
