"""docs/teaching.md: one week, from the release to grades, by the commands on the page."""

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from grader.course import load_course
from grader.quiz.draw import draw_question
from grader.quiz.form import read_form
from grader.quiz.load import load_quiz
from grader.quiz.score import right_answer
from grader.teach.gradebook import Gradebook
from tests.docs.documents import FENCE, read
from tests.paths import ROOT

SLUG = "mixture-of-experts"
QUIZ = load_quiz(ROOT / "lessons/03-mixture-of-experts/quiz.yaml")
REFERENCE = (ROOT / "solutions/moe_router/moe_router.py").read_text("utf-8")
WRONG = f"{REFERENCE}\n\ndef combine_matrix(weights, indices, num_experts):\n    return weights\n"
ROSTER = """\
id,name,email
901,Ada Lovelace,ada@example.org
902,Ben Ito,ben@example.org
903,Cleo Roy,cleo@example.org
"""
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,{title} (11),{quiz} (12)
    Points Possible,,,,,20.00,{questions}.00
"Lovelace, Ada",901,,ada,A,,
"Ito, Ben",902,,ben,A,,
"Roy, Cleo",903,,cleo,A,,
"""
WORKSHEET = """\
Identifier,Full name,Email address,Grade,Maximum Grade,Last modified (grade),Feedback comments
Participant 501,Ada Lovelace,ada@example.org,,10.00,-,
Participant 502,Ben Ito,ben@example.org,,10.00,-,
Participant 503,Cleo Roy,cleo@example.org,,10.00,-,
"""


def commands() -> list[list[str]]:
    """Return the words of all commands on the page, in order."""
    blocks = FENCE.findall(read("docs/teaching.md"))
    return [line.removeprefix("$ ").split() for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def released(words: list[str]) -> bool:
    return words[1] == "release"


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder around a copy of the course, after all commands of the page."""
    folder = tmp_path_factory.mktemp("week")
    course = folder / "course"
    course.mkdir()
    shutil.copy(ROOT / "course.yaml", course)
    for part in ("lessons", "exercises", "solutions"):
        shutil.copytree(ROOT / part, course / part, ignore=shutil.ignore_patterns("__pycache__"))
    for words in filter(released, commands()):
        run(course, words)
    title = load_course(course).exercise("moe_router").title
    (folder / "roster.csv").write_text(ROSTER)
    filled = CANVAS.format(title=title, quiz=QUIZ.title, questions=len(QUIZ.questions))
    (folder / "canvas-export.csv").write_text(filled)
    (folder / "worksheet.csv").write_text(WORKSHEET)
    hand_in(folder)
    for words in commands():
        if not released(words):
            run(course, words)
    return folder


def run(course: Path, words: list[str]) -> None:
    """Run a command of the page, in the folder of the course."""
    assert words[0] == "grade"
    command = [sys.executable, "-m", "grader.cli", *words[1:]]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def hand_in(folder: Path) -> None:
    """Three students unpack the release, work in it, and hand in: the download of the class as Canvas packs it."""
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        for name, number, source, right in (
            ("lovelaceada", 901, REFERENCE, len(QUIZ.questions)),
            ("itoben", 902, WRONG, len(QUIZ.questions) - 3),
            ("roycleo", 903, None, 0),
        ):
            home = folder / name
            with zipfile.ZipFile(folder / "week-3.zip") as release:
                release.extractall(home)
            stub = home / "week-3/exercises/moe_router/moe_router.py"
            if source is not None:
                stub.write_text(source, "utf-8")
            form = home / f"week-3/quiz-{SLUG}.yaml"
            form.write_text(answered(form, right), "utf-8")
            archive.write(stub, f"{name}_{number}_{number + 50}_moe_router.py")
            archive.write(form, f"{name}_{number}_{number + 70}_quiz-{SLUG}.yaml")


def answered(path: Path, right: int) -> str:
    """Return a form whose first questions have their right answers behind their ids, as a student writes them."""
    _, form = read_form(path)
    text = path.read_text("utf-8")
    for question in QUIZ.questions[:right]:
        answer = right_answer(draw_question(question, form.salt or "", form.attempt))
        line = yaml.safe_dump({question.id: answer}, allow_unicode=True, width=1000).strip()
        empty = f"\n  {question.id}:\n"
        assert text.count(empty) == 1
        text = text.replace(empty, f"\n  {line}\n")
    return text


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_what_came_from_the_release_is_graded_with_the_whole_course(week: Path) -> None:
    with Gradebook(week / "results") as book:
        points = {(each.student.id, each.item.id): each.points.final for each in book.book().grades() if each.points}
    questions = len(QUIZ.questions)
    assert points == {
        ("901", "moe_router"): 20,
        ("901", SLUG): questions,
        ("902", "moe_router"): points["902", "moe_router"],
        ("902", SLUG): questions - 3,
        ("903", "moe_router"): 0,
        ("903", SLUG): 0,
    }
    assert 0 < points["902", "moe_router"] < 20


def test_grades_for_canvas_and_moodle(week: Path) -> None:
    rows = table(week / "for-canvas/canvas.csv")
    (exercise,) = (each for each in rows[0] if each.endswith("(11)"))
    (quiz,) = (each for each in rows[0] if each.endswith("(12)"))
    assert [row[exercise] for row in rows if row["ID"] in ("901", "903")] == ["20", "0"]
    assert [row[quiz] for row in rows if row["ID"]] == [str(len(QUIZ.questions)), str(len(QUIZ.questions) - 3), "0"]
    worksheet = table(week / "for-moodle/moe_router/moodle.csv")
    assert [row["Grade"] for row in worksheet if row["Identifier"] != "Participant 502"] == ["10.00", "0.00"]


def test_feedback_a_report_and_what_gradescope_takes(week: Path) -> None:
    assert (week / "reports/report.html").is_file()
    assert sorted(path.name for path in (week / "reports/feedback").iterdir()) == ["901", "902", "903"]
    assert zipfile.is_zipfile(week / "autograder.zip")
    results = sorted((week / "for-gradescope").rglob("results.json"))
    assert [path.parent.name for path in results] == ["901", "902", "903"]
