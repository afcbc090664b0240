"""The lessons of the course: their code prints what the text shows, and pictures, terms and links are correct."""

import subprocess
import sys

import pytest

from grader.author.check.lessons import lessons_with_parts
from grader.course import load_course
from grader.course.lesson.files import part_files
from grader.course.lesson.load import load_part
from grader.course.lesson.model import Predict, flatten
from tests.paths import ROOT

COURSE = load_course(ROOT)
LESSONS = lessons_with_parts(COURSE)


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_passes_grade_check(number: int) -> None:
    command = [sys.executable, "-m", "grader.cli", "--course", str(ROOT), "check", "lesson", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 lessons" in done.stdout


def test_every_answer_is_right_as_pages_print_it() -> None:
    parts = [load_part(ROOT, file) for lesson in COURSE.lessons for file in part_files(COURSE, lesson)]
    questions = [each for part in parts for each in flatten(part.blocks) if isinstance(each, Predict)]
    numbers = [each for each in questions if each.number is not None]
    assert numbers
    for question in numbers:
        sign, digits = ("−", question.answer[1:]) if question.answer.startswith("-") else ("", question.answer)
        whole, point, fraction = digits.partition(".")
        printed = f"{sign}{int(whole):,}{point}{fraction}"
        for typed in (question.answer, printed, f"{printed} µs"):
            assert question.is_right(typed), (question.id, typed)
