"""File names: which exercise or quiz a file is for, and whose it is."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from grader.teach.handins.archive import is_archive

_CODE = (".py", ".ipynb")
_FORM = (".yaml", ".yml")
_NUMBER = r"(?:-(?P<dash>\d{1,3})|_(?P<underscore>\d{1,3})| ?\((?P<bracket>\d{1,3})\))"
_NUMBERED = re.compile(rf"(?P<stem>.+?){_NUMBER}", re.ASCII)
_QUIZ = re.compile(r"(?:(?P<left>.+?)[-_. ]+)?quiz-(?P<rest>.+)", re.IGNORECASE)
_SEPARATOR = "[-_. ]+"


@dataclass(frozen=True)
class ItemRef:
    """The exercise or quiz that a file is for."""

    kind: Literal["exercise", "quiz"]
    id: str  # of the exercise, or the quiz's slug; empty for a quiz form whose name does not tell the quiz
    number: int = 0  # resubmission number: Canvas' `-1`, a browser's ` (1)`


@dataclass(frozen=True)
class NameParser:
    """Parses file names, given the names of a course and a class."""

    exercises: tuple[str, ...]
    quizzes: tuple[str, ...] = ()  # slugs
    only: tuple[str, ...] = ()  # the requested items; empty: all
    prefix: str | None = None  # what the names of repositories begin with, before the student's login
    logins: frozenset[str] = frozenset()  # of the class, in lower case

    @property
    def only_exercise(self) -> str | None:
        """The requested exercise if there is exactly one, else None."""
        return self.only[0] if len(self.only) == 1 and self.only[0] in self.exercises else None

    def is_requested(self, id_: str) -> bool:
        """Return whether an exercise or a quiz is to be graded."""
        return not self.only or id_ in self.only

    def is_candidate(self, name: str) -> bool:
        """Return whether a student's file of this name may contain something to grade."""
        return self.item(name) is not None or is_archive(name) or (self.only_exercise is not None and is_code(name))

    def item(self, name: str) -> ItemRef | None:
        """Return what a file is for if its name contains no student: `rope.py`, `quiz-moe (1).yaml`."""
        stem, suffix = _split(name)
        if suffix in _CODE:
            for part, number in _readings(stem):
                if part.lower() in self.exercises:
                    return ItemRef("exercise", part.lower(), number)
        elif suffix in _FORM and (match := _QUIZ.fullmatch(stem)) and not match["left"]:
            return self._quiz(match["rest"])
        return None

    def student_and_item(self, name: str) -> list[tuple[str, ItemRef]]:
        """Return the student and the item in a file name: `ada_rope.py`, `rope-ada.py`.

        An ambiguous name has several readings, an unknown one none.
        """
        stem, suffix = _split(name)
        if suffix in _FORM:
            return self._student_and_quiz(stem)
        if suffix not in _CODE:
            return []
        found = {}
        if match := self._exercise_last.fullmatch(stem):
            item = match["item"].lower()
            found[item] = (match["student"], ItemRef("exercise", item, _number(match)))
        if match := self._exercise_first.fullmatch(stem):
            item = match["item"].lower()
            found.setdefault(item, (match["student"], ItemRef("exercise", item)))
        return list(found.values())

    def _student_and_quiz(self, stem: str) -> list[tuple[str, ItemRef]]:
        match = _QUIZ.fullmatch(stem)
        if match is None:
            return []
        if match["left"]:
            return [(match["left"], self._quiz(match["rest"]))]
        named = self._quiz_first.fullmatch(match["rest"])
        return [(named["student"], ItemRef("quiz", named["item"].lower()))] if named else []

    def _quiz(self, rest: str) -> ItemRef:
        for part, number in _readings(rest):
            if part.lower() in self.quizzes:
                return ItemRef("quiz", part.lower(), number)
        return ItemRef("quiz", "")

    @cached_property
    def _exercise_last(self) -> re.Pattern[str]:
        pattern = rf"(?P<student>.+?){_SEPARATOR}(?P<item>{_any_of(self.exercises)})(?:{_NUMBER})?"
        return re.compile(pattern, re.IGNORECASE | re.ASCII)

    @cached_property
    def _exercise_first(self) -> re.Pattern[str]:
        return _item_first(self.exercises)

    @cached_property
    def _quiz_first(self) -> re.Pattern[str]:
        return _item_first(self.quizzes)


def is_code(name: str) -> bool:
    """Return whether a file is Python code or a notebook, by its suffix."""
    return name.lower().endswith(_CODE)


def split_number(stem: str) -> tuple[str, int, bool]:
    """Split the resubmission number off a stem.

    Return the stem without it, the number (0 if there is none), and whether it is in brackets.
    """
    match = _NUMBERED.fullmatch(stem)
    return (match["stem"], _number(match), match["bracket"] is not None) if match else (stem, 0, False)


def _split(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem.strip(), dot + suffix.lower()) if stem else (name, "")


def _readings(stem: str) -> list[tuple[str, int]]:
    """Return the stem as it is, and without its number: an exercise's own name may end in one."""
    part, number, _ = split_number(stem)
    return [(stem, 0), (part, number)]


def _number(match: re.Match[str]) -> int:
    return int(match["dash"] or match["underscore"] or match["bracket"] or 0)


def _any_of(names: tuple[str, ...]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or "(?!)"


def _item_first(names: tuple[str, ...]) -> re.Pattern[str]:
    pattern = rf"(?P<item>{_any_of(names)}){_SEPARATOR}(?P<student>.+)"
    return re.compile(pattern, re.IGNORECASE | re.ASCII)
