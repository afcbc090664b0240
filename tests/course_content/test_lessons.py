"""The lessons of the course: their code prints what the text shows, and pictures, terms and links are correct."""

import subprocess
import sys

import pytest

from grader.author.check.lessons import lessons_with_parts
from grader.course import load_course
from tests.paths import ROOT

LESSONS = lessons_with_parts(load_course(ROOT))


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_passes_grade_check(number: int) -> None:
    command = [sys.executable, "-m", "grader.cli", "--course", str(ROOT), "check", "lesson", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 lessons" in done.stdout
