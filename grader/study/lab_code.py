"""The code that labs and demos run: the student's own, with the exercises that it imports, or the reference."""

from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.course import Course, Exercise
from grader.course.progress import Progress
from grader.engine.judge.materials import reference_texts
from grader.engine.judge.messages import LabCode
from grader.engine.submission import Submission, examine, read_submission
from grader.engine.submission.imports import built_on
from grader.study.grading import own_imports, own_submission

REFERENCE = "the reference"  # the file of code that is not the student's


def own_code(course: Course, exercise: Exercise, progress: Progress) -> LabCode | None:
    """Return the student's file if it has passed as it is now, else None.

    In a student's edition, which has no hidden tests, it is returned whether it passed or not.
    """
    own = own_submission(exercise)
    passed = any(each.passed and each.sha256 == own.sha256 for each in progress.attempts(exercise.id))
    return _code(course, exercise, own) if passed or exercise.solution is None else None


def code_in(course: Course, exercise: Exercise, path: Path) -> LabCode:
    """Return the code in a file for an exercise."""
    return _code(course, exercise, read_submission(path, exercise.id))


def reference_code(course: Course, exercise: Exercise) -> LabCode:
    """Return the reference of an exercise."""
    others = reference_texts(course.needed_by(exercise))
    return LabCode(exercise.id, read_text(exercise.reference), REFERENCE, others)


def _code(course: Course, exercise: Exercise, submission: Submission) -> LabCode:
    """Return a submission with what it imports. Raise UsageError if that is missing or not started."""
    imports = own_imports(course, exercise, submission.text)
    for name, why in imports.absent.items():
        raise UsageError(f"{exercise.id} imports {name}: {why}")
    for name in built_on(exercise.id, imports.of, used=True):
        finding = examine(imports.texts[name], name).finding
        if finding is not None:
            raise UsageError(f"{exercise.id} imports {name}, and there {finding.message}; grade exercise {name} first.")
    return LabCode(exercise.id, submission.text, submission.file, imports.texts)
