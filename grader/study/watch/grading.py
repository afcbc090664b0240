"""Grades the last text of an exercise, in a judge that has loaded its tests before the text is saved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Result
from grader.course import Course, Exercise
from grader.engine.judge.materials import materials_of
from grader.engine.pool.client import Judges
from grader.engine.pool.judge_client import JudgeLost
from grader.engine.submission import Submission, examine
from grader.engine.submission.imports import Imports
from grader.engine.submission.unrun import result_without_running
from grader.study.grading import job_of, lost_is_said, own_imports


class Task(msgspec.Struct, frozen=True):
    """A text to grade, with what it imports of the student's other exercises."""

    course: Course
    exercise: Exercise
    submission: Submission
    imports: Imports

    @classmethod
    def of(cls, course: Course, exercise: Exercise, submission: Submission) -> "Task":
        """UsageError where one of the files that it imports cannot be read."""
        return cls(course, exercise, submission, own_imports(course, exercise, submission.text))

    def same_tests(self, other: "Task") -> bool:
        """Whether one judge serves both: the tests, read at the same time, of the same exercises."""
        return (
            self.course is other.course
            and self.exercise.id == other.exercise.id
            and self.imports.texts.keys() == other.imports.texts.keys()
        )


class Verdict(msgspec.Struct, frozen=True):
    """What came of a task; `ran`: not said by a look at its text alone."""

    task: Task
    result: Result
    ran: bool


class Grading:
    """Grades one task at a time, in a thread of its own. A new one takes the place of that which is graded."""

    def __init__(self, tell: Callable[[Verdict | UsageError], None], testing: Callable[[str], None]):
        """`tell` is given verdicts, or what keeps us from one, and `testing` the name of each test that begins."""
        self._tell = tell
        self._testing = testing
        self._changed = Condition()
        self._wanted: Task | None = None
        self._working = False
        self._over = False
        self._judges: Judges | None = None
        self._broken: list[Judges] = []
        self._ready_for: Task | None = None
        self._thread = Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Grading":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._break_off()
            self._changed.notify()
        self._thread.join()

    def begin(self, task: Task) -> None:
        """Grades this, and breaks off what is graded now."""
        with self._changed:
            self._wanted = task
            if self._working:
                self._break_off()
            self._changed.notify()

    def _break_off(self) -> None:
        """Has the judge say no more: who waits for it is told that it is lost."""
        judges, self._judges, self._ready_for = self._judges, None, None
        if judges is not None:
            judges.kill()
            self._broken.append(judges)

    @property
    def _outdated(self) -> bool:
        """Whether what is graded now is not wanted any more."""
        return self._over or self._wanted is not None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._outdated)
                if self._over:
                    break
                task, self._wanted = self._wanted, None
                assert task is not None
                self._working = True
            said: Verdict | UsageError
            try:
                with lost_is_said():
                    said = self._graded(task)
            except UsageError as error:
                said = error
            with self._changed:
                self._working = False
                outdated = self._outdated
            if not outdated:
                self._tell(said)
                self._expect(task)
            self._tidy()
        self._tidy()

    def _graded(self, task: Task) -> Verdict:
        finding = examine(task.submission.text, task.exercise.id).finding
        if finding is not None:
            return Verdict(task, result_without_running(finding, task.submission, task.exercise), ran=False)
        try:
            return Verdict(task, self._judged(task), ran=True)
        except JudgeLost:
            if self._outdated:
                raise
        return Verdict(task, self._judged(task, stays=False), ran=True)  # the warm process was ended, say

    def _judged(self, task: Task, *, stays: bool = True) -> Result:
        with self._breaks_off():
            judges = self._judges_for(task, stays=stays)
            with self._changed:
                if self._outdated:
                    raise JudgeLost("another text is to be graded")
            job = job_of(task.exercise, task.submission, task.imports, announce=True)
            ((_, result),) = judges.grade([job], testing=self._testing)
        return result

    def _expect(self, task: Task) -> None:
        """Has a judge ready for the next text, which will be like this one. What is wrong will be said of that."""
        with suppress(UsageError, JudgeLost), self._breaks_off():
            self._judges_for(task)

    @contextmanager
    def _breaks_off(self) -> Iterator[None]:
        """Whatever is raised, the judge is not used again: nobody knows what it is at."""
        try:
            yield
        except BaseException:
            with self._changed:
                self._break_off()
            raise

    def _judges_for(self, task: Task, *, stays: bool = True) -> Judges:
        """A judge that has loaded the tests."""
        with self._changed:
            judges, fresh = self._judges or Judges(resident=stays), self._judges is None
            self._judges = judges
        if fresh:
            self._ready_for = None
            judges.start()
        ready = self._ready_for
        if ready is None or not task.same_tests(ready):
            if ready is not None:
                judges.renew()
            materials = materials_of(task.course, [task.exercise], task.imports.texts)
            judges.prepare(materials, forbidden=task.course.folders, prestart_workers=True)
            self._ready_for = task
        return judges

    def _tidy(self) -> None:
        """Waits for the end of what was broken off."""
        with self._changed:
            broken, self._broken = self._broken, []
        for judges in broken:
            judges.close()
