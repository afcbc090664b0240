"""Grades the latest text of an exercise in the background, in a judge that has loaded its tests in advance."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Result
from grader.course import Course, Exercise
from grader.course.workspace.installed import require_same_exercise
from grader.engine.judge.materials import materials_of
from grader.engine.pool.client import Judges
from grader.engine.pool.judge_client import JudgeLost
from grader.engine.submission import Submission, examine
from grader.engine.submission.imports import Imports
from grader.engine.submission.unrun import result_without_running
from grader.study.grading import job_for, lost_as_usage_error, own_imports


class GradingTask(msgspec.Struct, frozen=True):
    """A submission to grade, with the student's other exercises that it imports."""

    course: Course
    exercise: Exercise
    submission: Submission
    imports: Imports

    @classmethod
    def of(cls, course: Course, exercise: Exercise, submission: Submission) -> "GradingTask":
        """Create a task. Raise UsageError if an imported file cannot be read, or the workspace is outdated."""
        require_same_exercise(course.root, exercise.id)
        return cls(course, exercise, submission, own_imports(course, exercise, submission.text))

    def has_same_tests(self, other: "GradingTask") -> bool:
        """Return whether one judge can serve both: same load of the course, same exercises."""
        return (
            self.course is other.course
            and self.exercise.id == other.exercise.id
            and self.imports.texts.keys() == other.imports.texts.keys()
        )


class TaskResult(msgspec.Struct, frozen=True):
    """The result of a task."""

    task: GradingTask
    result: Result
    ran: bool  # False if the text alone decided, such as a syntax error


class BackgroundGrader:
    """Grades one task at a time in its own thread. A new task cancels the current one."""

    def __init__(self, on_result: Callable[[TaskResult | UsageError], None], on_test: Callable[[str], None]):
        """Call `on_result` with each result or error, and `on_test` with the name of each test that starts."""
        self._on_result = on_result
        self._on_test = on_test
        self._changed = Condition()
        self._wanted: GradingTask | None = None
        self._is_grading = False
        self._is_closed = False
        self._judges: Judges | None = None
        self._cancelled: list[Judges] = []
        self._ready_for: GradingTask | None = None
        self._thread = Thread(target=self._work, daemon=True)

    def __enter__(self) -> "BackgroundGrader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_closed = True
            self._cancel()
            self._changed.notify()
        self._thread.join()

    def submit(self, task: GradingTask) -> None:
        """Grade this task, and cancel the current one."""
        with self._changed:
            self._wanted = task
            if self._is_grading:
                self._cancel()
            self._changed.notify()

    def _cancel(self) -> None:
        """Kill the judge. A thread that waits for it gets JudgeLost. Call with the lock held."""
        judges, self._judges, self._ready_for = self._judges, None, None
        if judges is not None:
            judges.kill()
            self._cancelled.append(judges)

    @property
    def _is_outdated(self) -> bool:
        """Whether the current task is no longer needed."""
        return self._is_closed or self._wanted is not None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_outdated)
                if self._is_closed:
                    break
                task, self._wanted = self._wanted, None
                assert task is not None
                self._is_grading = True
            outcome: TaskResult | UsageError
            try:
                with lost_as_usage_error():
                    outcome = self._grade(task)
            except UsageError as error:
                outcome = error
            with self._changed:
                self._is_grading = False
                outdated = self._is_outdated
            if not outdated:
                self._on_result(outcome)
                self._prepare_next(task)
            self._close_cancelled()
        self._close_cancelled()

    def _grade(self, task: GradingTask) -> TaskResult:
        finding = examine(task.submission.text, task.exercise.id).finding
        if finding is not None:
            return TaskResult(task, result_without_running(finding, task.submission, task.exercise), ran=False)
        try:
            return TaskResult(task, self._judge(task), ran=True)
        except JudgeLost:
            if self._is_outdated:
                raise
        return TaskResult(task, self._judge(task, stays=False), ran=True)  # the warm process may have been killed

    def _judge(self, task: GradingTask, *, stays: bool = True) -> Result:
        with self._cancelling_on_error():
            judges = self._judges_for(task, stays=stays)
            with self._changed:
                if self._is_outdated:
                    raise JudgeLost("another text is to be graded")
            job = job_for(task.exercise, task.submission, task.imports, announce=True)
            ((_, result),) = judges.grade([job], testing=self._on_test)
        return result

    def _prepare_next(self, task: GradingTask) -> None:
        """Prepare a judge for the next text, which probably needs the same tests. Errors will show then."""
        with suppress(UsageError, JudgeLost), self._cancelling_on_error():
            self._judges_for(task)

    @contextmanager
    def _cancelling_on_error(self) -> Iterator[None]:
        """On any exception discard the judge, since its state is unknown."""
        try:
            yield
        except BaseException:
            with self._changed:
                self._cancel()
            raise

    def _judges_for(self, task: GradingTask, *, stays: bool = True) -> Judges:
        """Return a judge that has loaded the tests of a task."""
        with self._changed:
            judges, fresh = self._judges or Judges(resident=stays), self._judges is None
            self._judges = judges
        if fresh:
            self._ready_for = None
            judges.start()
        ready = self._ready_for
        if ready is None or not task.has_same_tests(ready):
            if ready is not None:
                judges.renew()
            materials = materials_of(task.course, [task.exercise], task.imports.texts)
            judges.prepare(materials, forbidden=task.course.folders, prestart_workers=True)
            self._ready_for = task
        return judges

    def _close_cancelled(self) -> None:
        """Wait until cancelled judges have ended."""
        with self._changed:
            cancelled, self._cancelled = self._cancelled, []
        for judges in cancelled:
            judges.close()
