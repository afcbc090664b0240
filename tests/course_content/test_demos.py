"""The demos of every lesson run on the references, and each lesson's fit one screen."""

import click
import pytest

from grader.course import load_course
from grader.engine.judge.messages import LabEnded, LabOutput
from grader.engine.pool.client import with_judges
from grader.engine.pool.single_runs import run_lab
from grader.lab import Note, Quote, Step
from grader.show.layout import COLUMNS
from grader.show.pictures.characters import draw_picture
from grader.study.demos import Demo, demos_of
from grader.study.lab_code import reference_code
from tests.paths import ROOT

ROWS = 26  # of a lesson's demos, with an empty line after each
MARGIN = 4
COURSE = load_course(ROOT)
DEMOS = {lesson.slug: demos for lesson in COURSE.lessons if (demos := demos_of(COURSE, lesson))}


def test_every_lesson_has_demos() -> None:
    assert len(DEMOS) == len(COURSE.lessons)


@pytest.mark.parametrize("lesson", DEMOS)
def test_the_demos_of_a_lesson_run_and_fit_one_screen(lesson: str) -> None:
    lines = [line for demo in DEMOS[lesson] for line in (*_lines(demo), "")]
    assert len(lines) <= ROWS
    assert max(len(click.unstyle(line)) for line in lines) <= COLUMNS - MARGIN


def _lines(demo: Demo) -> list[str]:
    assert demo.title
    messages = with_judges(lambda judges: list(run_lab(judges, demo.job(reference_code(COURSE, demo.exercise)), ())))
    *outputs, ended = messages
    assert isinstance(ended, LabEnded)
    assert ended.failure is None
    shown = [output.shown for output in outputs if isinstance(output, LabOutput)]
    pictures = [each for each in shown if not isinstance(each, Step | Note | Quote)]
    assert pictures
    return [line for each in pictures for line in draw_picture(each, COLUMNS - MARGIN, unicode=True)]
