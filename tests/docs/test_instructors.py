"""docs/instructors.md: its commands, from a class of ten to grades, and its tables compared with the code."""

import csv
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import get_args

import click
import pytest
import yaml

from grader.cli import FOR_INSTRUCTORS
from grader.cli import grade as group
from grader.course import load_course
from grader.quiz.draw import draw_question
from grader.quiz.form import read_form
from grader.quiz.load import load_quiz
from grader.quiz.score import right_answer
from grader.teach.formats import FORMATS
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.compare import Cause
from grader.teach.gradebook.late import Counts, _File
from grader.teach.handins.layouts.detect import LAYOUTS
from tests.docs.documents import FENCE, prose, read, rows
from tests.paths import ROOT

PAGE = read("docs/instructors.md")
SLUG = "mixture-of-experts"
QUIZ = load_quiz(ROOT / "lessons/03-mixture-of-experts/quiz.yaml")
REFERENCE = (ROOT / "solutions/moe_router/moe_router.py").read_text("utf-8")
WRONG = f"{REFERENCE}\n\ndef combine_matrix(weights, indices, num_experts):\n    return weights\n"
ROSTER = """\
id,name,email,login
901,Ada Lovelace,ada@example.org,ada
902,Ben Ito,ben@example.org,ben
903,Cleo Roy,cleo@example.org,cleo
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


def block(start: str) -> str:
    """Return the only block of the page that begins with these words."""
    blocks: list[str] = FENCE.findall(PAGE)
    (found,) = (text for each in blocks if (text := each.partition("\n")[2][:-3]).startswith(start))
    return found


def section(heading: str) -> str:
    """Return a section of the page, up to the next heading of the same level."""
    return re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]


def commands(text: str) -> list[list[str]]:
    """Return the words of all commands with a prompt, in order."""
    lines = [line for each in FENCE.findall(text) for line in each.splitlines() if line.startswith("$ ")]
    return [line.removeprefix("$ ").partition("#")[0].split() for line in lines]


def run(course: Path, words: list[str]) -> str:
    """Run a command of the page in the folder of the course, and return what it prints."""
    assert words[0] == "grade"
    command = [sys.executable, "-m", "grader.cli", *words[1:]]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the course, in a folder of its own."""
    course = tmp_path_factory.mktemp("class") / "course"
    (course / "docs/demo").mkdir(parents=True)
    shutil.copy(ROOT / "docs/demo/wrong.py", course / "docs/demo")
    shutil.copy(ROOT / "course.yaml", course)
    for part in ("lessons", "exercises", "solutions"):
        shutil.copytree(ROOT / part, course / part, ignore=shutil.ignore_patterns("__pycache__"))
    return course


@pytest.fixture(scope="module")
def week(course: Path) -> Path:
    """Return the folder around the course, after all commands of the page that follow its first section."""
    folder = course.parent
    run_all(course, section("Hand out"))
    title = load_course(course).exercise("moe_router").title
    (folder / "roster.csv").write_text(ROSTER)
    filled = CANVAS.format(title=title, quiz=QUIZ.title, questions=len(QUIZ.questions))
    (folder / "canvas-export.csv").write_text(filled)
    (folder / "worksheet.csv").write_text(WORKSHEET)
    (folder / "late.yaml").write_text(block("due:"))
    (folder / "extensions.csv").write_text(block("student,item,due,days"))
    (folder / "adjustments.csv").write_text(block("student,item,points,percent,reason"))
    hand_in(folder)
    run_all(course, PAGE.partition("\n## Collect\n")[2])
    return folder


def run_all(course: Path, text: str) -> None:
    """Run all commands of a text in order."""
    found = commands(text)
    assert found
    for words in found:
        run(course, words)


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


def test_ten_submissions_are_graded_as_the_page_shows(course: Path) -> None:
    text = section("Ten submissions")
    subprocess.run(["sh", "-ec", block("for student in")], cwd=course, check=True)
    graded, *others = commands(text)
    shown = block("$ grade batch ../class").splitlines()[1:]
    assert set(shown) <= set(run(course, graded).splitlines())
    for words in others:
        run(course, words)
    rows = table(course.parent / "trial/grades.csv")
    assert [row["total"] for row in rows] == ["20", *["8"] * 8, "0"]
    for name in re.findall(r"`([\w/]+\.(?:html|csv))`", text):
        assert (course.parent / "trial" / name).is_file()


def test_what_came_from_the_release_is_graded_with_the_whole_course(week: Path) -> None:
    with Gradebook(week / "results") as book:
        points = {(each.student.id, each.item.id): each.points.final for each in book.book().grades() if each.points}
    questions = len(QUIZ.questions)
    assert points == {
        ("901", "moe_router"): 21.5,  # with the adjustment on the page
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
    assert [row[exercise] for row in rows if row["ID"] in ("901", "903")] == ["21.5", "0"]
    assert [row[quiz] for row in rows if row["ID"]] == [str(len(QUIZ.questions)), str(len(QUIZ.questions) - 3), "0"]
    worksheet = table(week / "for-moodle/moe_router/moodle.csv")
    assert [row["Grade"] for row in worksheet if row["Identifier"] != "Participant 502"] == ["10.00", "0.00"]


def test_feedback_a_report_and_what_gradescope_takes(week: Path) -> None:
    assert (week / "reports/report.html").is_file()
    assert sorted(path.name for path in (week / "reports/feedback").iterdir()) == ["901", "902", "903"]
    assert zipfile.is_zipfile(week / "autograder.zip")
    results = sorted((week / "for-gradescope").rglob("results.json"))
    assert [path.parent.name for path in results] == ["901", "902", "903"]
    assert zipfile.is_zipfile(week / "moe.canvas.zip")


# Signed results


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_signed_results_verify_and_changed_ones_do_not(tmp_path: Path) -> None:
    commands = block("ssh-keygen")
    results = tmp_path / "results/results.json"
    results.parent.mkdir()
    results.write_text("{}\n")

    def shell(script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    done = shell(commands)
    assert done.returncode == 0, done.stderr
    assert 'Good "archgrade" signature for instructor@example.edu' in done.stdout
    results.write_text('{"changed": 1}\n')
    assert shell(commands.strip().split("\n")[-1]).returncode == 255


# Tables


def listed(first: str) -> list[str]:
    """Return what stands between backticks in the first column of a table."""
    return [name for row in rows(PAGE, first) for name in re.findall(r"`([^`]+)`", row[0]) or [row[0]]]


def test_the_tables_list_all_layouts_formats_and_causes() -> None:
    assert sorted(listed("layout")) == sorted(LAYOUTS)
    assert listed("format") == list(FORMATS)
    assert sorted(listed("cause")) == sorted([*Cause, "fault of the grader"])


def test_the_tables_of_the_late_policy_list_all_keys() -> None:
    assert {*listed("key")} == {*yaml.safe_load(block("due:")), "per_hour"} == {*_File.__struct_fields__}
    assert listed("value of `counts`") == list(get_args(Counts))


def options(command: click.Command) -> set[str]:
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for each in command.params for name in each.opts}
    return own.union(*map(options, inner))


def test_options_exist() -> None:
    """Look up the options that the text names without a command."""
    named = set(re.findall(r"`(--[a-z-]+)", prose(PAGE)))
    commands = [group.get_command(click.Context(group), name) for name in FOR_INSTRUCTORS]
    known = set().union(*(options(each) for each in commands if each))
    assert named - known == set()
