"""The lessons of the course: their code prints what stands there, their pictures are what is computed, and so on."""

import subprocess
import sys

from grader.author.check.lessons import lessons_with_parts
from grader.course import load_course
from tests.paths import ROOT


def test_all_that_is_proved_of_lessons_holds() -> None:
    command = [sys.executable, "-m", "grader.cli", "--course", str(ROOT), "check", "lesson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    lessons = len(lessons_with_parts(load_course(ROOT)))
    assert f"{lessons} of {lessons} lessons pass." in done.stdout
