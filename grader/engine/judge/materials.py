"""Materials for judges, read from the course."""

from collections.abc import Iterable
from pathlib import Path

from grader.base.files import read_text
from grader.course.model import Course, Exercise
from grader.engine.judge.messages import Materials

MIB = 1 << 20


def reference_texts(exercises: Iterable[Exercise]) -> dict[str, str]:
    """Return the references of exercises by module name; none of a course released without solutions."""
    return {each.id: read_text(each.reference) for each in exercises if each.solution is not None}


def materials_of(course: Course, exercises: Iterable[Exercise], imported: Iterable[str] = ()) -> list[Materials]:
    """Return the materials of exercises to grade, and of the exercises that submissions import.

    `imported` are ids. Those exercises come without known mistakes, because only whether they pass matters.
    """
    graded = {each.id for each in exercises}
    wanted = graded | set(imported)
    return [materials(course, each, mistakes=each.id in graded) for each in course.exercises if each.id in wanted]


def materials(course: Course, exercise: Exercise, *, mistakes: bool = True) -> Materials:
    """Return the tests, the reference and, if wanted, the known mistakes of an exercise.

    A course released without solutions has only the public tests. Raises UsageError if a file is missing or invalid.
    """
    tests: tuple[str, ...] = (str(exercise.public_tests.resolve()),)
    hidden: str | None = None
    reference: str | None = None
    known: str | None = None
    if exercise.solution is not None:
        hidden = str(exercise.hidden_tests.resolve())
        reference = read_text(exercise.reference)
        if mistakes:
            known = read_text(exercise.mistakes)
        tests = (*tests, hidden)
    for path in tests:
        read_text(Path(path))  # report a missing file before a judge is started
    return Materials(
        exercise.id,
        tests,
        hidden,
        reference,
        reference_texts(course.needed_by(exercise)),
        known,
        exercise.limits.seconds,
        exercise.limits.memory * MIB,
        course.show_hidden_output,
    )
