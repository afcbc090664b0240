"""Tests of all commands on `tests/sorting/`, a course about another topic: lists, NumPy arrays and a class."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from grader.course import load_lessons
from grader.course.lesson.files import quiz_path
from grader.quiz.draw import draw_question
from grader.quiz.load import load_quiz
from grader.quiz.score import right_answer
from tests.paths import SORTING, copy_course

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

Grade = Callable[..., "subprocess.CompletedProcess[str]"]
POINTS = {"merge": 4, "partition": 3, "heap": 5}
QUIZ = load_quiz(quiz_path(load_lessons(SORTING), load_lessons(SORTING).lesson(1)))
FALLING = "import numpy as np\n\ndef merge(a, b):\n    return -np.sort(-np.concatenate([a, b]))\n"
EQUAL_TWICE = (
    "def partition(numbers, pivot):\n"
    "    equal = [each for each in numbers if each == pivot]\n"
    "    return [n for n in numbers if n < pivot], equal, [n for n in numbers if not n < pivot]\n"
)
QUEUE = (
    "class Heap:\n"
    "    def __init__(self):\n        self.kept = []\n"
    "    def __len__(self):\n        return len(self.kept)\n"
    "    def push(self, number):\n        self.kept = [*self.kept, number]\n"
    "    def pop(self):\n        first, *self.kept = self.kept or [].pop()\n        return first\n"
)
LIST_FOR_ARRAY = "def merge(a, b):\n    return sorted([*a, *b])\n"
OTHER_DTYPE = "import numpy as np\n\ndef merge(a, b):\n    return np.sort(np.concatenate([a, b])).astype(np.float32)\n"
IN_PLACE = "def partition(numbers, pivot):\n    numbers.sort()\n    return [], [], numbers\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_course(SORTING, tmp_path_factory.mktemp("another") / "sorting")


@pytest.fixture
def grade(root: Path) -> Grade:
    """Run the real command in the course."""

    def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "grader.cli", *map(str, words)]
        environment = os.environ | {"COLUMNS": "80"}
        return subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False, env=environment)

    return run


def test_check_passes(grade: Grade) -> None:
    done = grade("check", "--seeds", "2")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    last = "1 of 1 lessons pass. 1 of 1 quizzes pass. 3 of 3 exercises pass on 2 seeds."
    assert done.stdout.splitlines()[-1].strip() == last


@pytest.mark.parametrize("exercise", POINTS)
def test_a_right_file_gets_full_marks(grade: Grade, exercise: str) -> None:
    done = grade("exercise", exercise, "--file", f"solutions/{exercise}/{exercise}.py")
    assert done.returncode == 0, done.stderr
    assert f"  {POINTS[exercise]} of {POINTS[exercise]} points " in done.stdout


@pytest.mark.parametrize(
    ("exercise", "source", "told"),
    [
        ("merge", FALLING, "The largest number comes first. The arrays are ascending"),
        ("partition", EQUAL_TWICE, "What equals the pivot is among the larger numbers, too."),
        ("heap", QUEUE, "What was put in first comes out first. The smallest number should."),
        ("merge", LIST_FOR_ARRAY, "What merge returns is a list, expected a numpy array."),
        ("merge", OTHER_DTYPE, "merged is float32, expected int64."),
        ("partition", IN_PLACE, "Your code changed numbers in place."),
    ],
    ids=["array", "lists", "class", "list for array", "dtype", "in place"],
)
def test_explains_a_wrong_file(grade: Grade, tmp_path: Path, exercise: str, source: str, told: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(source)
    done = grade("exercise", exercise, "--file", file)
    assert done.returncode == 1, done.stderr
    assert told in " ".join(done.stdout.split())


def test_scores_a_quiz(grade: Grade, tmp_path: Path) -> None:
    form = tmp_path / "form.yaml"
    form.write_text(right_form())
    done = grade("quiz", "sorting", "--answers", form, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["quiz"], result["score"], result["max_score"]) == ("sorting", 3, 3)


def right_form() -> str:
    answers = {each.id: right_answer(draw_question(each, "word", 1)) for each in QUIZ.questions}
    return yaml.safe_dump({"quiz": "sorting", "salt": "word", "attempt": 1, "answers": answers})


def test_grades_a_class(grade: Grade, root: Path, tmp_path: Path) -> None:
    files = {f"ada/{each}.py": (root / f"solutions/{each}/{each}.py").read_text() for each in POINTS}
    files |= {"ada/quiz-sorting.yaml": right_form(), "ben/merge.py": FALLING, "ben/heap.py": QUEUE}
    for name, text in files.items():
        (tmp_path / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name).write_text(text)
    done = grade("batch", tmp_path / "class", "--out", tmp_path / "results")
    assert done.returncode == 0, done.stderr
    students = json.loads((tmp_path / "results" / "results.json").read_text())["students"]
    points = {
        each["student"]["id"]: {grade["item"]: grade["points"]["final"] for grade in each["grades"]}
        for each in students
    }
    assert points == {"ada": POINTS | {"sorting": 3}, "ben": {"merge": 0, "heap": 2}}


def test_shows_a_lesson(grade: Grade) -> None:
    done = grade("lesson", "1.1", "--plain")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[2, 3, 4] [5, 9] []" in done.stdout
    assert "how many comparisons" in done.stdout
    assert "grade exercise partition" in done.stdout


def test_writes_a_site(grade: Grade, tmp_path: Path) -> None:
    done = grade("site", "--out", tmp_path / "site")
    assert (done.returncode, done.stderr) == (0, "")
    pages = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*.html")}
    assert {f"exercises/{each}.html" for each in POINTS} < pages
    assert "work.html" not in pages
    home = (tmp_path / "site" / "index.html").read_text()
    assert "Sorting by hand" in home
    assert "How to work" not in home
