"""Tests of `grade hint`."""

from pathlib import Path

import msgspec
import pytest

from grader.course.progress import Graded, Progress
from tests.command_line import error, run
from tests.passed import record


def test_shows_hints_one_by_one_and_records_them(small_course: Path) -> None:
    first, second, third = (run("hint", "alpha").stdout for _ in range(3))
    assert "hint 1 of 2" in first
    assert "grade hint alpha" in first
    assert "hint 2 of 2" in second
    assert "This is the last hint." in second
    assert third == second
    assert Progress.load(small_course).hints_shown("alpha") == 2
    assert len(Progress.load(small_course).events) == 2
    assert "hint 1 of 2" in run("hint", "beta").stdout


def test_shows_an_earlier_hint_by_its_number(small_course: Path) -> None:
    assert error("hint", "alpha", "2") == "Hint 2 comes after hint 1; grade hint alpha shows the next one."
    first = run("hint", "alpha", "1").stdout
    assert run("hint", "alpha", "1").stdout == first
    assert "hint 2 of 2" in run("hint", "alpha").stdout
    assert run("hint", "alpha", "1").stdout == first
    assert Progress.load(small_course).hints_shown("alpha") == 2
    assert error("hint", "alpha", "3") == "alpha has 2 hints, but no hint 3."


def test_without_an_id_it_takes_the_current_exercise(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "alpha   hint 1 of 2" in run("hint").stdout
    assert "alpha   hint 2 of 2" in run("hint").stdout
    assert "alpha   hint 1 of 2" in run("hint", "1").stdout
    for number in ("0", "3"):
        assert error("hint", number) == f"alpha has 2 hints, but no hint {number}."
    monkeypatch.chdir(small_course / "exercises" / "beta")
    assert "beta   hint 1 of 2" in run("hint").stdout


def test_without_an_id_it_says_that_all_are_passed(small_course: Path) -> None:
    for name in ("alpha", "beta", "gamma"):
        record(small_course, name, 4)
    assert error("hint") == "Every exercise is passed; name one: grade hint ID."


def test_fits_a_narrow_terminal(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, run("hint", "alpha").stdout.splitlines())) <= 40


def test_reads_no_other_exercise(small_course: Path) -> None:
    (small_course / "exercises" / "beta" / "exercise.yaml").write_text("broken: [")
    assert run("hint", "alpha").exit_code == 0


def test_rejects_an_unknown_exercise(small_course: Path) -> None:
    assert error("hint", "alpa") == "No exercise 'alpa' in this course. Did you mean 'alpha'?"


def test_says_that_an_exercise_has_no_hints(small_course: Path) -> None:
    file = small_course / "exercises" / "alpha" / "exercise.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("hints:")])
    assert "has no hints" in run("hint", "alpha").stdout


@pytest.mark.parametrize(
    ("test", "call", "about"),
    [
        ("test_values", "alpha", "\n  for values"),
        ("test_other", "alpha", "\n  for alpha"),
        ("test_other", "Gate.forward", "\n  for Gate"),
        ("test_other", "beta", ""),
        (None, None, ""),
    ],
)
def test_the_first_hints_are_about_what_failed_first(
    small_course: Path, test: str | None, call: str | None, about: str
) -> None:
    with (small_course / "exercises" / "alpha" / "exercise.yaml").open("a") as file:
        file.write("hints_for: {test_values: [Add them.], alpha: [First alpha.], Gate: [Open it.]}\n")
    progress = Progress.load(small_course)
    tried = Graded(
        exercise="alpha", score=0, max_score=1, passed=False, sha256="", failing_test=test, failing_call=call
    )
    progress.record(tried)
    total = 3 if about else 2
    first, second = run("hint", "alpha").stdout, run("hint", "alpha").stdout
    assert f"hint 1 of {total}{about}\n" in first
    assert f"hint 2 of {total}\n\n" in second
    progress.record(msgspec.structs.replace(tried, failing_test=None))
    following = run("hint", "alpha").stdout  # the general hints have a count of their own
    assert ("hint 1 of 2\n" if about else "hint 2 of 2\n") in following
