"""The code that labs and demos run: the student's own, with the exercises that it imports, or the reference."""

from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.course import Course, Exercise
from grader.course.labs import CourseLab
from grader.course.progress import Progress
from grader.engine.judge.materials import reference_texts
from grader.engine.judge.messages import LabCode
from grader.engine.submission import Submission, examine, read_submission
from grader.engine.submission.imports import built_on, gather_imports
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


class CodeOfLab(msgspec.Struct, frozen=True):
    """The code of a lab of the whole course, beside the exercises that have passed."""

    code: LabCode
    missing: tuple[str, ...]  # exercises that it may import, and that have not passed
    references: tuple[str, ...]  # those of which the reference is taken instead


def code_of_lab(course: Course, lab: CourseLab, progress: Progress, *, with_reference: bool) -> CodeOfLab:
    """Return the code of a lab of the whole course with the student's exercises that have passed.

    With `with_reference`, the reference takes the place of those that have not.
    """
    text = read_text(lab.code)
    ids = [each.id for each in course.exercises]
    wanted = gather_imports(lab.name, text, ids, lambda name: "").texts
    own: dict[str, str] = {}
    references: dict[str, str] = {}
    missing = []
    for exercise in (each for each in course.exercises if each.id in wanted):
        if (code := passed_code(course, exercise, progress)) is not None:
            own |= {**code.others, exercise.id: code.source}
        elif with_reference:
            references |= reference_texts((*course.needed_by(exercise), exercise))
        else:
            missing.append(exercise.id)
    code = LabCode(lab.name, text, str(shown(lab.code)), references | own)
    return CodeOfLab(code, tuple(missing), tuple(each for each in references if each in wanted and each not in own))


def passed_code(course: Course, exercise: Exercise, progress: Progress) -> LabCode | None:
    """Return the student's code of an exercise if it can be run, else None: grading the exercise tells why."""
    try:
        return own_code(course, exercise, progress)
    except UsageError:
        return None


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
