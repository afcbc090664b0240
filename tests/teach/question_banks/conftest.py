"""The quizzes that test every format: those of the course, one with every type, and one that is hard to write."""

from pathlib import Path

import pytest

from grader.quiz.load import load_quiz
from grader.quiz.model import Quiz
from tests.paths import ROOT

FILES = {
    **{path.parent.name: path for path in sorted((ROOT / "lessons").glob("*/quiz.yaml"))},
    "every type": ROOT / "tests/quiz/every-type.yaml",
    "hard to write": Path(__file__).with_name("hard-to-write.yaml"),
}


@pytest.fixture(params=FILES.values(), ids=list(FILES))
def quiz(request: pytest.FixtureRequest) -> Quiz:
    return load_quiz(request.param)


@pytest.fixture
def every_type() -> Quiz:
    return load_quiz(FILES["every type"])


@pytest.fixture
def hard() -> Quiz:
    return load_quiz(FILES["hard to write"])
