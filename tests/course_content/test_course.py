"""The course in this repository loads, and each exercise has what it should."""

import re

from grader.course import load_course
from grader.course.stub import disagreements
from tests.paths import ROOT


def test_our_course_loads() -> None:
    course = load_course(ROOT)
    assert [lesson.number for lesson in course.lessons] == list(range(1, 11))
    for exercise in course.exercises:
        reference = exercise.reference.read_text("utf-8")
        assert exercise.hints
        assert disagreements(exercise.stub.read_text("utf-8"), reference) == ()


def test_a_point_means_the_same_in_every_lesson() -> None:
    course = load_course(ROOT)
    assert {each.id: each.points for each in course.exercises} == {e.id: 20.0 * e.level for e in course.exercises}
    for exercise in course.exercises:
        tests = exercise.public_tests.read_text("utf-8") + exercise.hidden_tests.read_text("utf-8")
        marks = [int(mark) for mark in re.findall(r"^@points\((\d+)\)$", tests, re.MULTILINE)]
        assert (sum(marks), min(marks) >= 1) == (exercise.points, True), exercise.id


def test_every_statement_says_that_arguments_stay() -> None:
    """Every exercise has a test that fails if an argument is changed in place, so every statement says so."""
    course = load_course(ROOT)
    said = re.compile(r"Your code leaves its arguments unchanged\.|The arguments stay as they were\.")
    texts = {each.id: each.statement.read_text("utf-8") + each.stub.read_text("utf-8") for each in course.exercises}
    assert [name for name, text in texts.items() if not said.search(" ".join(text.split()))] == []
