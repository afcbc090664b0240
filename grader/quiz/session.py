"""Questions being asked one after the other: where it stands, and what was answered so far."""

import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Literal

import msgspec

from grader.quiz.draw import Asked
from grader.quiz.model import TextAnswer
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


Kind = Literal["quiz", "exam", "review"]  # in an exam answers are marked, and the marks not shown
APPEALED = "You say that it was right, and so it counts."


class Session:
    """Questions, a place among them, and the answers; each is recorded when it is given.

    `take_back` is told of answers that no longer count. `again` is asked for a question to be put once more at the end
    of those that are left, after an answer to the one at this place that was not right.
    """

    def __init__(
        self,
        name: str,
        asked: Sequence[Asked],
        record: Callable[[int, Given], None],
        given: dict[int, Given] | None = None,
        kind: Kind = "quiz",
        take_back: Callable[[int], None] = lambda place: None,
        again: Callable[[int], Asked | None] = lambda place: None,
    ):
        self.name = name
        self.asked = list(asked)
        self.given = dict(given or {})
        self.kind = kind
        self.place = next((i for i in range(len(asked)) if i not in self.given), len(asked))
        self._record = record
        self._take_back = take_back
        self._again = again
        self._order: list[int] = []  # of the places that were answered or skipped here
        self._repeats: dict[int, int] = {}  # place of the question that is asked once more: that of the first time
        self._shown_at = time.monotonic()

    @property
    def exam(self) -> bool:
        return self.kind == "exam"

    @property
    def what(self) -> str:
        """What it is, where its name does not say so already."""
        return "" if self.name == self.kind else self.kind

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

    @property
    def can_undo(self) -> bool:
        """Whether something was given here that can be taken back."""
        return bool(self._order)

    @property
    def can_appeal(self) -> bool:
        """Whether what was given last are words that were not taken as right: who knows better says so."""
        if not self._order or self.exam:
            return False
        given = self.given[self._order[-1]]
        words = isinstance(self.asked[self._order[-1]].question, TextAnswer)
        return words and given.answer is not None and given.mark.score < 1

    def answer(self, typed: str) -> Given:
        """Marks and records an answer to the current question. NotAnAnswer where it is none."""
        return self._give(typed, mark(self.current, typed))

    def miss(self, typed: str) -> Given:
        """Records what cannot be an answer to the current question as a wrong one."""
        return self._give(typed, Mark(0.0))

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

    def undo(self) -> None:
        """Takes back what was given last, and asks it again."""
        if self.can_undo:
            self._go(self._forget())

    def appeal(self) -> None:
        """Lets the words that were given last count as right."""
        if self.can_appeal:
            place = self._order[-1]
            given = self.given[place]
            self._forget()
            self._keep(place, Given(given.answer, Mark(1.0, (APPEALED,)), given.seconds))

    @property
    def first_times(self) -> dict[int, Given]:
        """What was given to each question when it was asked first here, by its place."""
        return {place: given for place, given in self.given.items() if place not in self._repeats}

    @property
    def score(self) -> float:
        """Each question is worth 1, the first time that it is asked."""
        return sum(given.mark.score for given in self.first_times.values())

    def _go(self, place: int) -> None:
        self.place = place
        self._shown_at = time.monotonic()

    def _give(self, answer: str | None, marked: Mark) -> Given:
        given = Given(answer, marked, round(time.monotonic() - self._shown_at, 1))
        self._keep(self.place, given)
        first = self._repeats.get(self.place, self.place)
        if marked.score < 1 and (again := self._again(first)) is not None:
            self._repeats[len(self.asked)] = first
            self.asked.append(again)
        return given

    def _keep(self, place: int, given: Given) -> None:
        if place in self.given:  # what was skipped, or answered in an exam, is answered anew
            self._take_back(place)
            self._order = [each for each in self._order if each != place]
        self._record(place, given)
        self.given[place] = given
        self._order.append(place)

    def _forget(self) -> int:
        """Takes back the last answer, and that it is asked once more; returns its place."""
        place = self._order.pop()
        del self.given[place]
        self._take_back(place)
        first = self._repeats.get(place, place)
        last = len(self.asked) - 1
        if self._repeats.get(last) == first and last not in self.given and last > place:
            del self._repeats[last]
            self.asked.pop()
        return place
