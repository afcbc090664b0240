"""A session that asks questions one after the other and keeps the answers."""

import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Literal

import msgspec

from grader.quiz.draw import DrawnQuestion
from grader.quiz.model import TextAnswer
from grader.quiz.score import Mark, mark


class EndReason(Enum):
    """Why a session ended."""

    FINISHED = "finished"  # past the last question
    STOPPED = "stopped"  # by the student
    INPUT_ENDED = "input ended"


class GivenAnswer(msgspec.Struct, frozen=True):
    """An answer with its mark, or a skipped question."""

    answer: str | None  # as typed; None if skipped
    mark: Mark
    seconds: float


SessionKind = Literal["quiz", "exam", "review"]  # in an exam, marks are not shown
APPEAL_NOTE = "You claim that it was right, so it counts."


class QuizSession:
    """Questions, the current position, and the answers so far.

    `record` and `take_back` are called with the position of each answer given or taken back. After a wrong answer,
    `repeat` may return the question drawn again, which is then asked at the end.
    """

    def __init__(
        self,
        name: str,
        questions: Sequence[DrawnQuestion],
        record: Callable[[int, GivenAnswer], None],
        given: dict[int, GivenAnswer] | None = None,
        kind: SessionKind = "quiz",
        take_back: Callable[[int], None] = lambda position: None,
        repeat: Callable[[int], DrawnQuestion | None] = lambda position: None,
    ):
        self.name = name
        self.questions = list(questions)
        self.answers = dict(given or {})
        self.kind = kind
        self.position = next((i for i in range(len(questions)) if i not in self.answers), len(questions))
        self._record = record
        self._take_back = take_back
        self._repeat = repeat
        self._order: list[int] = []  # positions answered or skipped in this session
        self._repeats: dict[int, int] = {}  # position of a repeated question -> its first position
        self._shown_at = time.monotonic()

    @property
    def is_exam(self) -> bool:
        """Whether marks are hidden until the end."""
        return self.kind == "exam"

    @property
    def kind_label(self) -> str:
        """The kind of session, empty if its name says so already."""
        return "" if self.name == self.kind else self.kind

    @property
    def is_over(self) -> bool:
        """Whether the session is past the last question."""
        return self.position >= len(self.questions)

    @property
    def current(self) -> DrawnQuestion:
        """The current question."""
        return self.questions[self.position]

    @property
    def final_answer(self) -> GivenAnswer | None:
        """The answer to the current question if it can no longer be changed, else None."""
        given = self.answers.get(self.position)
        return given if given and given.answer is not None and not self.is_exam else None

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer of this session to take back."""
        return bool(self._order)

    @property
    def can_appeal(self) -> bool:
        """Whether the last answer is text that was marked wrong, which the student may know to be right."""
        if not self._order or self.is_exam:
            return False
        given = self.answers[self._order[-1]]
        words = isinstance(self.questions[self._order[-1]].question, TextAnswer)
        return words and given.answer is not None and given.mark.score < 1

    def answer(self, typed: str) -> GivenAnswer:
        """Mark and record an answer to the current question. Raise InvalidAnswer if it cannot be one."""
        return self._give(typed, mark(self.current, typed))

    def give_invalid(self, typed: str) -> GivenAnswer:
        """Record an invalid answer to the current question as wrong."""
        return self._give(typed, Mark(0.0))

    def skip(self) -> None:
        """Go to the next question. A skipped question counts as missed until it is answered."""
        if self.position not in self.answers:
            self._give(None, Mark(0.0))
        self.next()

    def next(self) -> None:
        """Go to the next question."""
        self._go(self.position + 1)

    def back(self) -> None:
        """Go back by one question."""
        self._go(max(self.position - 1, 0))

    def undo(self) -> None:
        """Take back the last answer and ask its question again."""
        if self.can_undo:
            self._go(self._forget())

    def appeal(self) -> None:
        """Count the last answer as right."""
        if self.can_appeal:
            position = self._order[-1]
            given = self.answers[position]
            self._forget()
            self._keep(position, GivenAnswer(given.answer, Mark(1.0, (APPEAL_NOTE,)), given.seconds))

    @property
    def first_answers(self) -> dict[int, GivenAnswer]:
        """The first answer to each question in this session, by position."""
        return {position: given for position, given in self.answers.items() if position not in self._repeats}

    @property
    def score(self) -> float:
        """The sum of the scores of the first answers, each at most 1."""
        return sum(given.mark.score for given in self.first_answers.values())

    def _go(self, position: int) -> None:
        self.position = position
        self._shown_at = time.monotonic()

    def _give(self, answer: str | None, marked: Mark) -> GivenAnswer:
        given = GivenAnswer(answer, marked, round(time.monotonic() - self._shown_at, 1))
        self._keep(self.position, given)
        first = self._repeats.get(self.position, self.position)
        if marked.score < 1 and (repeat := self._repeat(first)) is not None:
            self._repeats[len(self.questions)] = first
            self.questions.append(repeat)
        return given

    def _keep(self, position: int, given: GivenAnswer) -> None:
        if position in self.answers:  # it was skipped, or this is an exam
            self._take_back(position)
            self._order = [each for each in self._order if each != position]
        self._record(position, given)
        self.answers[position] = given
        self._order.append(position)

    def _forget(self) -> int:
        """Take back the last answer, and the repetition that it caused. Return its position."""
        position = self._order.pop()
        del self.answers[position]
        self._take_back(position)
        first = self._repeats.get(position, position)
        last = len(self.questions) - 1
        if self._repeats.get(last) == first and last not in self.answers and last > position:
            del self._repeats[last]
            self.questions.pop()
        return position
