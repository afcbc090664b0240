"""Tests of `grade notebook`."""

import subprocess
from pathlib import Path

import nbformat
import pytest

from tests.command_line import error, run, telling_imports
from tests.study.notebook.courses import with_a_lesson


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a course whose lesson 1 has one part, and change to its folder."""
    root = with_a_lesson(tmp_path / "course")
    monkeypatch.chdir(root)
    return root


def test_it_writes_a_file_named_after_the_part(course: Path) -> None:
    done = run("notebook", "1.1")
    assert done.exit_code == 0, done.output
    assert "jupyter lab 1.1-sums.ipynb" in done.stdout
    nbformat.validate(nbformat.read(course / "1.1-sums.ipynb", as_version=4))


def test_a_repository_makes_a_badge_that_opens_the_file_in_colab(course: Path) -> None:
    (course / "notebooks").mkdir()
    repository = "https://github.com/ada/course/tree/week/3"
    assert run("notebook", "1.1", "--out", "notebooks/my 1.ipynb", "--repository", repository).exit_code == 0
    notebook = nbformat.read(course / "notebooks/my 1.ipynb", as_version=4)
    address = "https://colab.research.google.com/github/ada/course/blob/week/3/notebooks/my%201.ipynb"
    assert f"]({address})" in notebook.cells[0].source.splitlines()[0]


@pytest.mark.parametrize("address", ["https://gitlab.com/ada/course", "ada/course", "git@github.com:ada/course.git"])
def test_another_address_is_refused_and_nothing_is_written(course: Path, address: str) -> None:
    assert error("notebook", "1.1", "--repository", address) == (
        f"'{address}' is not the address of a GitHub repository; give one such as https://github.com/OWNER/REPO."
    )
    assert not list(course.glob("*.ipynb"))


def test_a_notebook_with_a_badge_is_in_the_course(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.ipynb"
    sentence = error("notebook", "1.1", "--out", str(out), "--repository", "https://github.com/ada/course")
    assert sentence == f"{out} is not in the course's folder, {course}; with --repository it has to be."
    assert not out.exists()


def test_a_lesson_has_the_names_that_it_has_elsewhere(course: Path) -> None:
    assert run("notebook", "tools.1", "--out", "mine.ipynb").exit_code == 0
    assert (course / "mine.ipynb").is_file()


def test_a_file_that_is_there_is_left_alone(course: Path) -> None:
    (course / "mine.ipynb").write_text("answers")
    assert error("notebook", "1.1", "--out", "mine.ipynb") == (
        "mine.ipynb already exists; name another file with --out FILE."
    )
    assert (course / "mine.ipynb").read_text() == "answers"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("1", "'1' is not a part of the lesson; its parts are 1.1."),
        ("1.2", "'1.2' is not a part of the lesson; its parts are 1.1."),
        ("tools", "'tools' is not a part of the lesson; its parts are 1.1."),
        ("7.1", "No lesson '7' in this course. grade lesson --list shows them all."),
    ],
)
def test_one_part_is_wanted(course: Path, name: str, sentence: str) -> None:
    assert error("notebook", name) == sentence


def test_a_lesson_that_is_not_written(course: Path) -> None:
    (course / "lessons/01-tools/1-sums.md").unlink()
    assert error("notebook", "1.1") == "Lesson 1, Tools, is not written yet: lessons/01-tools has no part."


def test_a_folder_that_is_not_there(course: Path) -> None:
    assert error("notebook", "1.1", "--out", "no/mine.ipynb") == (
        "no/mine.ipynb cannot be written: No such file or directory."
    )


def test_it_needs_nothing_of_jupyter_but_the_format(course: Path) -> None:
    command = telling_imports(["notebook", "1.1"], {"torch", "pytest", "IPython", "nbclient", "ipykernel"})
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "loaded []\n"
