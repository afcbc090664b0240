"""Tests of `grade export`; the contents of an autograder are tested in tests/teach/formats."""

import subprocess
from pathlib import Path

import pytest

from tests.command_line import error, run, telling_imports
from tests.paths import ROOT
from tests.teach.question_banks.read_canvas import read_canvas
from tests.teach.question_banks.read_gift import read_gift
from tests.teach.question_banks.read_moodle import read_moodle
from tests.teach.question_banks.read_qti21 import read_qti21

READERS = {"canvas": read_canvas, "moodle": read_moodle, "gift": read_gift, "qti21": read_qti21}
FILES = {
    "canvas": "all-things.canvas.zip",
    "moodle": "all-things.moodle.xml",
    "gift": "all-things.gift.txt",
    "qti21": "all-things.qti21.zip",
}


@pytest.mark.parametrize("form", FILES)
def test_writes_a_quiz_and_names_what_the_format_lacks(quiz_course: Path, form: str) -> None:
    result = run("export", "quiz", "all", "--format", form)
    assert result.exit_code == 0
    assert f"  {FILES[form]}   9 questions, " in result.stdout
    assert "    2 of them have parameters: 7 variants, of which a student gets one each" in result.stdout
    assert all(line.startswith("note: ") for line in result.stderr.splitlines())
    assert "is wrong (name-of-it).\n" in result.stderr
    questions = [read.name for _, reads in READERS[form](Path(FILES[form]).read_bytes()) for read in reads]
    assert len(questions) == 7 + 7


def test_accepts_a_file_an_amount_and_a_seed(quiz_course: Path) -> None:
    def written(*options: str) -> bytes:
        assert run("export", "quiz", "all", "--format", "gift", "--out", "deep/q.txt", *options).exit_code == 0
        return Path("deep/q.txt").read_bytes()

    first = written("--variants", "2")
    assert sum(len(reads) for _, reads in read_gift(first)) == 7 + 4
    assert written("--variants", "2") == first
    assert written("--variants", "2", "--seed", "2027") != first


def test_rejects_what_cannot_be_exported(quiz_course: Path) -> None:
    Path("folder").mkdir()
    Path("file").write_text("")
    assert error("export", "quiz", "al-thongs", "--format", "gift").startswith("No lesson 'al-thongs' in this course.")
    assert "has no quiz: there is no lessons/02-other-things/quiz.yaml" in error(
        "export", "quiz", "other", "--format", "gift"
    )
    assert "folder cannot be written: " in error("export", "quiz", "all", "--format", "gift", "--out", "folder")
    assert "file/q.txt cannot be written: " in error("export", "quiz", "all", "--format", "gift", "--out", "file/q.txt")
    assert "'blackboard' is not one of 'canvas', 'moodle', 'gift', 'qti21'" in error(
        "export", "quiz", "all", "--format", "blackboard"
    )
    assert "'0' is not a whole number from 1 to 100." in error(
        "export", "quiz", "all", "--format", "gift", "--variants", "0"
    )
    assert error("export", "quiz", "all") == "Choose a format: --format canvas or moodle or gift or qti21."


def test_exporting_a_quiz_imports_nothing_that_grades(quiz_course: Path) -> None:
    command = telling_imports(["export", "quiz", "all", "--format", "canvas"], {"torch", "pytest", "numpy"})
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stderr.splitlines()[-1] == "loaded []"


def test_rejects_an_invalid_quiz(quiz_course: Path) -> None:
    path = next(quiz_course.glob("lessons/*/quiz.yaml"))
    path.write_text(path.read_text().replace("pin: last", "pin: end"))
    assert "'one-right'" in error("export", "quiz", "all", "--format", "canvas", "--out", "q.zip")
    assert not Path("q.zip").exists()


def test_help_lists_the_kinds_of_export(quiz_course: Path) -> None:
    shown = run("export", "--help").stdout
    assert "  gradescope  Write an autograder for Gradescope.\n" in shown
    assert "  quiz        Write a quiz for Canvas or Moodle, or as GIFT or QTI 2.1.\n" in shown
    assert error("export").startswith("Choose one: grade export gradescope ID..., or grade export quiz LESSON")
    assert "No such command 'quizz'" in error("export", "quizz")
