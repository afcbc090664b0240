"""Tests of `grade compare`: the screen, JSON, and invalid runs."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.compare import compare_runs
from grader.teach.handins.handin import Student
from tests.command_line import run
from tests.teach.gradebook.builders import (
    ADA,
    BOB,
    EVE,
    MOE,
    QUIZ,
    ROPE,
    begin,
    handed,
    quiz_result,
    record,
    regraded,
    result,
)


def test_names_the_questions_of_a_quiz_that_changed(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        record(gradebook, begin(gradebook, "again"), ADA, QUIZ, quiz_result(1.0, 1.0), submission="new")
    (move,) = json.loads(run("compare", "1", "last", "--json").stdout)["moved"]
    assert (move["before"], move["after"]) == (1.5, 2.0)
    assert [(each["id"], each["points_before"], each["points_after"]) for each in move["tests"]] == [("q2", 0.5, 1.0)]


def test_an_error_of_the_grader_is_not_a_loss_of_points(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        gradebook.fail(begin(gradebook, "again"), EVE, "rope", handed(EVE, ROPE), "the judge was lost")
        run_id = begin(gradebook, "once more")
        record(gradebook, run_id, EVE, ROPE, result(ROPE, first=0.0))
        record(gradebook, run_id, ADA, MOE, result(first=0.0))
        runs = gradebook.runs()
        there = compare_runs(runs[1], gradebook.entries(2), runs[2], gradebook.entries(3))
        back = compare_runs(runs[2], gradebook.entries(3), runs[1], gradebook.entries(2))
    assert [(move.student, move.difference, move.causes) for move in (*there.moved, *back.moved)] == [
        ("eve", None, ())
    ] * 2
    lines = run("compare", "2", "3").stdout.splitlines()
    assert ["eve", "rope", "-", "2", "?", "fault", "of", "the", "grader"] in [line.split() for line in lines]
    counts = "1 of 1 grades moved: 0 up, 0 down, 0 in their tests only, 1 without a result in one of the runs."
    assert counts in " ".join(" ".join(lines).split())


def test_shows_who_moved_and_why(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "again")
        record(gradebook, run_id, ADA, MOE, result(first=3.0), exercise="new")
        record(gradebook, run_id, ADA, ROPE, result(ROPE), submission="new")
        record(gradebook, run_id, BOB, MOE, result(first=0.0), exercise="new")
    lines = run("compare", "1", "2").stdout.splitlines()
    rows = [line.split() for line in lines]
    assert ["ada", "moe_router", "10", "8", "-2", "tests"] in rows
    assert ["test_first", "passed", "->", "wrong", "values", "5", "->", "3"] in rows
    assert ["ada", "rope", "3.5", "4", "+0.5", "code"] in rows
    assert lines.index("  2 of 3 grades moved: 1 up, 1 down, 0 in their tests only.") > 0
    assert "NOT KNOWN" not in "".join(lines)
    assert "    ada/moe" in lines
    assert all(cell_len(line) <= 77 for line in lines)


def test_shows_unexplained_changes_first(gradebook_folder: Path) -> None:
    regraded(gradebook_folder, result())
    lines = run("compare", "1", "last").stdout.splitlines()
    assert lines[4] == "  UNEXPLAINED   1 of them: look at these first."
    assert any(line.endswith("+5   not known") for line in lines)


def test_compares_runs_of_two_gradebooks(gradebook_folder: Path, tmp_path: Path) -> None:
    with Gradebook(tmp_path / "other", create=True) as gradebook:
        record(gradebook, begin(gradebook), BOB, MOE, result(), torch="2.5")
    (move,) = json.loads(run("compare", "results", "other", "--json").stdout)["moved"]
    assert (move["student"], move["after"], move["causes"]) == ("bob", 10.0, ["torch"])
    assert "Nothing changed" in run("compare", "results", "last").stdout


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["1", "7"], "There is no run 7; grade gradebook DIR --runs lists them."),
        (["1", "x"], "'x' is not a run: give its number, the word last, or a folder with a gradebook."),
        (["1", "."], ".: there is no gradebook here; grade batch SUBMISSIONS --out DIR creates one."),
    ],
)
def test_rejects_an_unknown_run(gradebook_folder: Path, args: list[str], sentence: str) -> None:
    done = run("compare", *args)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {sentence}\n")


def test_long_and_hostile_names_cannot_break_the_screen(tmp_path: Path) -> None:
    stranger = Student(id="\x1b[2J長い名前\n" * 9)
    with Gradebook(tmp_path, create=True) as gradebook:
        for command in ("one", "two"):
            run_id = begin(gradebook, command, students=[stranger])
            record(gradebook, run_id, stranger, MOE, result(first=0.0 if command == "one" else 5.0))
        lone = begin(gradebook, "three", students=[stranger])
        record(gradebook, lone, stranger, ROPE, result(ROPE))
    for args in (("1", "2"), ("1", "3")):
        text = run("compare", *args, "--gradebook", str(tmp_path)).stdout
        assert all(line.isprintable() and cell_len(line) <= 77 for line in text.splitlines())
