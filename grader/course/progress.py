"""The student's progress: a log of events, one JSON line each.

The file is append-only, and every event is one write, so several commands may run at the same time. Lines that are torn
or that another version wrote are ignored and kept. A database would take longer to import, and one student does not
need its transactions.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from grader.course.workspace.progress_folder import progress_folder

FILE = "progress.jsonl"  # in the progress folder
SALT_FILE = "salt"  # beside it: makes one student's quizzes differ from another's

State = Literal["passed", "public", "failed", "not started"]  # public: passed where only the public tests are available


def now() -> datetime:
    """Return the current time in UTC, rounded down to seconds."""
    return datetime.now(UTC).replace(microsecond=0)


class Graded(msgspec.Struct, frozen=True, tag_field="event", tag="graded", kw_only=True):
    """A submission was graded."""

    exercise: str
    score: float
    max_score: float
    passed: bool
    sha256: str | None
    tests: tuple[str, ...] | None = None  # the names of those that passed; None: written by an earlier version
    explained: tuple[str, ...] = ()  # the names of failing tests whose cause was named
    failing_test: str | None = None  # the id of the failing test that the screen explains
    failing_call: str | None = None  # what that test called: "merge", "Gate.forward"
    public: bool = False  # all public tests passed and the hidden ones were not available: no pass yet
    time: datetime = msgspec.field(default_factory=now)


class HintShown(msgspec.Struct, frozen=True, tag_field="event", tag="hint_shown", kw_only=True):
    """A hint was read."""

    exercise: str
    number: int  # from 1
    topic: str = ""  # what the first hints of the list are about
    time: datetime = msgspec.field(default_factory=now)


class QuizStarted(msgspec.Struct, frozen=True, tag_field="event", tag="quiz_started", kw_only=True):
    """An attempt at a quiz began."""

    quiz: str  # the lesson's slug
    attempt: int  # from 1
    questions: tuple[str, ...]  # ids in the order of asking
    seed: str | None = None  # instead of the student's salt
    exam: bool = False
    whole: bool = True  # False: some of the quiz's questions only
    time: datetime = msgspec.field(default_factory=now)


class Answered(msgspec.Struct, frozen=True, tag_field="event", tag="answered", kw_only=True):
    """A question of a quiz was answered, or skipped."""

    quiz: str
    question: str  # its id
    attempt: int
    score: float  # from 0 to 1
    answer: str | None  # as typed; None: skipped
    seconds: float
    due: datetime  # when it comes back for review
    time: datetime = msgspec.field(default_factory=now)


class QuizFinished(msgspec.Struct, frozen=True, tag_field="event", tag="quiz_finished", kw_only=True):
    """The last question of an attempt was answered."""

    quiz: str
    attempt: int
    score: float
    max_score: float
    whole: bool = True
    time: datetime = msgspec.field(default_factory=now)


class Reviewed(msgspec.Struct, frozen=True, tag_field="event", tag="reviewed", kw_only=True):
    """A question, or a term of the glossary, was asked again."""

    quiz: str  # the lesson's slug, or "glossary"
    question: str
    attempt: int  # how many times it was asked, including this one
    score: float
    answer: str | None
    seconds: float
    due: datetime
    time: datetime = msgspec.field(default_factory=now)


class AnswerUndone(msgspec.Struct, frozen=True, tag_field="event", tag="taken_back", kw_only=True):
    """The last answer to a question of a quiz or review was undone: it will be given or marked again."""

    quiz: str  # as in `Answered` and `Reviewed`
    question: str
    time: datetime = msgspec.field(default_factory=now)


class PartBegun(msgspec.Struct, frozen=True, tag_field="event", tag="part_begun", kw_only=True):
    """A part of a lesson was opened."""

    lesson: str  # its slug, or "opening"
    part: int  # its number at that time
    slug: str
    time: datetime = msgspec.field(default_factory=now)


class PartStopped(msgspec.Struct, frozen=True, tag_field="event", tag="part_stopped", kw_only=True):
    """The reader left a part before its end."""

    lesson: str
    part: int
    slug: str
    block: int  # the block to resume at, from 0
    time: datetime = msgspec.field(default_factory=now)


class PartRead(msgspec.Struct, frozen=True, tag_field="event", tag="part_read", kw_only=True):
    """A part was read to its end."""

    lesson: str
    part: int
    slug: str
    time: datetime = msgspec.field(default_factory=now)


class Predicted(msgspec.Struct, frozen=True, tag_field="event", tag="predicted", kw_only=True):
    """A question in a part was answered before the answer was shown."""

    lesson: str
    slug: str  # of the part
    question: str  # its id
    answer: str
    right: bool | None  # None: unknown
    due: datetime | None = None  # when it comes back for review; None: never
    time: datetime = msgspec.field(default_factory=now)


class Mended(msgspec.Struct, frozen=True, tag_field="event", tag="mended", kw_only=True):
    """An exercise passed in which a mistake had been named before."""

    exercise: str
    slip: str  # the id of the mistake's file, and of the question about it
    due: datetime  # when it comes back for review
    time: datetime = msgspec.field(default_factory=now)


class SlipsForgotten(msgspec.Struct, frozen=True, tag_field="event", tag="slips_forgotten", kw_only=True):
    """The kept files with mistakes were deleted."""

    time: datetime = msgspec.field(default_factory=now)


PartEvent = PartBegun | PartStopped | PartRead
QuizEvent = QuizStarted | Answered | QuizFinished | Reviewed | AnswerUndone | Predicted
Event = Graded | HintShown | QuizEvent | PartEvent | Mended | SlipsForgotten
ReadState = Literal["read", "begun", "unread"]


class Progress:
    """All events of a student, and the file that keeps them."""

    def __init__(self, file: Path, events: list[Event]):
        self.events = events
        self.file = file
        self._warned = False

    @classmethod
    def load(cls, root: Path) -> "Progress":
        """Return the progress in the course at `root`; no events if there is no file yet."""
        decoder = msgspec.json.Decoder(Event)
        events: list[Event] = []
        progress = cls(progress_folder(root) / FILE, events)
        try:
            data = progress.file.read_bytes()
        except FileNotFoundError:
            return progress
        except OSError as error:
            progress._warn("read", error)
            return progress
        for line in data.split(b"\n"):
            try:
                events.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # torn, or written by another version
                continue
        return progress

    def record(self, event: Event) -> None:
        """Add an event to the list and to the file. Print one warning if the file cannot be written."""
        self.events.append(event)
        try:
            self.append(msgspec.json.encode(event) + b"\n")
        except OSError as error:
            self._warn("recorded", error)

    def append(self, line: bytes) -> None:
        """Append one or more lines to the file by one write. Raise OSError if that fails."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.file, "a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":  # a torn line: start a new one
                    line = b"\n" + line
            file.write(line)

    def state(self, exercise: str) -> State:
        """Return the best state that the exercise ever had."""
        graded = self.attempts(exercise)
        if any(event.passed for event in graded):
            return "passed"
        if any(event.public for event in graded):
            return "public"
        return "failed" if graded else "not started"

    def best(self, exercise: str) -> float | None:
        """Return the best score as a share of the points at that time, or None if it was never graded."""
        return max(
            (event.score / event.max_score for event in self.attempts(exercise) if event.max_score), default=None
        )

    def attempts(self, exercise: str) -> list[Graded]:
        """Return the gradings of an exercise, oldest first."""
        return [e for e in self.events if isinstance(e, Graded) and e.exercise == exercise]

    def hints_shown(self, exercise: str, topic: str = "") -> int:
        """Return how many hints of an exercise were shown, of the list that begins with those about a topic."""
        shown = (e for e in self.events if isinstance(e, HintShown))
        return max((e.number for e in shown if (e.exercise, e.topic) == (exercise, topic)), default=0)

    def part_state(self, lesson: str, slug: str) -> ReadState:
        """Return whether a part was ever read to its end, at least begun, or neither."""
        events = self._parts(lesson, slug)
        if any(isinstance(event, PartRead) for event in events):
            return "read"
        return "begun" if events else "unread"

    def part_place(self, lesson: str, slug: str) -> int:
        """Return the block to resume a part at: 0 unless the reader stopped in the middle last time."""
        last = self._parts(lesson, slug)[-1:]
        return last[0].block if last and isinstance(last[0], PartStopped) else 0

    def _parts(self, lesson: str, slug: str) -> list[PartEvent]:
        parts = (e for e in self.events if isinstance(e, PartEvent))
        return [e for e in parts if (e.lesson, e.slug) == (lesson, slug)]

    def _warn(self, what: str, error: OSError) -> None:
        if not self._warned:
            print(f"warning: progress is not {what}: {self.file}: {error.strerror}.", file=sys.stderr)
        self._warned = True
