"""The input widget of each type of question: how keys change the answer, and how it is drawn."""

from collections.abc import Sequence
from typing import Protocol

from grader.quiz.draw import DrawnQuestion
from grader.quiz.model import CodeLine, Match, Multiple, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import positions
from grader.show.layout import BLANK, Line, Span, bold, cells, dim, line
from grader.show.symbols import DONE, HERE, NOT_STARTED
from grader.show.text import code_rows, numbered_lines, parse_inline, with_head


class AnswerInput(Protocol):
    """The widget in which a question is answered."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The hints for the status line."""

    def press(self, key: str) -> bool:
        """Handle a key. Return whether it had a meaning."""

    def answer(self) -> str:
        """Return the answer so far, as it would be typed."""

    def lines(self, width: int) -> tuple[list[Line], int]:
        """Return the lines to draw, and the index of the line to keep visible."""


def _moved(cursor: int | None, key: str, count: int) -> int:
    """Return the cursor after `up` or `down`, which begin at the last or first of `count` places."""
    if cursor is None:
        return 0 if key == "down" else count - 1
    return (cursor + (1 if key == "down" else -1)) % count


class _ChoiceInput:
    """A list of options, of which one or several are chosen."""

    def __init__(self, drawn: DrawnQuestion, several: bool, chosen: Sequence[int]):
        self.drawn = drawn
        self.several = several
        self.cursor = chosen[0] if chosen else 0 if several else None  # of one option, the cursor is the choice
        self.chosen = set(chosen)
        self.keys = ("↑↓ move", "space choose", "Enter answer") if several else ("↑↓ or digit", "Enter answer")

    def press(self, key: str) -> bool:
        count = len(self.drawn.shown)
        if key in ("up", "down"):
            self.cursor = _moved(self.cursor, key, count)
        elif key.isdecimal() and 1 <= int(key) <= count:
            self.cursor = int(key) - 1
            if self.several:
                self.chosen ^= {self.cursor}
        elif key == "space" and self.several and self.cursor is not None:
            self.chosen ^= {self.cursor}
        else:
            return False
        return True

    def answer(self) -> str:
        if self.several:
            return " ".join(str(i + 1) for i in sorted(self.chosen))
        return "" if self.cursor is None else str(self.cursor + 1)

    def lines(self, width: int) -> tuple[list[Line], int]:
        rows: list[Line] = []
        focus = 0
        for i, option in enumerate(self.drawn.shown):
            box = f"{DONE if i in self.chosen else NOT_STARTED} " if self.several else ""
            head = line("  ", bold(HERE if i == self.cursor else " "), f" {i + 1}  {box}")
            if i == self.cursor:
                focus = len(rows)
            rows += with_head(head, parse_inline(option), width)
        return rows, focus


class _OrderInput:
    """A list of items that are ranked one after the other."""

    keys = ("↑↓ move", "space, digit: next", "Enter answer")

    def __init__(self, drawn: DrawnQuestion, chosen: Sequence[int]):
        self.drawn = drawn
        self.cursor = 0
        self.ranks = list(chosen)

    def press(self, key: str) -> bool:
        count = len(self.drawn.shown)
        if key in ("up", "down"):
            self.cursor = _moved(self.cursor, key, count)
        elif key == "space" or (key.isdecimal() and 1 <= int(key) <= count):
            self.cursor = self.cursor if key == "space" else int(key) - 1
            if self.cursor in self.ranks:
                self.ranks.remove(self.cursor)
            else:
                self.ranks.append(self.cursor)
        elif key == "backspace":
            del self.ranks[-1:]
        else:
            return False
        return True

    def answer(self) -> str:
        return " ".join(str(i + 1) for i in self.ranks)

    def lines(self, width: int) -> tuple[list[Line], int]:
        rows: list[Line] = []
        focus = 0
        for i, item in enumerate(self.drawn.shown):
            rank = f"{self.ranks.index(i) + 1}." if i in self.ranks else NOT_STARTED
            head = line("  ", bold(HERE if i == self.cursor else " "), f" {i + 1}  ", bold(f"{rank:<2}"), " ")
            if i == self.cursor:
                focus = len(rows)
            rows += with_head(head, parse_inline(item), width)
        return rows, focus


class _MatchInput:
    """A list of left sides, each of which gets the digit of a right side."""

    keys = ("↑↓ move", "digit: its match", "Enter answer")

    def __init__(self, drawn: DrawnQuestion, question: Match, chosen: Sequence[int]):
        self.drawn = drawn
        self.question = question
        self.cursor = 0
        self.rights: list[int | None] = [*chosen] if chosen else [None] * len(question.pairs)

    def press(self, key: str) -> bool:
        count, sides = len(self.rights), len(self.drawn.shown)
        if key in ("up", "down"):
            self.cursor = _moved(self.cursor, key, count)
        elif key in ("left", "right", "space"):
            current = self.rights[self.cursor]
            step = -1 if key == "left" else 1
            self.rights[self.cursor] = (current + step) % sides if current is not None else 0 if step > 0 else sides - 1
        elif key.isdecimal() and 1 <= int(key) <= sides:
            self.rights[self.cursor] = int(key) - 1
            self.cursor = min(self.cursor + 1, count - 1)
        elif key == "backspace":
            self.rights[self.cursor] = None
        else:
            return False
        return True

    def answer(self) -> str:
        return " ".join(str(i + 1) for i in self.rights if i is not None)

    def lines(self, width: int) -> tuple[list[Line], int]:
        rows: list[Line] = []
        focus = 0
        for i, pair in enumerate(self.question.pairs):
            position = self.rights[i]
            digit = "_" if position is None else str(position + 1)
            if i == self.cursor:
                focus = len(rows)
            head = line("  ", bold(HERE if i == self.cursor else " "), " ", bold(digit), "  ")
            rows += with_head(head, parse_inline(pair.left), width)
        return [*rows, BLANK, *numbered_lines(self.drawn.shown, width)], focus


class _CodeLineInput:
    """Code of which one line is chosen."""

    keys = ("↑↓ or digits", "Enter answer")

    def __init__(self, question: CodeLine, chosen: Sequence[int]):
        self.code = question.code or ""
        self.count = len(self.code.rstrip("\n").split("\n"))
        self.cursor = chosen[0] if chosen else None
        self._digits = ""

    def press(self, key: str) -> bool:
        if key in ("up", "down"):
            self.cursor = _moved(self.cursor, key, self.count)
            self._digits = ""
        elif key.isdecimal():
            self._digits = self._digits + key if 1 <= int(self._digits + key) <= self.count else key
            if not 1 <= int(self._digits) <= self.count:
                self._digits = ""
                return False
            self.cursor = int(self._digits) - 1
        else:
            return False
        return True

    def answer(self) -> str:
        return "" if self.cursor is None else str(self.cursor + 1)

    def lines(self, width: int) -> tuple[list[Line], int]:
        rows = code_rows(self.code, width, lambda i: line("  ", bold(HERE if i == self.cursor else " "), " "))
        return [each for row in rows for each in row], sum(len(row) for row in rows[: self.cursor or 0])


class TextInput:
    """A line of text for a number or words; letters are part of it, not commands."""

    keys = ("Enter answer",)

    def __init__(self, unit: str | None, text: str):
        self.unit = unit
        self.text = text

    def press(self, key: str) -> bool:
        """Edit the text."""
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

    def answer(self) -> str:
        """Return the text."""
        return self.text.strip()

    def lines(self, width: int) -> tuple[list[Line], int]:
        """Draw the end of the text that fits, and the unit."""
        unit = dim(f"   {self.unit}") if self.unit else Span("")
        room = width - 6 - cells(unit.text)
        shown = self.text if cells(self.text) <= room else "..." + self.text[-max(room - 3, 1) :]
        return [line("  ", bold(HERE), " ", shown, bold("_"), unit)], 0


class OwnWordsInput(TextInput):
    """A line of text for own words, which are compared with the answer afterwards."""

    keys = ("Enter see",)

    def __init__(self, drawn: DrawnQuestion, question: OwnWords):
        super().__init__(None, "")
        self._drawn = drawn
        self._question = question

    def self_assessment(self) -> AnswerInput:
        """Return the input in which students mark their own words."""
        return _SelfAssessmentInput(self._drawn, self.answer(), self._question.answer)


class _SelfAssessmentInput(_ChoiceInput):
    """A choice below the student's words and the right answer."""

    def __init__(self, drawn: DrawnQuestion, words: str, answer: str):
        super().__init__(drawn, several=False, chosen=())
        self._words = words
        self._answer = answer

    def lines(self, width: int) -> tuple[list[Line], int]:
        yours = with_head(line("  ", dim("yours: ")), (Span(self._words),), width) if self._words else []
        both = [*yours, *with_head(line("  ", dim("right: ")), parse_inline(self._answer), width), BLANK]
        choice, focus = super().lines(width)
        return [*both, *choice], len(both) + focus


def input_for(drawn: DrawnQuestion, typed: str = "") -> AnswerInput:
    """Return the input for a question, filled with the answer `typed` before."""
    question = drawn.question
    if isinstance(question, OwnWords):
        return OwnWordsInput(drawn, question)
    chosen = positions(drawn, typed) if typed else ()
    match question:
        case Single() | Multiple():
            return _ChoiceInput(drawn, isinstance(question, Multiple), chosen)
        case Order():
            return _OrderInput(drawn, chosen)
        case Match():
            return _MatchInput(drawn, question, chosen)
        case CodeLine():
            return _CodeLineInput(question, chosen)
        case Numeric():
            return TextInput(question.unit, typed)
        case TextAnswer():
            return TextInput(None, typed)
