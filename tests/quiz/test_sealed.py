"""Quizzes packed for students."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.quiz.load import load_quiz
from grader.quiz.sealed import seal
from tests.quiz.every_type import FILE, QUIZ


def test_a_packed_quiz_loads_as_the_original(tmp_path: Path) -> None:
    path = tmp_path / "quiz.yaml"
    path.write_bytes(seal("It's: a title", FILE.read_bytes()))
    assert load_quiz(path) == QUIZ
    assert b"title: 'It''s: a title'\n" in path.read_bytes()
    assert max(map(len, path.read_text().splitlines())) <= 120


@pytest.mark.parametrize("damaged", ["abc", "%%%", "eJzT"])
def test_a_damaged_file_is_reported(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "quiz.yaml"
    path.write_text(f"title: T\nsealed: |\n  {damaged}\n")
    with pytest.raises(
        UsageError, match=r"quiz\.yaml:2: the quiz is damaged; restore the file from the original course"
    ):
        load_quiz(path)


def test_a_mistake_in_a_packed_quiz_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "quiz.yaml"
    path.write_bytes(seal("T", b"title: T\nquestions:\n  - {id: a}\n"))
    with pytest.raises(UsageError, match=r"quiz\.yaml:3: question 'a': 'type' is missing"):
        load_quiz(path)
