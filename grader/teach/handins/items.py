"""Which exercise or quiz a file is for, by its name."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from grader.teach.handins.archive import is_archive

Kind = Literal["exercise", "quiz"]

_CODE = (".py", ".ipynb")
_FORM = (".yaml", ".yml")
_NUMBER = r"(?:-(?P<dash>\d{1,3})|_(?P<underscore>\d{1,3})| ?\((?P<bracket>\d{1,3})\))"
_NUMBERED = re.compile(rf"(?P<stem>.+?){_NUMBER}", re.ASCII)
_QUIZ = re.compile(r"(?:(?P<left>.+?)[-_. ]+)?quiz-(?P<rest>.+)", re.IGNORECASE)
_SEPARATOR = "[-_. ]+"


@dataclass(frozen=True)
class Item:
    """What a file is for. `number` counts how often it was handed in again: Canvas' `-1`, a browser's ` (1)`."""

    kind: Kind
    id: str  # of the exercise, or the quiz's slug; empty: a form of a quiz that its name does not tell
    number: int = 0


@dataclass(frozen=True)
class Known:
    """The names that files may have."""

    exercises: tuple[str, ...]
    quizzes: tuple[str, ...] = ()  # slugs
    only: tuple[str, ...] = ()  # what is asked for; empty: all
    prefix: str | None = None  # what the names of repositories begin with, before the student's
    logins: frozenset[str] = frozenset()  # of the class, in lower case

    @property
    def single(self) -> str | None:
        """The one exercise that is asked for."""
        return self.only[0] if len(self.only) == 1 and self.only[0] in self.exercises else None

    def asked(self, id_: str) -> bool:
        """Whether an exercise or a quiz is to be graded."""
        return not self.only or id_ in self.only

    def item(self, name: str) -> Item | None:
        """What a file of this name is for, when it is known whose it is."""
        stem, suffix = _split(name)
        if suffix in _CODE:
            for part, number in _readings(stem):
                if part.lower() in self.exercises:
                    return Item("exercise", part.lower(), number)
        elif suffix in _FORM and (match := _QUIZ.fullmatch(stem)) and not match["left"]:
            return self._quiz(match["rest"])
        return None

    def whose(self, name: str) -> list[tuple[str, Item]]:
        """The student and the item that a file's name holds: `ada_rope.py`, `rope-ada.py`. Several: it is ambiguous."""
        stem, suffix = _split(name)
        if suffix in _FORM and (match := _QUIZ.fullmatch(stem)):
            if match["left"]:
                return [(match["left"], self._quiz(match["rest"]))]
            named = self._slug_first.fullmatch(match["rest"])
            return [(named["student"], Item("quiz", named["item"].lower()))] if named else []
        if suffix not in _CODE:
            return []
        found = {}
        if match := self._exercise_last.fullmatch(stem):
            found[match["item"].lower()] = (match["student"], Item("exercise", match["item"].lower(), _number(match)))
        if match := self._exercise_first.fullmatch(stem):
            found.setdefault(match["item"].lower(), (match["student"], Item("exercise", match["item"].lower())))
        return list(found.values())

    def wanted(self, name: str) -> bool:
        """Whether a file of this name is worth a look, when it is known whose it is."""
        return self.item(name) is not None or is_archive(name) or (self.single is not None and is_code(name))

    def _quiz(self, rest: str) -> Item:
        for part, number in _readings(rest):
            if part.lower() in self.quizzes:
                return Item("quiz", part.lower(), number)
        return Item("quiz", "")

    @cached_property
    def _exercise_last(self) -> re.Pattern[str]:
        pattern = rf"(?P<student>.+?){_SEPARATOR}(?P<item>{_either(self.exercises)})(?:{_NUMBER})?"
        return re.compile(pattern, re.IGNORECASE | re.ASCII)

    @cached_property
    def _exercise_first(self) -> re.Pattern[str]:
        return _first(self.exercises)

    @cached_property
    def _slug_first(self) -> re.Pattern[str]:
        return _first(self.quizzes)


def is_code(name: str) -> bool:
    return name.lower().endswith(_CODE)


def without_number(stem: str) -> tuple[str, int, bool]:
    """A name without the number that says how often it came, that number, and whether it stands in brackets."""
    match = _NUMBERED.fullmatch(stem)
    return (match["stem"], _number(match), match["bracket"] is not None) if match else (stem, 0, False)


def _split(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem.strip(), dot + suffix.lower()) if stem else (name, "")


def _readings(stem: str) -> list[tuple[str, int]]:
    """A name as it is, and without its number: an exercise's own name may end in one."""
    part, number, _ = without_number(stem)
    return [(stem, 0), (part, number)]


def _number(match: re.Match[str]) -> int:
    return int(match["dash"] or match["underscore"] or match["bracket"] or 0)


def _either(names: tuple[str, ...]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or "(?!)"


def _first(names: tuple[str, ...]) -> re.Pattern[str]:
    pattern = rf"(?P<item>{_either(names)}){_SEPARATOR}(?P<student>.+)"
    return re.compile(pattern, re.IGNORECASE | re.ASCII)
