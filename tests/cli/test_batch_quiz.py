"""Tests of `grade batch` with quiz forms."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from grader.base.result import Outcome, Result
from grader.quiz.draw import draw_question
from grader.quiz.result import QuizResult
from grader.quiz.score import right_answer
from grader.teach.gradebook import Gradebook
from tests.classes import FILES, NO_TEXT, batch, grades, make_course
from tests.quiz.every_type import FILE, QUIZ


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make the small course with a quiz for its lesson."""
    root = make_course(tmp_path)
    (root / "lessons" / "01-tools" / "quiz.yaml").write_bytes(FILE.read_bytes())
    return root


def form(salt: str, wrong: int = 0, **changed: Any) -> str:
    """Return a filled-in form whose first answers are wrong."""
    answers = {each.id: right_answer(draw_question(each, salt, 1)) for each in QUIZ.questions}
    for name in list(answers)[:wrong]:
        answers[name] = ""
    return yaml.safe_dump({"quiz": "tools", "salt": salt, "attempt": 1, "answers": answers} | changed)


def hand_in(folder: Path, files: dict[str, str]) -> Path:
    submissions = folder / "submissions"
    for name, text in files.items():
        (submissions / name).parent.mkdir(parents=True, exist_ok=True)
        (submissions / name).write_text(text, "utf-8")
    return submissions


def test_gives_forms_the_score_that_the_student_sees(course: Path, tmp_path: Path) -> None:
    forms = {"ada": form("salt of ada"), "ben": form("salt of ben", wrong=4)}
    submissions = hand_in(tmp_path, {f"{student}/quiz-tools.yaml": text for student, text in forms.items()})
    out = tmp_path / "out"
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0, run.stderr
    found = {student: grade.points and grade.points.measured for student, grade in grades(out).items()}
    for student in forms:
        alone = [sys.executable, "-m", "grader.cli", "--course", str(course), "quiz", "tools", "--json", "--answers"]
        done = subprocess.run(
            [*alone, submissions / student / "quiz-tools.yaml"], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["score"] == found[student]
    assert found["ada"] == len(QUIZ.questions)
    assert found["ben"] == len(QUIZ.questions) - 4


def test_grades_exercises_and_quizzes_together(course: Path, tmp_path: Path) -> None:
    files = {"ada/toolbox.py": FILES["ada"], "ada/quiz-tools.yaml": form("a"), "ben/toolbox.py": FILES["ben"]}
    submissions, out = hand_in(tmp_path, files), tmp_path / "out"
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0, run.stderr
    with Gradebook(out) as book:
        stored = book.book()
        assert [(item.id, item.kind) for item in stored.items] == [("toolbox", "exercise"), ("tools", "quiz")]
        ada, ben = ({grade.item.id: grade for grade in stored.of_student(each.id)} for each in stored.students)
    assert isinstance(ada["toolbox"].result, Result)
    assert isinstance(ada["tools"].result, QuizResult)
    assert "tools" not in ben or ben["tools"].result is None
    again = batch(course, submissions, "--out", out)
    assert "0 grades measured, 3 reused" in again.stdout


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("quiz: tools\nattempt: 1\nanswers: {one-right: [", "quiz-tools.yaml"),
        (form("a", attempt=0), "attempt"),
        (form("a", answers={"one-rigth": "1"}), "Did you mean 'one-right'?"),
        (form("a", answers={"one-right": {"the": "first"}}), "one-right"),
    ],
)
def test_explains_why_a_form_cannot_be_scored(course: Path, tmp_path: Path, text: str, sentence: str) -> None:
    submissions, out = hand_in(tmp_path, {"ada/quiz-tools.yaml": text}), tmp_path / "out"
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0, run.stderr
    (grade,) = grades(out).values()
    assert grade.outcome is Outcome.UNREADABLE
    assert grade.points is not None
    assert (grade.points.final, grade.points.max) == (0, len(QUIZ.questions))
    assert isinstance(grade.result, Result)
    assert sentence in (grade.result.message or "")


def test_an_invalid_answer_costs_only_its_question(course: Path, tmp_path: Path) -> None:
    answers = yaml.safe_load(form("a"))["answers"]
    texts = {"ada": "the first", "ben": "77"}
    files = {f"{who}/quiz-tools.yaml": form("a", answers=answers | {"one-right": text}) for who, text in texts.items()}
    out = tmp_path / "out"
    assert batch(course, hand_in(tmp_path, files), "--out", out).returncode == 0
    for student, grade in grades(out).items():
        assert isinstance(grade.result, QuizResult)
        wrong = [(each.id, each.answer) for each in grade.result.questions if each.score < 1]
        assert wrong == [("one-right", texts[student])]


def test_ignores_a_form_of_another_course(course: Path, tmp_path: Path) -> None:
    files = {"ada/toolbox.py": NO_TEXT, "ada/quiz-others.yaml": form("a", quiz="others")}
    run = batch(course, hand_in(tmp_path, files), "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert "1 file that cannot be read" in run.stdout
    assert "this course has no quiz 'others'" in run.stdout


@pytest.mark.parametrize("text", ["quiz: tools\nanswers: [", "", "\0"])
def test_includes_a_student_with_an_invalid_form(course: Path, tmp_path: Path, text: str) -> None:
    files = {"ada/toolbox.py": NO_TEXT, "ben/quiz-week-3.yaml": text}
    submissions, out = hand_in(tmp_path, files), tmp_path / "out"
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0, run.stderr
    assert "1 student with nothing graded" in run.stdout
    found = json.loads((out / "results.json").read_text("utf-8"))
    assert [each["student"]["id"] for each in found["students"]] == ["ada", "ben"]
    assert [(each["student"], each["kind"]) for each in found["ignored"]] == [("ben", "unread")]


def test_includes_a_student_with_a_form_that_was_not_requested(course: Path, tmp_path: Path) -> None:
    submissions = hand_in(tmp_path, {"ada/toolbox.py": NO_TEXT, "ben/quiz-week-3.yaml": form("b")})
    run = batch(course, submissions, "--out", tmp_path / "out", "--exercise", "toolbox")
    assert run.returncode == 0, run.stderr
    assert "1 student with nothing graded" in run.stdout
    assert "quiz-week-3.yaml: for an exercise or quiz that was not requested" in run.stdout


def test_chooses_between_forms_of_one_quiz_like_other_files(course: Path, tmp_path: Path) -> None:
    files = {
        **{"ada/quiz-monday.yaml": form("a", wrong=4), "ada/quiz-tools.yaml": form("a")},
        **{"ben/quiz-tools.yaml": form("b", wrong=4), "ben/quiz-tools-1.yaml": form("b")},
        **{"cleo/old/quiz-monday.yaml": form("c", wrong=4), "cleo/quiz-tuesday.yaml": form("c")},
    }
    submissions, out = hand_in(tmp_path, files), tmp_path / "out"
    for path in submissions.rglob("*.yaml"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0, run.stderr
    found = grades(out)
    assert found["ada"].outcome is Outcome.UNREADABLE
    assert [grade.handed.versions for grade in found.values()] == [1, 2, 1]
    points = [grade.points.final for grade in found.values() if grade.points]
    assert points == [0, len(QUIZ.questions), len(QUIZ.questions)]
