"""Tests of `grade course new`."""

import subprocess
import sys
from pathlib import Path

import pytest

from grader.course import load_course
from grader.quiz.load import load_quiz
from tests.command_line import error, run


def test_a_new_course_passes_check(tmp_path: Path) -> None:
    folder = tmp_path / "sorting-by_hand"
    made = run("course", "new", str(folder))
    assert made.exit_code == 0, made.output
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {line.strip() for line in made.stdout.splitlines() if line.startswith("    ")}
    course = load_course(folder)
    assert (course.title, [each.id for each in course.exercises]) == ("sorting by hand", ["double"])
    assert {each.level for each in load_quiz(folder / "lessons/01-doubling/quiz.yaml").questions} == {
        "recall",
        "apply",
        "analyse",
    }
    command = [sys.executable, "-m", "grader.cli", "--course", str(folder), "check", "--seeds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    last = "1 of 1 lessons pass. 1 of 1 quizzes pass. 1 of 1 exercises pass on 2 seeds."
    assert done.stdout.splitlines()[-1].strip() == last
    assert "1 part   2 blocks of code" in done.stdout


def test_accepts_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("course", "new", ".", "--title", 'A "quoted" title: ×').exit_code == 0
    assert load_course(tmp_path).title == 'A "quoted" title: ×'
    assert "  read      grade lesson 1.1" in run("lesson", "1").stdout
    assert "double" in run("list", "1").stdout


def test_refuses_to_overwrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("full", "file", "link"):
        assert error("course", "new", name) == (f"{name} already exists and is not an empty folder; choose another.")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


def test_reports_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert error("course", "new", str(tmp_path / "file" / "course")).endswith("cannot be written: Not a directory.")


def test_rejects_invalid_arguments(tmp_path: Path) -> None:
    assert error("course", "new", str(tmp_path / "x"), "--title", "a\nb") == "The title must be one line of text."
    assert not (tmp_path / "x").exists()
    assert error("course") == "Missing argument 'new'. Choose from: new"
    assert error("course", "make", "x") == "Invalid value for 'new': 'make' is not 'new'."
