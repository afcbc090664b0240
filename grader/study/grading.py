"""One exercise, graded for the student who works on it: what the command and the notebook share."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.base.errors import ProcessLost, UsageError
from grader.base.result import Outcome, Result
from grader.course import Course, Exercise
from grader.course.progress import Graded, Progress
from grader.course.stub import interface
from grader.engine.judge.messages import Job
from grader.engine.submission import Submission, examine, read_submission
from grader.engine.submission.imports import Imports, gather
from grader.show.view import Need, Next, View
from grader.show.view import Progress as Counts
from grader.study import failing_calls
from grader.study.reader.order import Step, done, leads_to, next_step

FAULT = 3  # exit code: the grader or the course is at fault


@contextmanager
def lost_is_said() -> Iterator[None]:
    """A judge that ended, whatever ended it, becomes a sentence and exit code 3: nothing is said of the code."""
    try:
        yield
    except ProcessLost as error:
        at_fault = "This is a fault of the grader or the machine, not of your code; try again."
        fault = UsageError(f"Not graded: {error}. {at_fault}")
        fault.exit_code = FAULT
        raise fault from None


def own_submission(exercise: Exercise) -> Submission:
    """The student's file of an exercise. UsageError where it is not there, or cannot be read."""
    if exercise.is_missing and not exercise.stub.is_symlink():
        file = relative(exercise.stub)
        raise UsageError(f"{file} is missing; bring it back, or begin anew with grade reset {exercise.id}.")
    return read_submission(relative(exercise.stub), exercise.id)


def own_imports(course: Course, exercise: Exercise, text: str, cells: Mapping[str, str] | None = None) -> Imports:
    """What the text of an exercise imports of the student's other exercises: those of `cells`, else their files."""
    own = cells or {}

    def read(name: str) -> str:
        return own[name] if name in own else own_submission(course.exercise(name)).text

    return gather(exercise.id, text, [each.id for each in course.exercises], read)


def job_of(
    exercise: Exercise,
    submission: Submission,
    imports: Imports,
    *,
    seconds: float | None = None,
    announce: bool = False,
) -> Job:
    """The job that grades a student's own submission, which imports these others of theirs."""
    return Job(
        id=0,
        exercise=exercise.id,
        file=submission.file,
        source=submission.text,
        sha256=submission.sha256,
        seed=0,
        code=examine(submission.text, exercise.id).code,
        others=imports.texts,
        absent=imports.absent,
        imports=imports.of,
        seconds=seconds,
        announce=announce,
    )


def test_meant(result: Result, words: str) -> str | None:
    """The id of the test whose name or id is this, or has this in it; None where no test was run.

    UsageError where it is none, or more than one.
    """
    if not result.tests:
        return None
    wanted = _plain(words)
    found = [test for test in result.tests if wanted in (_plain(test.name), _plain(test.id))]
    found = found or [test for test in result.tests if wanted in _plain(test.name) or wanted in _plain(test.id)]
    if len(found) == 1:
        return found[0].id
    names = ", ".join(test.name for test in found or result.tests)
    if found:
        raise UsageError(f"'{words}' is in the names of {len(found)} tests of {result.exercise}: {names}.")
    raise UsageError(f"{result.exercise} has no test '{words}'. Its tests are {names}.")


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").strip()


def record(progress: Progress, exercise: Exercise, result: Result) -> None:
    """Writes down what an exercise scored, if anything is known of it."""
    if not _counts(result):
        return
    progress.record(
        Graded(
            exercise=exercise.id,
            score=result.score,
            max_score=_most(result, exercise),
            passed=result.passed and result.hidden_tests,
            public=result.passed and not result.hidden_tests,
            sha256=result.sha256,
            tests=tuple(test.name for test in result.tests if test.outcome is Outcome.PASSED),
        )
    )


def _most(result: Result, exercise: Exercise) -> float:
    """The points that there are: where only the public tests are, they are worth a part of the exercise."""
    return result.max_score if result.hidden_tests else exercise.points


def _counts(result: Result) -> bool:
    """Whether a grading is a try: whether anything is known of the file by it."""
    return result.outcome not in (Outcome.NOT_STARTED, Outcome.BLOCKED)


def keep_failing_call(root: Path, result: Result) -> None:
    """Keeps the failing call for `grade shell`. Where it cannot be written, a warning says so."""
    try:
        failing_calls.keep(root, result)
    except OSError as error:
        print(f"warning: the failing call is not kept for grade shell: {error.strerror}.", file=sys.stderr)


def view_of(
    course: Course,
    order: Sequence[Step],
    exercise: Exercise,
    progress: Progress,
    submission: Submission,
    result: Result,
    *,
    options: str = "",
    cell: str = "",
) -> View:
    """What a screen says beside the result: the student's progress, and what comes next.

    `order`: the steps of the course. `options` and `cell` are those of a view: how this submission is graded again.
    """
    lesson = [each for each in course.exercises if each.lesson == exercise.lesson]
    passed = {each.id for each in course.exercises if done(each, progress)}
    following = next_step(order, progress)
    if result.passed and following == exercise:  # another file than the student's own
        following = None
    started = result.outcome is not Outcome.NOT_STARTED
    tries = progress.attempts(exercise.id) if _counts(result) and not options else []
    alike = [each.score for each in tries[-2:-1] if each.max_score == _most(result, exercise)]
    return View(
        options=options,
        cell=cell,
        hints_shown=progress.hints_shown(exercise.id),
        hints_total=len(exercise.hints),
        statement=f"grade read {exercise.id}" if exercise.statement.is_file() else None,
        line=None if started or submission.cells is not None else _first_open(submission),
        write=() if started else tuple(each.call for each in interface(submission.text) if each.kind != "method"),
        needs=tuple(Need(need, need in passed) for need in exercise.needs),
        next=_next(following, course) if following else None,
        progress=Counts(
            course.lesson(exercise.lesson).short,
            sum(each.id in passed for each in lesson),
            len(lesson),
            len(passed),
            len(course.exercises),
        ),
        tries=len(tries),
        before=alike[0] if alike else None,
    )


def _next(following: Step, course: Course) -> Next:
    """The command for the next step; with an exercise goes its folder, which is edited first."""
    leads = leads_to(following, course)
    remark = str(relative(following.folder)) if isinstance(following, Exercise) else leads.remark
    return Next(leads.command, remark)


def _first_open(submission: Submission) -> int | None:
    finding = examine(submission.text, submission.name).finding
    return finding.line if finding else None


def relative(path: Path) -> Path:
    """A path as a person would write it: from here, where it lies below."""
    try:
        return Path(os.path.relpath(path)) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
    except OSError:
        return path
