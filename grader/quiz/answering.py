"""A session answered by keys: what a key does. It knows neither a terminal nor how much of the screen is in sight.

A command is a letter and Enter, whatever the question is: a letter alone does nothing yet, so that nobody skips or
answers by a key too many.

Keys are named `up`, `down`, `left`, `right`, `enter`, `space`, `backspace`, `clear`, or are the character typed.
"""

from grader.quiz.entry import Entry, InOwnWords, Typed, entry_for
from grader.quiz.model import COMMANDS
from grader.quiz.score import NotAnAnswer
from grader.quiz.session import Done, Session


class Answering:
    """A session, the entry of its current question, and how it came to an end."""

    def __init__(self, session: Session):
        self.session = session
        self.done: Done | None = Done.FINISHED if session.over else None
        self.message = ""  # why what was typed is no answer
        self.waiting = ""  # the letter of a command, before Enter
        self.entry = self._entry()

    @property
    def in_letters(self) -> bool:
        """Whether letters belong to the answer, so that a command is typed alone and followed by Enter."""
        return isinstance(self.entry, Typed)

    def press(self, key: str) -> bool:
        """Does what a key means; whether it means anything."""
        return self._press_before(key) if self.session.answered is None else self._press_after(key)

    def stop(self) -> None:
        """Leaves; all answers are recorded already."""
        self.done = Done.STOPPED

    def _press_before(self, key: str) -> bool:
        """A key while an answer is made."""
        if key == "enter":
            typed = self.entry.typed() if self.in_letters else self.waiting
            if typed in self.commands:
                self._command(typed)
            elif typed in COMMANDS:
                self.message, self.waiting = f"There is nothing to {COMMANDS[typed]} here.", ""
            elif isinstance(self.entry, InOwnWords):
                self.entry = self.entry.beside_the_answer()
            else:
                self._answer(self.entry.typed())
        elif not self._wait(key):
            if not self.entry.press(key):
                return False
            self.message = ""
        return True

    def _press_after(self, key: str) -> bool:
        """A key while the marked answer is shown."""
        if key == "enter" and self.waiting:
            if self.waiting in self.commands:
                self._command(self.waiting)
            self.waiting = ""
        elif key in ("enter", "space", "right"):
            self.session.next()
            self._turned()
        else:
            return self._wait(key)
        return True

    @property
    def commands(self) -> list[str]:
        """The letters that mean something now."""
        session = self.session
        offered = ["s"] if session.answered is None else []
        offered += ["b"] if session.place else []
        offered += ["u"] if session.can_undo else []
        offered += ["a"] if session.can_appeal and session.answered is not None else []
        return [*offered, "q"]

    def _wait(self, key: str) -> bool:
        """Takes the letter of a command, for which Enter is still to come; another key forgets it."""
        letters = self.in_letters and self.session.answered is None
        before, self.waiting = self.waiting, key if key in COMMANDS and not letters else ""
        return bool(self.waiting) or (bool(before) and key == "backspace")

    def _command(self, letter: str) -> None:
        if letter == "q":
            self.stop()
            return
        if letter == "s":
            self.session.skip()
        elif letter == "u":
            self.session.undo()
        elif letter == "a":
            self.session.appeal()
        else:
            self.session.back()
        self._turned()

    def _answer(self, typed: str) -> None:
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
        self.message = self.waiting = ""
        if self.session.over:
            self.done = Done.FINISHED
        else:
            self.entry = self._entry()

    def _entry(self) -> Entry:
        if self.session.over:
            return Typed(None, "")
        given = self.session.given.get(self.session.place)
        return entry_for(self.session.current, (given.answer or "") if given else "")
