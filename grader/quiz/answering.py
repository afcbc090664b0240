"""A session answered by keys: what a key does. It knows neither a terminal nor how much of the screen is in sight.

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
            typed = self.entry.typed()
            if self.in_letters and typed in COMMANDS:
                self._command(typed)
            elif isinstance(self.entry, InOwnWords):
                self.entry = self.entry.beside_the_answer()
            else:
                self._answer(typed)
        elif not self.in_letters and key in COMMANDS:
            self._command(key)
        elif self.entry.press(key):
            self.message = ""
        else:
            return False
        return True

    def _press_after(self, key: str) -> bool:
        """A key while the marked answer is shown."""
        if key in ("enter", "space", "right"):
            self.session.next()
            self._turned()
        elif key in COMMANDS:
            self._command(key)
        else:
            return False
        return True

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
        if self.session.over:
            self.done = Done.FINISHED
        else:
            self.entry = self._entry()

    def _entry(self) -> Entry:
        if self.session.over:
            return Typed(None, "")
        given = self.session.given.get(self.session.place)
        return entry_for(self.session.current, (given.answer or "") if given else "")
