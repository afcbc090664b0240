"""Grades hand-ins through a pool: each distinct one once, and records every result as it arrives."""

import hashlib
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
from grader.engine.submission.notebook import Cells, locate_in_cells
from grader.engine.submission.unrun import result_without_running, unreadable_result
from grader.teach.batch.handin_history import HandinHistory
from grader.teach.batch.keys import ResultKey, ResultKeys
from grader.teach.batch.pool import Pool
from grader.teach.batch.quizzes import Quizzes
from grader.teach.gradebook.model import AnyResult, GradedFile, Item
from grader.teach.gradebook.store import Gradebook
from grader.teach.handins.handin import Handin, Student

MAX_TRIES = 2  # of a job on which the grader fails
_POLL = 0.5  # seconds to wait for a result before the display is updated
_STALLED = 10  # polls without a result until the display says what is being waited for


class Owner(NamedTuple):
    """A student who gets the grade of a job, and the file that was handed in."""

    student: Student
    handed: GradedFile


class BatchFault(msgspec.Struct, frozen=True):
    """A hand-in that was not graded through a fault of the grader."""

    student: Student
    item: str
    message: str


@dataclass
class Tally:
    """The progress of a run, counted in grades: one for each version of a student for an item."""

    total: int
    graded: int = 0  # computed in this run
    reused: int = 0  # unchanged since an earlier run, or the same as another student's
    done_before: int = 0  # by this run, before it was interrupted
    faults: list[BatchFault] = field(default_factory=list)
    waiting: str | None = None  # the oldest job, if no result has arrived for a while

    @property
    def done(self) -> int:
        """The number of grades that need no more work."""
        return self.graded + self.reused + self.done_before + len(self.faults)


@dataclass
class _Task:
    """A submitted job, and the students who get its grade: several if they handed in the same file."""

    key: ResultKey
    item: str
    job: Job
    cells: Cells | None  # of a notebook
    owners: list[Owner]
    tries: int = 0


class Batch:
    """The grading of a class's hand-ins."""

    def __init__(
        self,
        book: Gradebook,
        run: int,
        items: Iterable[Item],
        course: Course,
        quizzes: Quizzes,
        keys: ResultKeys,
        pool: Pool,
        *,
        regrade: bool,
    ):
        self._book = book
        self._run = run
        self._max_scores = {item.id: item.max_score for item in items}
        self._course = course
        self._quizzes = quizzes
        self._keys = keys
        self._pool = pool
        self._regrade = regrade
        self._tasks: dict[str, _Task] = {}  # not finished, by key, oldest first
        self._finished: queue.SimpleQueue[tuple[_Task, Future[Result]]] = queue.SimpleQueue()
        self._computed: set[str] = set()  # keys of results of this run
        self._history = HandinHistory((), ())
        self._versions: Counter[tuple[str, str]] = Counter()  # by student and item
        self._begun: Counter[tuple[str, str]] = Counter()  # versions begun, by student and item
        self.tally = Tally(0)

    def grade(self, handins: list[Handin], known: list[Handin], show: Callable[[Tally], None]) -> Tally:
        """Grade `handins`, which may import files in `known`. `show` is called as the batch proceeds.

        Results are recorded one by one and remain after an exception.

        Raises:
            UsageError: Tests cannot be used, or the gradebook cannot be written.
            ProcessLost: A process ended that cannot be replaced.
        """
        self._history = HandinHistory(known, [each.id for each in self._course.exercises])
        plan = [(each, self._history.times(each)) for each in sorted(handins, key=lambda handin: handin.version)]
        for handin, times in plan:
            self._versions.update({(student.id, handin.item): len(times) for student in handin.students})
        self._book.drop_later(self._run, self._versions)
        self.tally = Tally(self._versions.total())
        for handin, times in plan:
            self._begin(handin, times, show)
            show(self.tally)
        while self._tasks:
            self._finish_next(show)
        return self.tally

    # ------------------------------------------------------------ one hand-in

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
            while len(self._tasks) >= self._pool.slots:
                self._finish_next(show)
            owners = self._owners_to_grade(replace(handin, time=time), _sha256(data))
            if not owners:
                continue
            if problem is not None:
                self._record_unreadable(handin, problem, owners)
            elif submission is None:
                self._score_quiz(handin, data, owners)
            else:
                imports = self._history.imports(handin, submission.text, time)
                self._grade_exercise(handin.item, submission, imports, owners)

    def _owners_to_grade(self, handin: Handin, sha256: str) -> list[Owner]:
        """Add this version of each of its students, and return the students without a grade for it in this run."""
        owners = []
        for student in handin.students:
            key = student.id, handin.item
            self._begun[key] += 1
            handed = GradedFile(
                file=handin.file,
                sha256=sha256,
                time=handin.time,
                late=handin.late,
                version=self._begun[key],
                versions=self._versions[key],
            )
            if self._book.has_grade(self._run, student.id, handin.item, handed):
                self.tally.done_before += 1
            else:
                owners.append(Owner(student, handed))
        return owners

    def _record_unreadable(self, handin: Handin, problem: str, owners: list[Owner]) -> None:
        key = self._keys.unreadable(handin.item, problem)
        if not self._reuse(key, handin.item, owners):
            result = unreadable_result(problem, handin.plain_name, handin.item, self._max_scores[handin.item])
            self._record(owners, handin.item, key, result)

    def _score_quiz(self, handin: Handin, data: bytes, owners: list[Owner]) -> None:
        key = self._keys.quiz(handin.item, _sha256(data))
        if not self._reuse(key, handin.item, owners):
            self._record(owners, handin.item, key, self._quizzes.score(handin.item, data, handin.file))

    def _grade_exercise(self, item: str, submission: Submission, imports: Imports, owners: list[Owner]) -> None:
        self._book.store_code(submission.sha256, submission.text)
        key = self._keys.exercise(item, submission.sha256, imports)
        if self._reuse(key, item, owners):
            return
        examined = examine(submission.text, item)
        if examined.finding is not None:
            result = result_without_running(examined.finding, submission, self._course.exercise(item))
            self._record(owners, item, key, locate_in_cells(result, submission.cells) if submission.cells else result)
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
        self._submit(_Task(key, item, job, submission.cells, owners))

    def _reuse(self, key: ResultKey, item: str, owners: list[Owner]) -> bool:
        """Give the owners an existing result, or add them to a task with the same key. Return whether there is one."""
        if key.hash in self._tasks:
            self._tasks[key.hash].owners += owners
            return True
        if self._regrade and key.hash not in self._computed:
            return False
        result = self._book.find_result(key.hash)
        if result is None:
            return False
        for owner in owners:
            self._book.reuse(self._run, owner.student, item, owner.handed, result)
        self.tally.reused += len(owners)
        return True

    def _record(self, owners: list[Owner], item: str, key: ResultKey, result: AnyResult) -> None:
        outcome = result.outcome if isinstance(result, Result) else Outcome.GRADED
        (student, handed), *others = owners
        stored = self._book.record(self._run, student, item, handed, key.hash, key.parts, result, outcome)
        for other in others:
            self._book.reuse(self._run, other.student, item, other.handed, stored)
        self._computed.add(key.hash)
        self.tally.graded += 1
        self.tally.reused += len(others)

    # ------------------------------------------------------------ the pool

    def _submit(self, task: _Task) -> None:
        task.tries += 1
        self._tasks[task.key.hash] = task
        future = self._pool.executor.submit(self._pool.grade, task.job)
        future.add_done_callback(lambda done: self._finished.put((task, done)))

    def _finish_next(self, show: Callable[[Tally], None]) -> None:
        """Wait for the next task to finish. Record its result, or retry it, or record that the grader failed."""
        task, future = self._wait(show)
        del self._tasks[task.key.hash]
        outcome = _result_or_fault(future)
        if isinstance(outcome, Result):
            result = locate_in_cells(outcome, task.cells) if task.cells else outcome
            self._record(task.owners, task.item, task.key, result)
        elif task.tries < MAX_TRIES:
            self._submit(task)
            return
        else:
            for owner in task.owners:
                self._fail(owner, task.item, outcome)
        show(self.tally)

    def _wait(self, show: Callable[[Tally], None]) -> tuple[_Task, Future[Result]]:
        polls = 0
        while True:
            try:
                finished = self._finished.get(timeout=_POLL)
            except queue.Empty:
                polls += 1
                self.tally.waiting = self._oldest() if polls >= _STALLED else None
                show(self.tally)
            else:
                self.tally.waiting = None
                return finished

    def _oldest(self) -> str:
        task = next(iter(self._tasks.values()))
        return f"{task.item} of {task.owners[0].student.id}"

    def _fail(self, owner: Owner, item: str, message: str) -> None:
        self._book.fail(self._run, owner.student, item, owner.handed, message)
        self.tally.faults.append(BatchFault(owner.student, item, message))


def _result_or_fault(future: Future[Result]) -> Result | str:
    """Return the result, or a message if the grader failed.

    Raise UsageError if the tests cannot be used, or if nothing can confine the submissions.
    """
    try:
        result = future.result()
    except UsageError:
        raise
    except ProcessLost as error:
        return str(error)
    except Exception as error:  # of the executor: a cluster may lose a worker in its own ways
        return f"{type(error).__name__}: {error}"
    return _fault(result) if result.is_faulty else result


def _fault(result: Result) -> str:
    """Return the message of the first fault in a result."""
    if result.outcome is Outcome.ERROR:
        return result.message or "the grader failed"
    test = next(each for each in result.tests if each.outcome is Outcome.ERROR)
    return f"{test.id}: {test.failure.message if test.failure else 'the test broke off'}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
