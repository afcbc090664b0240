"""One run over what a class handed in: everything is graded once, and written down when it is."""

import hashlib
import itertools
import queue
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import msgspec

from grader.base.errors import ProcessLost, UsageError
from grader.base.result import Outcome, Result
from grader.course import Course
from grader.engine.judge.messages import Job
from grader.engine.submission import Submission, examine, submission_of
from grader.engine.submission.imports import Imports
from grader.engine.submission.notebook import Cells, located
from grader.engine.submission.unrun import unreadable, without_running
from grader.teach.batch.keys import Key, Keys
from grader.teach.batch.pool import Pool
from grader.teach.batch.quizzes import Quizzes
from grader.teach.batch.states import States
from grader.teach.gradebook.model import Handed, Item, Measured
from grader.teach.gradebook.store import Gradebook
from grader.teach.handins.handin import Handin, Student

TRIES = 2  # of a job, when the grader is at fault
_TICK = 0.5  # seconds between two looks at the clock
_A_WHILE = 10  # looks without a result


class Owner(NamedTuple):
    """Somebody whose grade it will be, and for what."""

    student: Student
    handed: Handed


class Fault(msgspec.Struct, frozen=True):
    """What could not be graded because of the grader, and why."""

    student: Student
    item: str
    message: str


@dataclass
class Tally:
    """How far a run is: counts of grades, one for each version of a student for an item."""

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
        self._states = States((), ())
        self._versions: Counter[tuple[str, str]] = Counter()  # by student and item
        self._begun: Counter[tuple[str, str]] = Counter()  # those of them that were begun
        self.tally = Tally(0)

    def grade(self, handins: list[Handin], known: list[Handin], show: Callable[[Tally], None]) -> Tally:
        """Grades `handins`, which may import others that are `known`; `show` is called as it goes on.

        UsageError if tests cannot be used, or the gradebook cannot be written; ProcessLost if a process ended that
        nothing can replace. What was recorded stays in any case.
        """
        self._states = States(known, [each.id for each in self._course.exercises])
        plan = [(each, self._states.times(each)) for each in sorted(handins, key=lambda handin: handin.version)]
        for handin, times in plan:
            self._versions.update({(student.id, handin.item): len(times) for student in handin.students})
        self._book.drop_later(self._run, self._versions)
        self.tally = Tally(self._versions.total())
        for handin, times in plan:
            self._begin(handin, times, show)
            show(self.tally)
        while self._open:
            self._take(show)
        return self.tally

    # ------------------------------------------------------------ one handin

    def _begin(self, handin: Handin, times: Sequence[datetime | None], show: Callable[[Tally], None]) -> None:
        data, problem = b"", None
        submission: Submission | None = None
        try:
            data = handin.read()
            if handin.kind == "exercise":
                submission = submission_of(data, handin.plain_name, handin.item)
        except UsageError as error:
            problem = str(error)
        for time in times:
            while len(self._open) >= self._pool.slots:
                self._take(show)
            owners = self._still_open(replace(handin, time=time), _sha256(data))
            if not owners:
                continue
            if problem is not None:
                key = self._keys.unreadable(handin.item, problem)
                if not self._known(key, handin.item, owners):
                    result = unreadable(problem, handin.plain_name, handin.item, self._worth[handin.item])
                    self._record(owners, handin.item, key, result)
            elif submission is None:
                self._score(handin, data, owners)
            else:
                self._grade(handin.item, submission, self._states.imports(handin, submission.text, time), owners)

    def _still_open(self, handin: Handin, sha256: str) -> list[Owner]:
        """Return those who have no grade for their next version, which this is: an interrupted run goes on there."""
        todo = []
        for student in handin.students:
            key = student.id, handin.item
            self._begun[key] += 1
            handed = Handed(
                file=handin.file,
                sha256=sha256,
                time=handin.time,
                late=handin.late,
                version=self._begun[key],
                versions=self._versions[key],
            )
            if self._book.done(self._run, student.id, handin.item, handed):
                self.tally.done_before += 1
            else:
                todo.append(Owner(student, handed))
        return todo

    def _score(self, handin: Handin, data: bytes, owners: list[Owner]) -> None:
        key = self._keys.quiz(handin.item, _sha256(data))
        if not self._known(key, handin.item, owners):
            self._record(owners, handin.item, key, self._quizzes.score(handin.item, data, handin.file))

    def _grade(self, item: str, submission: Submission, imports: Imports, owners: list[Owner]) -> None:
        self._book.keep_work(submission.sha256, submission.text)
        key = self._keys.exercise(item, submission.sha256, imports)
        if self._known(key, item, owners):
            return
        examined = examine(submission.text, item)
        if examined.finding is not None:
            result = without_running(examined.finding, submission, self._course.exercise(item))
            self._record(owners, item, key, located(result, submission.cells) if submission.cells else result)
            return
        job = Job(
            id=0,
            exercise=item,
            file=submission.file,
            source=submission.text,
            sha256=submission.sha256,
            seed=0,
            others=imports.texts,
            absent=imports.absent,
            imports=imports.of,
            code=examined.code,
        )
        self._submit(_Work(key, item, job, submission.cells, owners))

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
        for owner in owners:
            self._book.reuse(self._run, owner.student, item, owner.handed, result)
        self.tally.reused += len(owners)
        return True

    def _record(self, owners: list[Owner], item: str, key: Key, measured: Measured) -> None:
        outcome = measured.outcome if isinstance(measured, Result) else Outcome.GRADED
        (student, handed), *others = owners
        result = self._book.record(self._run, student, item, handed, key.hash, key.parts, measured, outcome)
        for other in others:
            self._book.reuse(self._run, other.student, item, other.handed, result)
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
        except ProcessLost as error:
            fault = str(error)
        except Exception as error:  # of the executor: a cluster has its own ways to lose a worker
            fault = f"{type(error).__name__}: {error}"
        else:
            if not result.is_faulty:
                self._record(work.owners, work.item, work.key, located(result, work.cells) if work.cells else result)
                show(self.tally)
                return
            fault = _why(result)
        if work.tries < TRIES:
            self._submit(work)
            return
        for owner in work.owners:
            self._fail(owner, work.item, fault)
        show(self.tally)

    def _oldest(self) -> str:
        """The work that was begun first of all that is not done."""
        work = next(iter(self._open.values()))
        return f"{work.item} of {work.owners[0].student.id}"

    def _fail(self, owner: Owner, item: str, message: str) -> None:
        self._book.fail(self._run, owner.student, item, owner.handed, message)
        self.tally.faults.append(Fault(owner.student, item, message))


def _why(result: Result) -> str:
    """The first fault that a result tells of."""
    if result.outcome is Outcome.ERROR:
        return result.message or "the grader failed"
    test = next(each for each in result.tests if each.outcome is Outcome.ERROR)
    return f"{test.id}: {test.failure.message if test.failure else 'the test broke off'}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
