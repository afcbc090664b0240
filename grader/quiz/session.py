"""Questions being asked one after the other: where it stands, and what was answered so far."""

import time
from collections.abc import Callable, Sequence
from enum import Enum

import msgspec

from grader.quiz.draw import Asked
from grader.quiz.score import Mark, mark


class Done(Enum):
    """How the asking came to an end."""

    FINISHED = "finished"  # the last question is passed
    STOPPED = "stopped"  # by the student
    ENDED = "ended"  # there is no more input


class Given(msgspec.Struct, frozen=True):
    """An answer, or that there was none."""

    answer: str | None  # as it was typed; None: skipped
    mark: Mark
    seconds: float


class Session:
    """Questions, a place among them, and the answers; each is recorded when it is given."""

    def __init__(
        self,
        name: str,
        asked: Sequence[Asked],
        record: Callable[[int, Given], None],
        given: dict[int, Given] | None = None,
        exam: bool = False,
    ):
        self.name = name
        self.asked = asked
        self.given = dict(given or {})
        self.exam = exam  # answers are marked, and the marks not shown
        self.place = next((i for i in range(len(asked)) if i not in self.given), len(asked))
        self._record = record
        self._shown_at = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the last question is passed."""
        return self.place >= len(self.asked)

    @property
    def current(self) -> Asked:
        return self.asked[self.place]

    @property
    def answered(self) -> Given | None:
        """The answer to the current question, where it was given and can no longer be changed."""
        given = self.given.get(self.place)
        return given if given and given.answer is not None and not self.exam else None

    def answer(self, typed: str) -> Given:
        """Marks and records an answer to the current question. NotAnAnswer where it is none."""
        return self._give(typed, mark(self.current, typed))

    def skip(self) -> None:
        """Goes on; what was not answered counts as missed, until one goes back and answers it."""
        if self.place not in self.given:
            self._give(None, Mark(0.0))
        self.next()

    def next(self) -> None:
        """Goes on to the next question."""
        self._go(self.place + 1)

    def back(self) -> None:
        """Goes back by one question."""
        self._go(max(self.place - 1, 0))

    @property
    def score(self) -> float:
        """Each question is worth 1."""
        return sum(given.mark.score for given in self.given.values())

    def _go(self, place: int) -> None:
        self.place = place
        self._shown_at = time.monotonic()

    def _give(self, answer: str | None, marked: Mark) -> Given:
        given = Given(answer, marked, round(time.monotonic() - self._shown_at, 1))
        self._record(self.place, given)
        self.given[self.place] = given
        return given
