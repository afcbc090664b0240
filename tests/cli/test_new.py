"""Tests of `grade new`."""

from pathlib import Path

from grader.course import load_course
from grader.course.stub import disagreements
from grader.course.variations import load_variations
from grader.engine.submission import examine
from tests.command_line import error, run


def test_creates_a_complete_exercise(small_course: Path) -> None:
    result = run("new", "delta", "--lesson", "3", "--title", 'a "quoted" \\ title: "×"')
    assert "   grade check delta   " in result.stdout.splitlines()[-1]
    exercise = load_course(small_course).exercise("delta")
    assert (exercise.title, exercise.lesson) == ('a "quoted" \\ title: "×"', 3)
    stub, reference = exercise.stub.read_text("utf-8"), exercise.reference.read_text("utf-8")
    assert disagreements(stub, reference) == ()
    finding = examine(stub, "delta").finding
    assert finding is not None
    assert finding.outcome == "not_started"
    for file in (exercise.mistakes, exercise.variants):
        assert len(load_variations(file, reference, "delta")) == 3
    tests = exercise.public_tests.read_text() + exercise.hidden_tests.read_text()
    assert tests.count("@points(1)\n") == exercise.points
    assert exercise.statement.is_file()


def test_refuses_to_overwrite(small_course: Path) -> None:
    assert "already exists" in error("new", "alpha", "--lesson", "1")
    (small_course / "solutions" / "epsilon").mkdir()
    assert "already exists" in error("new", "epsilon", "--lesson", "1")
    assert not (small_course / "exercises" / "epsilon").exists()


def test_rejects_invalid_input(small_course: Path) -> None:
    assert "cannot be the name" in error("new", "Moe-Router", "--lesson", "1")
    assert "cannot be the name" in error("new", "../up", "--lesson", "1")
    assert "cannot be the name" in error("new", "torch", "--lesson", "1")
    assert "no lesson 9" in error("new", "epsilon", "--lesson", "9")
    assert "one line" in error("new", "epsilon", "--lesson", "1", "--title", "a\nb")
