"""Tests of `grade lab`, which runs a lab on the student's code and stores its results."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

YAML = """\
title: growth
lesson: 1
level: 1
minutes: 5
points: 1
passed: ok
"""
STUB = "def grow(x):\n    raise NotImplementedError\n"
RIGHT = "import torch\n\ndef grow(x):\n    return x * torch.rand(())\n"
RAISES = "def grow(x):\n    return x.missing\n"
RETURNS_NONE = "def grow(x):\n    return None\n"
LAB = """
from grader.lab import Step
from grader.pictures import Curves, Heatmap, Line, Table


def run(submission, rng):
    yield Step("growing")
    ys = [submission.grow(rng.rand(1)).item() for _ in range(5)]
    yield Curves("growth", "What grew", "time", "size", (Line("yours", [0, 1, 2, 3, 4], ys),))
    yield Heatmap("map", "A map", ("a", "b"), ("c", "d"), [[0.0, 1.0], ys[:2]])
    yield Table("Numbers", ("size",), [("last", [ys[-1]])])
"""


OTHER = "def double(x):\n    return 2 * x\n"
IMPORTS = "from other import double\n\ndef grow(x):\n    return double(x)\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = tmp_path / "course"
    folder = root / "exercises" / "growth_lab"
    folder.mkdir(parents=True)
    (root / "course.yaml").write_text("title: One\nlessons:\n  - {number: 1, slug: one, title: One, short: one}\n")
    (folder / "exercise.yaml").write_text(YAML)
    (folder / "growth_lab.py").write_text(RIGHT)
    (folder / "lab.py").write_text(LAB)
    return root


def run(course: Path, *arguments: str, text: str | None = None, lab: str | None = None) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of `grade lab` with this submission and this script."""
    folder = course / "exercises" / "growth_lab"
    for file, content in (("growth_lab.py", text), ("lab.py", lab)):
        if content is not None:
            (folder / file).write_text(content)
    command = [sys.executable, "-m", "grader.cli", "lab", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=course)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["growth", "growth_lab"])
def test_draws_and_stores_the_results(course: Path, name: str) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is not installed")
    code, screen, complaints = run(course, name, "--out", "pictures")
    assert (code, complaints) == (0, "")
    assert [words in screen for words in ("growing", "What grew", "A map", "Numbers")] == [True] * 4
    for picture in ("growth.png", "map.png"):
        assert (course / "pictures" / picture).read_bytes().startswith(b"\x89PNG")
        assert f"pictures/{picture}" in screen
    kept = json.loads((course / "pictures" / "measured.json").read_text())
    curves, heatmap, table = kept["measured"]
    assert (kept["exercise"], kept["seed"]) == ("growth_lab", 0)
    assert table["rows"] == [["last", [curves["lines"][0]["ys"][-1]]]]
    assert heatmap["values"][1] == curves["lines"][0]["ys"][:2]


def with_other(course: Path, text: str) -> None:
    """Add another exercise with the student's file."""
    folder = course / "exercises" / "other"
    folder.mkdir()
    (folder / "exercise.yaml").write_text(YAML)
    (folder / "other.py").write_text(text)


def test_runs_with_the_exercises_that_the_code_imports(course: Path) -> None:
    with_other(course, OTHER)
    assert run(course, "growth", "--out", "out", text=IMPORTS)[::2] == (0, "")


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ("def double(x):\n    raise NotImplementedError\n", "and there nothing is written yet"),
        ("def double(x:\n", "and there '(' was never closed"),
    ],
)
def test_asks_for_an_imported_exercise_first(course: Path, other: str, complaint: str) -> None:
    with_other(course, other)
    code, _, complaints = run(course, "growth", text=IMPORTS)
    assert (code, complaints) == (2, f"error: growth_lab imports other, {complaint}; grade exercise other first.\n")


def test_names_an_imported_file_that_cannot_be_read(course: Path) -> None:
    with_other(course, OTHER)
    (course / "exercises/other/other.py").write_bytes(b"x = '\xff'\n")
    code, _, complaints = run(course, "growth", text=IMPORTS)
    assert code == 2
    assert complaints.startswith("error: growth_lab imports other: exercises/other/other.py cannot be decoded")


def test_the_numbers_depend_only_on_the_seed(course: Path) -> None:
    def measured(seed: str) -> object:
        assert run(course, "growth", "--seed", seed, "--out", "out")[0] == 0
        return json.loads((course / "out" / "measured.json").read_text())["measured"]

    once = measured("5")
    assert measured("5") == once
    assert measured("6") != once


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STUB, "not written yet"),
        (RAISES, "'missing'"),
        (RETURNS_NONE, "grow returned None"),
        ("def grow(x:\n", "never closed"),
        ("def other(x):\n    return x\n", "no 'grow'"),
        ("import os\n\ndef grow(x):\n    os._exit(3)\n", "exit code 3"),
    ],
)
def test_reports_an_exception_in_the_students_code(course: Path, text: str, words: str) -> None:
    code, screen, complaints = run(course, "growth", text=text)
    assert (code, complaints) == (1, "")
    assert words in " ".join(screen.split())
    assert "grade exercise growth_lab" in screen


@pytest.mark.parametrize(
    ("lab", "words"),
    [
        ("x = 1\n", "a lab defines run(submission, rng)"),
        ("import nothing_of_this_name\n", "the lab cannot be loaded: ModuleNotFoundError"),
        ("def run(submission, rng):\n    yield 3\n", "a lab yields Step, Curves, Heatmap or Table"),
        ("def run(submission, rng):\n    raise KeyError('a')\n    yield\n", "KeyError"),
    ],
)
def test_reports_an_error_in_the_script(course: Path, lab: str, words: str) -> None:
    code, _, complaints = run(course, "growth", lab=lab)
    assert code == 2
    assert complaints.startswith("error: exercises/growth_lab/lab.py")
    assert words in complaints


def test_lists_labs_and_finds_them_by_name(course: Path) -> None:
    code, screen, _ = run(course)
    assert code == 0
    assert "grade lab growth" in screen
    code, _, complaints = run(course, "grwth")
    assert code == 2
    assert "No lab 'grwth' in this course. Did you mean 'growth'?" in complaints


def test_a_lab_can_have_its_own_name(course: Path) -> None:
    description = course / "exercises" / "growth_lab" / "exercise.yaml"
    description.write_text(YAML + "lab_name: plants\n")
    assert "grade lab plants" in run(course)[1]
    for name in ("plants", "growth_lab"):
        code, screen, _ = run(course, name)
        assert (code, "What grew" in screen) == (0, True)
    assert "Did you mean 'plants'?" in run(course, "plant")[2]


@pytest.mark.parametrize("out", ["course.yaml", "course.yaml/sub", "/proc/none/of/this"])
def test_reports_an_unwritable_folder_before_the_run(course: Path, out: str) -> None:
    code, screen, complaints = run(course, "growth", "--out", out)
    assert (code, screen) == (2, "")
    assert out.split("/")[-1] in complaints
    assert "Traceback" not in complaints


FELLING = f"""
import os
from pathlib import Path

{LAB}
whole = run


def run(submission, rng):
    for shown in whole(submission, rng):
        yield shown
        if not Path("felled").exists():
            Path("felled").touch()
            os.kill(os.getppid(), 9)
"""


def test_runs_again_if_the_warm_process_dies(course: Path, staying: Path) -> None:
    felled = course / "felled"
    code, screen, complaints = run(course, "growth", "--out", "out", lab=FELLING.replace('"felled"', repr(str(felled))))
    assert (code, complaints) == (0, "")
    assert felled.exists()
    assert "Numbers" in screen
    measured = json.loads((course / "out" / "measured.json").read_text())["measured"]
    assert [each["type"] for each in measured] == ["curves", "heatmap", "table"]
