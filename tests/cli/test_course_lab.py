"""Tests of labs of the whole course, which run the exercises that have passed, and of Ctrl-C in a lab."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.course.progress import Graded, Progress

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

YAML = "title: {0}\nlesson: 1\nlevel: 1\nminutes: 5\npoints: 1\npassed: ok\n"
SEED, WATER = "def seed():\n    return 3\n", "def water(x):\n    return 2 * x\n"
OWN = "def seed():\n    return 5\n"
CODE = """\
def plant():
    from seed import seed

    return seed()


def tend(plant):
    from water import water

    return water(plant)


def say():
    return "\\x1b[31mgreen"
"""
LAB = '''\
"""Grows what has passed."""

import time
from pathlib import Path
from typing import Annotated

import msgspec

from grader.course.document import Document
from grader.lab import Note, Quote, Step, Stopped
from grader.pictures import Table


class Config(msgspec.Struct, forbid_unknown_fields=True):
    days: Annotated[int, msgspec.Meta(ge=0)]
    water: bool


def run(submission, rng, setting, *, patience=0.0):
    document = Document(Path(setting.config))
    config = document.convert(Config)
    if config.water and "water" in setting.missing:
        raise document.error(("water",), "'water' needs water, which has not passed.")
    plant = submission.plant()
    days = 0
    try:
        yield Step("growing")
        while days < config.days:
            days += 1
            if config.water:
                plant = submission.tend(plant)
            yield Note(f"day {days}: {plant}")
            time.sleep(patience)
    except Stopped:
        yield Note("frost")
    yield Quote("It says", submission.say())
    yield Table("Grown", ("size", "references"), [("plant", [plant, len(setting.references)])])
'''


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a course of two exercises with their references, and a lab of both; nothing has passed."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = tmp_path / "course"
    for exercise, text in (("seed", SEED), ("water", WATER)):
        for folder in ("exercises", "solutions"):
            (root / folder / exercise).mkdir(parents=True)
            (root / folder / exercise / f"{exercise}.py").write_text(text)
        (root / "exercises" / exercise / "exercise.yaml").write_text(YAML.format(exercise))
    (root / "course.yaml").write_text("title: One\nlessons:\n  - {number: 1, slug: one, title: One, short: one}\n")
    lab = root / "labs" / "garden"
    lab.mkdir(parents=True)
    (lab / "lab.py").write_text(LAB)
    (lab / "garden.py").write_text(CODE)
    (lab / "garden.yaml").write_text("days: 2\nwater: true\n")
    return root


def passed(course: Path, exercise: str, text: str) -> None:
    """Write the student's file of an exercise, and record that it has passed."""
    (course / "exercises" / exercise / f"{exercise}.py").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    event = Graded(exercise=exercise, score=1, max_score=1, passed=True, sha256=digest)
    Progress.load(course).record(event)


def lab(course: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of `grade lab`."""
    command = [sys.executable, "-m", "grader.cli", "lab", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=course)
    return done.returncode, done.stdout, done.stderr


def grown(course: Path) -> list[float]:
    """Return the numbers of the table that was kept."""
    measured = json.loads((course / "out" / "measured.json").read_text())["measured"]
    (numbers,) = [each["rows"][0][1] for each in measured if each["type"] == "table"]
    return list(numbers)


def test_runs_what_has_passed(course: Path) -> None:
    passed(course, "seed", OWN)
    passed(course, "water", WATER)
    code, screen, complaints = lab(course, "garden", "--out", "out")
    assert (code, complaints) == (0, "")
    assert grown(course) == [20, 0]
    assert [words in screen for words in ("day 1: 10", "day 2: 20", "It says", "Runs the reference")] == [
        True,
        True,
        True,
        False,
    ]


def test_names_the_line_of_what_has_not_passed(course: Path) -> None:
    passed(course, "seed", OWN)
    code, _, complaints = lab(course, "garden")
    assert (code, complaints) == (2, "error: labs/garden/garden.yaml:2: 'water' needs water, which has not passed.\n")


def test_a_config_can_do_without_an_exercise(course: Path) -> None:
    passed(course, "seed", OWN)
    (course / "labs/garden/garden.yaml").write_text("days: 2\nwater: false\n")
    assert lab(course, "garden", "--out", "out")[::2] == (0, "")
    assert grown(course) == [5, 0]


def test_runs_references_on_demand_and_names_them(course: Path) -> None:
    passed(course, "seed", OWN)
    code, screen, complaints = lab(course, "garden", "--with-reference", "--out", "out")
    assert (code, complaints) == (0, "")
    assert "the reference of water, because" in " ".join(screen.split())
    assert grown(course) == [20, 1]


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("days: -1\nwater: true\n", "garden.yaml:1: 'days' must be a whole number, at least 0, not '-1'."),
        ("days: 1\nwater: true\nsun: 3\n", "garden.yaml:3: unknown key 'sun'. The keys are days, water."),
        ("days: 1\n", "garden.yaml:1: 'water' is missing."),
        ("days: [\n", "garden.yaml:2: "),
    ],
)
def test_reports_a_wrong_config_with_its_line(course: Path, config: str, complaint: str) -> None:
    (course / "labs/garden/garden.yaml").write_text(config)
    code, _, complaints = lab(course, "garden", "--with-reference")
    assert code == 2
    assert complaints.startswith(f"error: labs/garden/{complaint}")
    assert complaints.count("\n") == 1


def test_what_the_students_code_says_is_made_visible(course: Path) -> None:
    _, screen, _ = lab(course, "garden", "--with-reference")
    assert "\\x1b[31mgreen" in screen
    assert "\x1b[31m" not in screen


def test_is_listed_and_found(course: Path) -> None:
    assert "grade lab garden           Grows what has passed" in lab(course)[1]
    assert "Did you mean 'garden'?" in lab(course, "gardn")[2]


def test_refuses_options_that_do_not_fit(course: Path) -> None:
    assert "garden runs your passed exercises" in lab(course, "garden", "--file", "x.py")[2]
    (course / "exercises/seed/lab.py").write_text("def run(submission, rng):\n    yield\n")
    assert "--with-reference is for labs of the whole course" in lab(course, "seed", "--with-reference")[2]


def test_ctrl_c_shows_what_there_is(course: Path) -> None:
    (course / "labs/garden/garden.yaml").write_text("days: 10000\nwater: false\n")
    command = [sys.executable, "-u", "-m", "grader.cli", "lab", "garden", "--with-reference", "--patience", "0.05"]
    with subprocess.Popen([*command, "--out", "out"], stdout=subprocess.PIPE, text=True, cwd=course) as running:
        assert running.stdout is not None
        seen = next(line for line in running.stdout if "day 3" in line)
        os.kill(running.pid, signal.SIGINT)
        rest = running.stdout.read()
    assert "day 3" in seen
    assert ("frost" in rest, running.returncode) == (True, 0)
    assert grown(course) == [3, 2]


def test_a_second_ctrl_c_ends_the_lab(course: Path) -> None:
    (course / "labs/garden/garden.yaml").write_text("days: 10000\nwater: false\n")
    command = [sys.executable, "-u", "-m", "grader.cli", "lab", "garden", "--with-reference", "--patience", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=course) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        next(line for line in running.stdout if "day 1" in line)
        os.kill(running.pid, signal.SIGINT)
        next(line for line in running.stderr if "Ctrl-C again" in line)
        begun = time.monotonic()
        os.kill(running.pid, signal.SIGINT)
        running.wait(30)
    assert running.returncode != 0
    assert time.monotonic() - begun < 20
