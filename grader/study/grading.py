"""Grades a student's own exercise: shared by commands, watch and notebooks."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.base.errors import ProcessLost, UsageError
from grader.base.result import Certainty, Outcome, Result
from grader.course import Course, Exercise
from grader.course.hints import current_hints
from grader.course.progress import Graded, Progress
from grader.course.stub import interface
from grader.engine.judge.messages import Job
from grader.engine.submission import Submission, examine, read_submission
from grader.engine.submission.imports import Imports, gather_imports
from grader.show.context import CourseProgress as Counts
from grader.show.context import NeededExercise, NextStep, RunContext
from grader.study import failing_calls
from grader.study.reader.order import Step, command_for, is_done, next_step
from grader.study.slips.store import keep_slip

FAULT = 3  # exit code: the grader or the course is at fault


@contextmanager
def lost_as_usage_error() -> Iterator[None]:
    """Convert ProcessLost to a UsageError with exit code 3, which blames the grader and not the code."""
    try:
        yield
    except ProcessLost as error:
        blame = "This is a fault of the grader or the machine, not of your code; try again."
        fault = UsageError(f"Not graded: {error}. {blame}")
        fault.exit_code = FAULT
        raise fault from None


def own_submission(exercise: Exercise) -> Submission:
    """Read the student's file of an exercise. Raise UsageError if it is missing or unreadable."""
    if exercise.is_missing and not exercise.stub.is_symlink():
        file = relative(exercise.stub)
        raise UsageError(f"{file} is missing; restore it, or start over with grade reset {exercise.id}.")
    return read_submission(relative(exercise.stub), exercise.id)


def own_imports(course: Course, exercise: Exercise, text: str, cells: Mapping[str, str] | None = None) -> Imports:
    """Collect the student's other exercises that a text imports: from `cells`, else from their files."""
    own = cells or {}

    def read(name: str) -> str:
        return own[name] if name in own else own_submission(course.exercise(name)).text

    return gather_imports(exercise.id, text, [each.id for each in course.exercises], read)


def job_for(
    exercise: Exercise,
    submission: Submission,
    imports: Imports,
    *,
    seconds: float | None = None,
    announce: bool = False,
) -> Job:
    """Return the job that grades a submission with the exercises that it imports."""
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


def find_test_id(result: Result, words: str) -> str | None:
    """Return the id of the test whose name or id is, or contains, these words; None if no test was run.

    Raises UsageError if no test matches, or more than one.
    """
    if not result.tests:
        return None
    wanted = _normalize(words)
    found = [test for test in result.tests if wanted in (_normalize(test.name), _normalize(test.id))]
    found = found or [test for test in result.tests if wanted in _normalize(test.name) or wanted in _normalize(test.id)]
    if len(found) == 1:
        return found[0].id
    names = ", ".join(test.name for test in found or result.tests)
    if found:
        raise UsageError(f"'{words}' matches {len(found)} tests of {result.exercise}: {names}.")
    raise UsageError(f"{result.exercise} has no test '{words}'. Its tests are {names}.")


def _normalize(name: str) -> str:
    return name.casefold().replace("_", " ").strip()


def record_result(progress: Progress, exercise: Exercise, result: Result, submission: Submission) -> None:
    """Record the score of an exercise, if this result counts as an attempt, and keep what made a named mistake."""
    if not _counts_as_attempt(result):
        return
    first = result.main_failure
    call = first.failure.call if first is not None and first.failure is not None else None
    progress.record(
        Graded(
            exercise=exercise.id,
            score=result.score,
            max_score=_max_score(result, exercise),
            passed=result.passed and result.hidden_tests,
            public=result.passed and not result.hidden_tests,
            sha256=result.sha256,
            tests=_passed_tests(result),
            explained=_explained_tests(result),
            failing_test=None if first is None else first.id,
            failing_call=call.function if call is not None else None,
        )
    )
    keep_slip(progress, result, submission.text)


def _explained_tests(result: Result) -> tuple[str, ...]:
    """Return the names of failing tests whose cause is known for certain, or a part of it."""
    known = (Certainty.CERTAIN, Certainty.PARTIAL)
    explained = {each.test for each in result.diagnoses if each.certainty in known}
    return tuple(test.name for test in result.tests if test.id in explained)


def _passed_tests(result: Result) -> tuple[str, ...]:
    return tuple(test.name for test in result.tests if test.outcome is Outcome.PASSED)


def _max_score(result: Result, exercise: Exercise) -> float:
    """Return the maximum of points, which is the exercise's own if there are public tests only."""
    return result.max_score if result.hidden_tests else exercise.points


def _counts_as_attempt(result: Result) -> bool:
    """Return whether this result counts as an attempt."""
    return result.outcome not in (Outcome.NOT_STARTED, Outcome.BLOCKED)


def save_failing_call(root: Path, result: Result) -> None:
    """Store the failing call for `grade shell`. Warn on stderr if it cannot be written."""
    try:
        failing_calls.save(root, result)
    except OSError as error:
        print(f"warning: the failing call cannot be stored for grade shell: {error.strerror}.", file=sys.stderr)


def view_for(
    course: Course,
    order: Sequence[Step],
    exercise: Exercise,
    progress: Progress,
    submission: Submission,
    result: Result,
    *,
    options: str = "",
    cell: str = "",
) -> RunContext:
    """Return what a screen shows beside the result: the student's progress and the next step.

    `order` are the steps of the course. `options` and `cell` are those of `View`: how this submission is graded again.
    """
    lesson = [each for each in course.exercises if each.lesson == exercise.lesson]
    passed = {each.id for each in course.exercises if is_done(each, progress)}
    following = next_step(order, progress)
    if result.passed and following == exercise:  # it was not the student's own file
        following = None
    started = result.outcome is not Outcome.NOT_STARTED
    tries = progress.attempts(exercise.id) if _counts_as_attempt(result) and not options else []
    before = tries[-2] if len(tries) > 1 else None
    is_comparable = before is not None and before.max_score == _max_score(result, exercise)
    passing = _passed_tests(result)
    hints = current_hints(exercise, progress)
    command = "!grade" if cell else "grade"
    return RunContext(
        command=command,
        options=options,
        cell=cell,
        hints_shown=progress.hints_shown(exercise.id, hints.topic),
        hints_total=len(hints.texts),
        statement=f"{command} read {exercise.id}" if exercise.statement.is_file() else None,
        line=None if started or submission.cells is not None else _first_unwritten_line(submission),
        write=() if started else tuple(each.call for each in interface(submission.text) if each.kind != "method"),
        needs=tuple(NeededExercise(need, need in passed) for need in exercise.needs),
        next=_next_command(following, course, in_cell=bool(cell)) if following else None,
        progress=Counts(
            course.lesson(exercise.lesson).short,
            sum(each.id in passed for each in lesson),
            len(lesson),
            len(passed),
            len(course.exercises),
        ),
        tries=len(tries),
        before=before.score if before and is_comparable else None,
        repaired=tuple(test for test in before.explained if test in passing) if before else (),
    )


def _next_command(following: Step, course: Course, *, in_cell: bool) -> NextStep:
    """Return the command for the next step, for an exercise with its folder.

    A cell gets commands that do not wait for keys, as `grade lesson` does: nobody can press them there.
    """
    command = command_for(following, course)
    if isinstance(following, Exercise):
        return NextStep(f"read {following.id}" if in_cell else command.command, str(relative(following.folder)))
    if not in_cell:
        return command
    return NextStep(f"notebook {following.name}" if following.lesson else f"{command.command} --plain", command.remark)


def _first_unwritten_line(submission: Submission) -> int | None:
    finding = examine(submission.text, submission.name).finding
    return finding.line if finding else None


def relative(path: Path) -> Path:
    """Return a path relative to the working directory if it is below it."""
    try:
        return Path(os.path.relpath(path)) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
    except OSError:
        return path
