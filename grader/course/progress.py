"""The student's progress: what was graded, answered, reviewed and read, and which hints, one JSON line for each.

The file only grows, each event by one write, so that several commands may run at once. A line that is torn or
that another version wrote is passed over and kept. It is no database, which would bring transactions that one student
does not need, and an import that `grade list` and the first question of a quiz would wait for.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from grader.course.workspace.progress_folder import progress_folder

FILE = "progress.jsonl"  # in the folder of the progress
SALT_FILE = "salt"  # beside it: what makes one student's quizzes differ from another's

State = Literal["passed", "public", "failed", "not started"]  # public: only the public tests were there, and passed


def now() -> datetime:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


class Graded(msgspec.Struct, frozen=True, tag_field="event", tag="graded", kw_only=True):
    """A submission was graded."""

    exercise: str
    score: float
    max_score: float
    passed: bool
    sha256: str | None
    tests: tuple[str, ...] | None = None  # the names of those that passed; None: of an earlier version, which kept none
    public: bool = False  # all public tests passed, and the hidden ones were not there: no pass yet
    time: datetime = msgspec.field(default_factory=now)


class HintShown(msgspec.Struct, frozen=True, tag_field="event", tag="hint_shown", kw_only=True):
    """A hint was read."""

    exercise: str
    number: int  # from 1
    time: datetime = msgspec.field(default_factory=now)


class QuizStarted(msgspec.Struct, frozen=True, tag_field="event", tag="quiz_started", kw_only=True):
    """An attempt at a quiz began."""

    quiz: str  # the lesson's slug
    attempt: int  # from 1
    questions: tuple[str, ...]  # ids, in the order in which they are asked
    seed: str | None = None  # in place of the student's salt
    exam: bool = False
    whole: bool = True  # all of the quiz's questions
    time: datetime = msgspec.field(default_factory=now)


class Answered(msgspec.Struct, frozen=True, tag_field="event", tag="answered", kw_only=True):
    """A question of a quiz was answered, or skipped."""

    quiz: str
    question: str  # its id
    attempt: int
    score: float  # from 0 to 1
    answer: str | None  # as it was typed; None: skipped
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
    attempt: int  # how often it had been asked, with this one
    score: float
    answer: str | None
    seconds: float
    due: datetime
    time: datetime = msgspec.field(default_factory=now)


class TakenBack(msgspec.Struct, frozen=True, tag_field="event", tag="taken_back", kw_only=True):
    """The last answer to a question, of a quiz or in a review, does not count: it is given or marked anew."""

    quiz: str  # as in `Answered` and `Reviewed`
    question: str
    time: datetime = msgspec.field(default_factory=now)


class PartBegun(msgspec.Struct, frozen=True, tag_field="event", tag="part_begun", kw_only=True):
    """A part of a lesson was opened."""

    lesson: str  # its slug, or "opening"
    part: int  # its number when it was read
    slug: str
    time: datetime = msgspec.field(default_factory=now)


class PartStopped(msgspec.Struct, frozen=True, tag_field="event", tag="part_stopped", kw_only=True):
    """The reader left a part before its end."""

    lesson: str
    part: int
    slug: str
    block: int  # to go on with, from 0
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
    right: bool | None  # None: it was not told
    due: datetime | None = None  # when it comes back for review; None: it does not
    time: datetime = msgspec.field(default_factory=now)


Reading = PartBegun | PartStopped | PartRead
Event = Graded | HintShown | QuizStarted | Answered | QuizFinished | Reviewed | TakenBack | Reading | Predicted
ReadState = Literal["read", "begun", "unread"]


class Progress:
    """All events so far."""

    def __init__(self, file: Path, events: list[Event]):
        self.events = events
        self.file = file
        self._warned = False

    @classmethod
    def load(cls, root: Path) -> "Progress":
        """The progress in the course at `root`; none where there is no file yet."""
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
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # torn, or of another version
                continue
        return progress

    def record(self, event: Event) -> None:
        """Adds an event, here and in the file. Where the file cannot be written, one warning says so."""
        self.events.append(event)
        try:
            self.append(msgspec.json.encode(event) + b"\n")
        except OSError as error:
            self._warn("recorded", error)

    def append(self, line: bytes) -> None:
        """Adds a line to the file, or several, by one write. OSError where that fails."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.file, "a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":  # a torn line: do not lengthen it
                    line = b"\n" + line
            file.write(line)

    def state(self, exercise: str) -> State:
        """Passed is what was ever passed, and public what ever passed the public tests where there were no others."""
        graded = self.tries(exercise)
        if any(event.passed for event in graded):
            return "passed"
        if any(event.public for event in graded):
            return "public"
        return "failed" if graded else "not started"

    def best(self, exercise: str) -> float | None:
        """The best score so far, as a share of the points that there were then: a newer course may have others."""
        return max((event.score / event.max_score for event in self.tries(exercise) if event.max_score), default=None)

    def tries(self, exercise: str) -> list[Graded]:
        """How the exercise was graded so far, the first try first."""
        return [e for e in self.events if isinstance(e, Graded) and e.exercise == exercise]

    def hints_shown(self, exercise: str) -> int:
        """How many of the exercise's hints were read."""
        read = (e.number for e in self.events if isinstance(e, HintShown) and e.exercise == exercise)
        return max(read, default=0)

    def part_state(self, lesson: str, slug: str) -> ReadState:
        """Read is what was ever read to the end."""
        events = self._parts(lesson, slug)
        if any(isinstance(event, PartRead) for event in events):
            return "read"
        return "begun" if events else "unread"

    def part_place(self, lesson: str, slug: str) -> int:
        """The block with which a part goes on: 0 unless it was left before its end when it was last open."""
        last = self._parts(lesson, slug)[-1:]
        return last[0].block if last and isinstance(last[0], PartStopped) else 0

    def _parts(self, lesson: str, slug: str) -> list[Reading]:
        parts = (e for e in self.events if isinstance(e, Reading))
        return [e for e in parts if (e.lesson, e.slug) == (lesson, slug)]

    def _warn(self, what: str, error: OSError) -> None:
        if not self._warned:
            print(f"warning: progress is not {what}: {self.file}: {error.strerror}.", file=sys.stderr)
        self._warned = True
