"""Applies keys to a quiz session, independent of the terminal and of scrolling.

A command is a letter followed by Enter in every type of question. The letter alone does nothing, so that one wrong key
neither skips nor answers a question.

Keys are `up`, `down`, `left`, `right`, `enter`, `space`, `backspace`, `clear`, or the character typed.
"""

from grader.quiz.answer_input import AnswerInput, OwnWordsInput, TextInput, input_for
from grader.quiz.model import COMMANDS
from grader.quiz.score import InvalidAnswer
from grader.quiz.session import EndReason, QuizSession


class KeyHandler:
    """Applies keys to a session and to the answer of its current question."""

    def __init__(self, session: QuizSession):
        self.session = session
        self.end_reason: EndReason | None = EndReason.FINISHED if session.is_over else None
        self.message = ""  # why the last input was rejected
        self.pending = ""  # the letter of a command that waits for Enter
        self.input = self._new_input()

    @property
    def takes_text(self) -> bool:
        """Whether letters are part of the answer; then a command must be the whole text."""
        return isinstance(self.input, TextInput)

    @property
    def typed(self) -> str:
        """What Enter would take as a command, if it is the letter of one."""
        is_text = self.takes_text and self.session.final_answer is None
        return self.input.answer() if is_text else self.pending

    def press(self, key: str) -> bool:
        """Handle a key. Return whether it had a meaning."""
        return self._press_unanswered(key) if self.session.final_answer is None else self._press_answered(key)

    def stop(self) -> None:
        """Stop the session. All answers are recorded already."""
        self.end_reason = EndReason.STOPPED

    def _press_unanswered(self, key: str) -> bool:
        """Handle a key before the question is answered."""
        if key == "enter":
            typed = self.typed
            if typed in self.commands:
                self._command(typed)
            elif typed in COMMANDS:
                self.message, self.pending = f"There is nothing to {COMMANDS[typed]} here.", ""
            elif isinstance(self.input, OwnWordsInput):
                self.input = self.input.self_assessment()
            else:
                self._answer(self.input.answer())
        elif not self._hold_command(key):
            if not self.input.press(key):
                return False
            self.message = ""
        return True

    def _press_answered(self, key: str) -> bool:
        """Handle a key while the marked answer is shown."""
        if key == "enter" and self.pending:
            if self.pending in self.commands:
                self._command(self.pending)
            self.pending = ""
        elif key in ("enter", "space", "right"):
            self.session.next()
            self._show_current()
        else:
            return self._hold_command(key)
        return True

    @property
    def commands(self) -> list[str]:
        """The letters of the commands that are available now."""
        session = self.session
        offered = ["s"] if session.final_answer is None else []
        offered += ["b"] if session.position else []
        offered += ["u"] if session.can_undo else []
        offered += ["a"] if session.can_appeal and session.final_answer is not None else []
        return [*offered, "q"]

    def _hold_command(self, key: str) -> bool:
        """Store the letter of a command until Enter; any other key discards it. Return whether the key was used."""
        letters = self.takes_text and self.session.final_answer is None
        before, self.pending = self.pending, key if key in COMMANDS and not letters else ""
        return bool(self.pending) or (bool(before) and key == "backspace")

    def _command(self, letter: str) -> None:
        if letter == "q":
            self.stop()
            return
        session = self.session
        {"s": session.skip, "u": session.undo, "a": session.appeal, "b": session.back}[letter]()
        self._show_current()

    def _answer(self, typed: str) -> None:
        try:
            self.session.answer(typed)
        except InvalidAnswer as problem:
            self.message = str(problem)
            return
        self.message = ""
        if self.session.is_exam:
            self.session.next()
            self._show_current()

    def _show_current(self) -> None:
        self.message = self.pending = ""
        if self.session.is_over:
            self.end_reason = EndReason.FINISHED
        else:
            self.input = self._new_input()

    def _new_input(self) -> AnswerInput:
        if self.session.is_over:
            return TextInput(None, "")
        given = self.session.answers.get(self.session.position)
        return input_for(self.session.current, (given.answer or "") if given else "")
