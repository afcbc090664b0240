"""Grades cells one after the other with one warm process; each grading has its own judge and workers."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from grader.base.result import Outcome, Result
from grader.course import Course, Exercise, load_course
from grader.course.progress import Progress
from grader.course.workspace.installed import require_same_exercise
from grader.engine.judge.materials import materials_of
from grader.engine.pool.client import Judges
from grader.engine.submission import Submission, examine
from grader.engine.submission.imports import Imports
from grader.engine.submission.magics import comment_out_magics
from grader.engine.submission.unrun import result_without_running
from grader.show.failure import OUTCOME_NAMES
from grader.show.layout import COLUMNS, Line, Page, join_blocks, prose
from grader.show.terminal import screen_lines
from grader.study.grading import (
    find_test_id,
    job_for,
    lost_as_usage_error,
    own_imports,
    record_result,
    save_failing_call,
    view_for,
)
from grader.study.reader.order import steps

SCREEN_LINES = 40  # rows of one screen, since a notebook has no height
CELL_FILE = "cell"  # the file name of a cell
_STOPPED = {  # outcomes of tests in which the code was stopped, or ended its process
    Outcome.TIMEOUT,
    Outcome.MEMORY,
    Outcome.EXITED,
    Outcome.CRASHED,
    Outcome.FORBIDDEN,
    Outcome.TAMPERED,
}


class GradedCell(NamedTuple):
    """A graded cell."""

    exercise: Exercise
    source: str  # Python; line n is line n of the cell
    result: Result
    screen_lines: list[Line]
    runs: bool  # whether the kernel, which has no limits, may run it too
    imports: list[Path]  # folders of the imported exercises that are files and not cells


class NotebookSession:
    """The state that a kernel keeps between its cells."""

    def __init__(self) -> None:
        self._judges: Judges | None = None
        self._cells: dict[tuple[Path, str], str] = {}  # (course, exercise) -> the code graded last

    def grade(
        self,
        root: Path,
        exercise_id: str,
        cell: str,
        first: str,
        *,
        test: str = "",
        full: bool = False,
        seconds: float | None = None,
    ) -> GradedCell:
        """Grade the code of a cell, and record it as `grade exercise` does.

        `first` is the first line of the cell, `cell` the rest. Exercises that it imports are taken from cells graded
        before, else from the student's files. `test` is part of the name of the test to explain in depth, `seconds`
        the time limit of one test. Raises UsageError as `grade exercise` does.
        """
        course = load_course(root)
        exercise = course.exercise(exercise_id)
        require_same_exercise(root, exercise.id)
        submission = _submission(exercise, cell, first)
        cells = {name: text for (course_root, name), text in self._cells.items() if course_root == root}
        imports = own_imports(course, exercise, submission.text, cells)
        finding = examine(submission.text, exercise.id).finding
        if finding is not None:
            result = result_without_running(finding, submission, exercise)
        else:
            result = self._judged(course, exercise, submission, imports, seconds)
        if result.outcome is Outcome.GRADED:
            self._cells[root, exercise.id] = submission.text
        progress = Progress.load(root)
        record_result(progress, exercise, result, submission)
        save_failing_call(root, result)
        only = find_test_id(result, test) if test else None
        view = view_for(course, list(steps(course)), exercise, progress, submission, result, cell=first)
        kept_out = _reason_not_to_run(result)
        said = [*submission.notes, *([_not_run(kept_out)] if kept_out else [])]
        notes = [line for note in said for line in prose(note, Page(width=COLUMNS))]
        lines = join_blocks(notes, screen_lines(result, exercise, view, full=full, only=only, height=SCREEN_LINES))
        folders = [course.exercise(name).folder for name in imports.texts if name not in cells]
        return GradedCell(exercise, submission.text, result, lines, kept_out is None, folders)

    def close(self) -> None:
        """End the warm process if it is running. The next grading starts a new one."""
        judges, self._judges = self._judges, None
        if judges is not None:
            judges.kill()
            judges.close()

    def _judged(
        self, course: Course, exercise: Exercise, submission: Submission, imports: Imports, seconds: float | None
    ) -> Result:
        job = job_for(exercise, submission, imports, seconds=seconds)
        try:
            with lost_as_usage_error():
                if self._judges is None:
                    self._judges = Judges(own_group=True)  # Jupyter signals the kernel's whole group
                    self._judges.start()
                materials = materials_of(course, [exercise], imports.texts)
                self._judges.prepare(materials, forbidden=course.folders)
                ((_, result),) = self._judges.grade([job])
                self._judges.renew()
        except BaseException:  # includes KeyboardInterrupt: the judges are in an unknown state
            self.close()
            raise
        return result


def _reason_not_to_run(result: Result) -> Outcome | None:
    """Return the outcome for which the kernel must not run the cell, which would fail, hang or end it; else None."""
    if result.outcome not in (Outcome.GRADED, Outcome.NOT_STARTED):
        return result.outcome
    return next((test.outcome for test in result.tests if test.outcome in _STOPPED), None)


def _not_run(reason: Outcome) -> str:
    return f"Not run in your kernel ({OUTCOME_NAMES[reason]}); earlier definitions stay."


def _submission(exercise: Exercise, cell: str, first: str) -> Submission:
    """Return the code of a cell. Its first line becomes a comment, so that line numbers stay the same."""
    lines, ignored = comment_out_magics(cell.split("\n"))
    text = "\n".join([f"# {first}", *lines])
    notes = tuple(f"Not run: line {line + 1}: {text}" for line, text in ignored)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Submission(CELL_FILE, exercise.id, text, digest, notes=notes)
