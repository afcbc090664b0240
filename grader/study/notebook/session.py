"""Grades cells one after the other. One warm process serves them all; each has judges and workers of its own."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from grader.base.result import Outcome, Result
from grader.course import Course, Exercise, load_course
from grader.course.progress import Progress
from grader.engine.judge.materials import materials_of
from grader.engine.pool.client import Judges
from grader.engine.submission import Submission, examine
from grader.engine.submission.imports import Imports
from grader.engine.submission.magics import without_magics
from grader.engine.submission.unrun import without_running
from grader.show.layout import COLUMNS, Line, Page, join_blocks, prose
from grader.show.terminal import screen_lines
from grader.study.grading import job_of, keep_failing_call, lost_is_said, own_imports, record, test_meant, view_of
from grader.study.reader.order import steps

LINES = 40  # of one screen: a notebook has no height
FILE = "cell"  # the name of a cell where a file's would be


class Graded(NamedTuple):
    """A cell that was graded."""

    exercise: Exercise
    source: str  # as Python: line n is line n of the cell
    result: Result
    screen: list[Line]
    imports: list[Path]  # folders of what it imports of the student's that are files, and not cells of this kernel


class Desk:
    """What a kernel keeps between its cells."""

    def __init__(self) -> None:
        self._judges: Judges | None = None
        self._cells: dict[tuple[Path, str], str] = {}  # by course and exercise: the code that was graded last

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
    ) -> Graded:
        """Grades the code of a cell, and records it as `grade exercise` does.

        `cell` is what stands below its first line. Other exercises that it imports are the cells that were graded
        here, else the student's files. `test` is a part of the name of the test to explain in depth. `seconds`
        is the limit of one test. UsageError as for `grade exercise`.
        """
        course = load_course(root)
        exercise = course.exercise(exercise_id)
        submission = _submission(exercise, cell, first)
        cells = {name: text for (course_root, name), text in self._cells.items() if course_root == root}
        imports = own_imports(course, exercise, submission.text, cells)
        finding = examine(submission.text, exercise.id).finding
        if finding is not None:
            result = without_running(finding, submission, exercise)
        else:
            result = self._judged(course, exercise, submission, imports, seconds)
        if result.outcome is Outcome.GRADED:
            self._cells[root, exercise.id] = submission.text
        progress = Progress.load(root)
        record(progress, exercise, result)
        keep_failing_call(root, result)
        only = test_meant(result, test) if test else None
        view = view_of(course, list(steps(course)), exercise, progress, submission, result, cell=first)
        notes = [line for note in submission.notes for line in prose(note, Page(width=COLUMNS))]
        lines = join_blocks(notes, screen_lines(result, exercise, view, full=full, only=only, height=LINES))
        folders = [course.exercise(name).folder for name in imports.texts if name not in cells]
        return Graded(exercise, submission.text, result, lines, folders)

    def close(self) -> None:
        """Ends the warm process, if it was started. It is started again when it is wanted."""
        judges, self._judges = self._judges, None
        if judges is not None:
            judges.kill()
            judges.close()

    def _judged(
        self, course: Course, exercise: Exercise, submission: Submission, imports: Imports, seconds: float | None
    ) -> Result:
        job = job_of(exercise, submission, imports, seconds=seconds)
        try:
            with lost_is_said():
                if self._judges is None:
                    self._judges = Judges(own_group=True)  # Jupyter signals the kernel's group, to interrupt or end it
                    self._judges.start()
                materials = materials_of(course, [exercise], imports.texts)
                self._judges.prepare(materials, forbidden=course.folders)
                ((_, result),) = self._judges.grade([job])
                self._judges.renew()
        except BaseException:  # also an interrupt: nobody knows what they are at
            self.close()
            raise
        return result


def _submission(exercise: Exercise, cell: str, first: str) -> Submission:
    """The code of a cell. Its first line is a comment, so that lines count as in the cell."""
    lines, ignored = without_magics(cell.split("\n"))
    text = "\n".join([f"# {first}", *lines])
    notes = tuple(f"Not run: line {line + 1}: {what}" for line, what in ignored)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Submission(FILE, exercise.id, text, digest, notes=notes)
