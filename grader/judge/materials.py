"""What a judge needs of an exercise, read from the course."""

from collections.abc import Iterable
from pathlib import Path

from grader.course.document import read_text
from grader.course.model import Course, Exercise
from grader.course.variations import load_variations
from grader.judge.messages import Materials, Misstep

MIB = 1 << 20


def reference_texts(exercises: Iterable[Exercise]) -> dict[str, str]:
    """The references of exercises by module name; none of a course that was released without solutions."""
    return {each.id: read_text(each.reference) for each in exercises if each.solution is not None}


def materials_of(course: Course, exercises: Iterable[Exercise]) -> list[Materials]:
    """What judges need for these exercises: theirs, and those of the exercises that they build on."""
    wanted = {each.id for exercise in exercises for each in (exercise, *course.needed_by(exercise))}
    return [materials(course, each) for each in course.exercises if each.id in wanted]


def materials(course: Course, exercise: Exercise) -> Materials:
    """The tests, the reference and the known mistakes of an exercise.

    Of a course that was released without solutions only the public tests. UsageError for whatever is wrong in a file.
    """
    tests: tuple[str, ...] = (str(exercise.public_tests.resolve()),)
    hidden: str | None = None
    reference: str | None = None
    mistakes: tuple[Misstep, ...] = ()
    if exercise.solution is not None:
        hidden = str(exercise.hidden_tests.resolve())
        reference = read_text(exercise.reference)
        mistakes = tuple(
            Misstep(each.name, each.replaces, each.advice, each.source)
            for each in load_variations(exercise.mistakes, reference, exercise.id)
            if each.ends is None
        )
        tests = (*tests, hidden)
    for path in tests:
        read_text(Path(path))  # a missing file is said before a judge is started
    needed = course.needed_by(exercise)
    return Materials(
        exercise.id,
        tests,
        hidden,
        reference,
        tuple(each.id for each in needed),
        reference_texts(needed),
        mistakes,
        exercise.limits.seconds,
        exercise.limits.memory * MIB,
        course.show_hidden_output,
    )
