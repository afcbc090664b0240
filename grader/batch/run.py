"""One run over what a class handed in: everything is graded once, and written down when it is."""

import hashlib
import itertools
import queue
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeAlias

import msgspec

from grader.batch.keys import Key, Keys
from grader.batch.pool import Pool
from grader.batch.quizzes import Quizzes
from grader.course import Course
from grader.errors import Lost, UsageError
from grader.gradebook.model import Handed, Item, Measured
from grader.gradebook.store import Gradebook
from grader.judge.messages import Job
from grader.result import Outcome, Result
from grader.submission import Submission, examine, submission_of
from grader.submission.handin import Handin, Student
from grader.submission.imports import Imports, gather
from grader.submission.notebook import Cells, located
from grader.submission.unrun import unreadable, without_running

TRIES = 2  # of a job, when the grader is at fault
_TICK = 0.5  # seconds between two looks at the clock
_A_WHILE = 10  # looks without a result

Owner: TypeAlias = tuple[Student, Handed]  # somebody whose grade it will be, and the file it is for


class Fault(msgspec.Struct, frozen=True):
    """What could not be graded because of the grader, and why."""

    student: Student
    item: str
    message: str


@dataclass
class Tally:
    """How far a run is: counts of grades, one for each student and item."""

    total: int
    graded: int = 0  # measured in this run
    reused: int = 0  # taken over, since nothing had changed, or because another has handed in the same
    done_before: int = 0  # by this run, before it was interrupted
    faults: list[Fault] = field(default_factory=list)
    waiting: str | None = None  # for what nothing has been done for a while

    @property
    def done(self) -> int:
        return self.graded + self.reused + self.done_before + len(self.faults)


@dataclass
class _Work:
    """A job, and those whose grade it will be: several may have handed in the same."""

    key: Key
    item: str
    job: Job
    cells: Cells | None  # of a notebook
    owners: list[Owner]
    tries: int = 0


class Batch:
    """Grades handins through a pool, and records each result as it comes."""

    def __init__(
        self,
        book: Gradebook,
        run: int,
        items: Iterable[Item],
        course: Course,
        quizzes: Quizzes,
        keys: Keys,
        pool: Pool,
        *,
        regrade: bool,
    ):
        self._book = book
        self._run = run
        self._worth = {item.id: item.max_score for item in items}
        self._course = course
        self._keys = keys
        self._pool = pool
        self._regrade = regrade
        self._quizzes = quizzes
        self._open: dict[str, _Work] = {}  # by key
        self._ready: queue.SimpleQueue[tuple[_Work, Future[Result]]] = queue.SimpleQueue()
        self._measured: set[str] = set()  # keys, in this run
        self._handins: dict[tuple[str, str], Handin] = {}
        self.tally = Tally(0)

    def grade(self, handins: list[Handin], known: list[Handin], show: Callable[[Tally], None]) -> Tally:
        """Grades `handins`, which may import others that are `known`; `show` is called as it goes on.

        UsageError if tests cannot be used, or the gradebook cannot be written. What was recorded stays in any case.
        """
        self._handins = {(student.id, each.item): each for each in known for student in each.students}
        self.tally = Tally(sum(len(each.students) for each in handins))
        for handin in handins:
            while len(self._open) >= self._pool.slots:
                self._take(show)
            self._begin(handin)
            show(self.tally)
        while self._open:
            self._take(show)
        return self.tally

    # ------------------------------------------------------------ one handin

    def _begin(self, handin: Handin) -> None:
        data, problem = b"", None
        submission: Submission | None = None
        try:
            data = handin.read()
            if handin.kind == "exercise":
                submission = submission_of(data, _plain_name(handin), handin.item)
        except UsageError as error:
            problem = str(error)
        handed = Handed(file=handin.file, sha256=_sha256(data), time=handin.time, late=handin.late)
        owners = self._still_open(handin, handed)
        if not owners:
            return
        if problem is not None:
            key = self._keys.unreadable(handin.item, problem)
            if not self._known(key, handin.item, owners):
                result = unreadable(problem, _plain_name(handin), handin.item, self._worth[handin.item])
                self._record(owners, handin.item, key, result)
        elif submission is None:
            self._score(handin, data, owners)
        else:
            self._grade(handin, submission, owners)

    def _score(self, handin: Handin, data: bytes, owners: list[Owner]) -> None:
        key = self._keys.quiz(handin.item, _sha256(data))
        if not self._known(key, handin.item, owners):
            self._record(owners, handin.item, key, self._quizzes.score(handin.item, data, handin.file))

    def _grade(self, handin: Handin, submission: Submission, owners: list[Owner]) -> None:
        exercise = self._course.exercise(handin.item)
        self._book.keep_work(submission.sha256, submission.text)
        try:
            examined = examine(submission.text, exercise.id)
            imports = self._imports(handin, submission)
        except Lost as error:
            for student, handed in owners:
                self._fail(student, exercise.id, handed, str(error))
            return
        key = self._keys.exercise(exercise.id, submission.sha256, imports)
        if self._known(key, exercise.id, owners):
            return
        if examined.finding is not None:
            result = without_running(examined.finding, submission, exercise)
            self._record(owners, exercise.id, key, located(result, submission.cells) if submission.cells else result)
            return
        job = Job(
            id=0,
            exercise=exercise.id,
            file=submission.file,
            source=submission.text,
            sha256=submission.sha256,
            seed=0,
            others=imports.texts,
            absent=imports.absent,
            imports=imports.of,
            code=examined.code,
        )
        self._submit(_Work(key, exercise.id, job, submission.cells, owners))

    def _still_open(self, handin: Handin, handed: Handed) -> list[Owner]:
        """Those who have no grade for this in this run: an interrupted run goes on where it was."""
        todo = [s for s in handin.students if not self._book.done(self._run, s.id, handin.item, handed.sha256)]
        self.tally.done_before += len(handin.students) - len(todo)
        return [(student, handed) for student in todo]

    def _imports(self, handin: Handin, submission: Submission) -> Imports:
        """What a submission imports of the student's other exercises that were handed in."""

        def read(name: str) -> str:
            other = self._handins.get((handin.students[0].id, name))
            if other is None:
                raise UsageError("that exercise was not handed in.")
            return submission_of(other.read(), _plain_name(other), name).text

        return gather(handin.item, submission.text, [each.id for each in self._course.exercises], read)

    def _known(self, key: Key, item: str, owners: list[Owner]) -> bool:
        """Takes over what is known of the same work, or lets it wait for the same work."""
        if key.hash in self._open:
            self._open[key.hash].owners += owners
            return True
        if self._regrade and key.hash not in self._measured:
            return False
        result = self._book.find(key.hash)
        if result is None:
            return False
        for student, handed in owners:
            self._book.reuse(self._run, student, item, handed, result)
        self.tally.reused += len(owners)
        return True

    def _record(self, owners: list[Owner], item: str, key: Key, measured: Measured) -> None:
        outcome = measured.outcome if isinstance(measured, Result) else Outcome.GRADED
        (student, handed), *others = owners
        result = self._book.record(self._run, student, item, handed, key.hash, key.parts, measured, outcome)
        for student, handed in others:
            self._book.reuse(self._run, student, item, handed, result)
        self._measured.add(key.hash)
        self.tally.graded += 1
        self.tally.reused += len(others)

    # ------------------------------------------------------------ the pool

    def _submit(self, work: _Work) -> None:
        work.tries += 1
        self._open[work.key.hash] = work
        future = self._pool.executor.submit(self._pool.grade, work.job)
        future.add_done_callback(lambda done: self._ready.put((work, done)))

    def _take(self, show: Callable[[Tally], None]) -> None:
        """Waits for the next result, and records it."""
        for look in itertools.count(1):
            try:
                work, future = self._ready.get(timeout=_TICK)
                break
            except queue.Empty:
                self.tally.waiting = self._oldest() if look >= _A_WHILE else None
                show(self.tally)
        self.tally.waiting = None
        del self._open[work.key.hash]
        try:
            result = future.result()
        except UsageError:
            raise  # the tests cannot be used, or nothing can confine the submissions
        except Lost as error:
            fault = str(error)
        except Exception as error:  # of the executor: a cluster has its own ways to lose a worker
            fault = f"{type(error).__name__}: {error}"
        else:
            if not result.faulty:
                self._record(work.owners, work.item, work.key, located(result, work.cells) if work.cells else result)
                show(self.tally)
                return
            fault = _why(result)
        if work.tries < TRIES:
            self._submit(work)
            return
        for student, handed in work.owners:
            self._fail(student, work.item, handed, fault)
        show(self.tally)

    def _oldest(self) -> str:
        """The work that was begun first of all that is not done."""
        work = next(iter(self._open.values()))
        return f"{work.item} of {work.owners[0][0].id}"

    def _fail(self, student: Student, item: str, handed: Handed, message: str) -> None:
        self._book.fail(self._run, student, item, handed, message)
        self.tally.faults.append(Fault(student, item, message))


def _why(result: Result) -> str:
    """The first fault that a result tells of."""
    if result.outcome is Outcome.ERROR:
        return result.message or "the grader failed"
    test = next(each for each in result.tests if each.outcome is Outcome.ERROR)
    return f"{test.id}: {test.failure.message if test.failure else 'the test broke off'}"


def _plain_name(handin: Handin) -> str:
    """What a file is called in a result: the same for all, since those who handed in the same share it."""
    return f"{handin.item}{PurePath(handin.file).suffix.lower()}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
