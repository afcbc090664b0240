"""What a judge needs of an exercise, read from the course."""

from collections.abc import Iterable
from pathlib import Path

from grader.base.files import read_text
from grader.course.model import Course, Exercise
from grader.course.variations import load_variations
from grader.engine.judge.messages import Materials, Misstep

MIB = 1 << 20


def reference_texts(exercises: Iterable[Exercise]) -> dict[str, str]:
    """The references of exercises by module name; none of a course that was released without solutions."""
    return {each.id: read_text(each.reference) for each in exercises if each.solution is not None}


def materials_of(course: Course, exercises: Iterable[Exercise], imported: Iterable[str] = ()) -> list[Materials]:
    """What judges need to grade these exercises, and to tell whether those pass that submissions import.

    `imported` are their ids; of those that are not graded for their own sake no mistake is told.
    """
    graded = {each.id for each in exercises}
    wanted = graded | set(imported)
    return [materials(course, each, mistakes=each.id in graded) for each in course.exercises if each.id in wanted]


def materials(course: Course, exercise: Exercise, *, mistakes: bool = True) -> Materials:
    """The tests, the reference and, if wanted, the known mistakes of an exercise.

    Of a course that was released without solutions only the public tests. UsageError for whatever is wrong in a file.
    """
    tests: tuple[str, ...] = (str(exercise.public_tests.resolve()),)
    hidden: str | None = None
    reference: str | None = None
    known: tuple[Misstep, ...] = ()
    if exercise.solution is not None:
        hidden = str(exercise.hidden_tests.resolve())
        reference = read_text(exercise.reference)
        known = tuple(
            Misstep(each.name, each.replaces, each.advice, each.source)
            for each in (load_variations(exercise.mistakes, reference, exercise.id) if mistakes else ())
            if each.ends is None
        )
        tests = (*tests, hidden)
    for path in tests:
        read_text(Path(path))  # a missing file is said before a judge is started
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
