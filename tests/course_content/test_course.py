"""The course in this repository loads, and each exercise has what it should."""

from grader.course import load_course
from grader.course.stub import disagreements
from grader.course.variations import load_variations
from tests.paths import ROOT


def test_our_course_loads() -> None:
    course = load_course(ROOT)
    assert [lesson.number for lesson in course.lessons] == list(range(1, 11))
    for exercise in course.exercises:
        reference = exercise.reference.read_text("utf-8")
        assert disagreements(exercise.stub.read_text("utf-8"), reference) == ()
        assert len(load_variations(exercise.mistakes, reference, exercise.id)) >= 3
        assert len(load_variations(exercise.variants, reference, exercise.id)) >= 3
