"""A whole part: exact screens at three widths."""

import click
import pytest

from grader.course import load_lessons
from grader.course.lesson.load import load_lesson
from grader.course.lesson.pictures import load_picture
from grader.study.reader.blocks import RenderContext
from grader.study.reader.markdown import ReaderPage
from grader.study.reader.plain_mode import plain_lines
from tests.paths import TOOLBOX

COURSE = load_lessons(TOOLBOX)
AVERAGES, LEAKS = load_lesson(COURSE, COURSE.lessons[0])
AT_60 = """
  1.2   What leaks

  Averages of the past are useful only if they are of the
  past. A single wrong weight lets the future in.

    import torch

    w = torch.full((3, 3), 1 / 3)  # (T, T)
    print(w @ torch.tensor([3.0, 6.0, 9.0]))

  ? Every average is 6, at the first place too. What has
    happened, in a word?

  answer: leak
    The first place has read 3 and knows 6 and 9 already.
    What comes later has leaked into it.

  │ tensor([6., 6., 6.])

  A mask forbids it. Read more in The Illustrated GPT-2
  (https://jalammar.github.io/illustrated-gpt2/), which
  draws the same triangle.

    grade quiz tools

    x [T]  ──►  w [T, T]  ──►  averages [T]"""
AT_80 = """
  1.2   What leaks

  Averages of the past are useful only if they are of the past. A single
  wrong weight lets the future in.

    import torch

    w = torch.full((3, 3), 1 / 3)  # (T, T)
    print(w @ torch.tensor([3.0, 6.0, 9.0]))

  ? Every average is 6, at the first place too. What has happened, in a word?

  answer: leak
    The first place has read 3 and knows 6 and 9 already. What comes later
    has leaked into it.

  │ tensor([6., 6., 6.])

  A mask forbids it. Read more in The Illustrated GPT-2
  (https://jalammar.github.io/illustrated-gpt2/), which draws the same
  triangle.

    grade quiz tools

    x [T]  ──►  w [T, T]  ──►  averages [T]"""


def shown(part, columns: int, unicode: bool = True) -> str:  # type: ignore[no-untyped-def]
    context = RenderContext(
        page=ReaderPage(columns, unicode),
        picture=lambda name: load_picture(TOOLBOX / "lessons" / "01-tools", name),
        exercise=lambda name: None,
        passed=lambda name: False,
    )
    return "\n".join(click.unstyle(line).rstrip() for line in plain_lines(part, context))


@pytest.mark.parametrize(("columns", "screen"), [(60, AT_60), (80, AT_80), (120, AT_80)])
def test_renders_an_exact_screen_at_three_widths(columns: int, screen: str) -> None:
    assert shown(LEAKS, columns) == screen


def test_shows_answers_outputs_pictures_and_deep_dives() -> None:
    text = shown(AVERAGES, 80)
    for each in ("answer: the last one", "Column 2", "tensor([ 3.,  9., 18.])", "the past, added up", "A loop over T"):
        assert each in text


def test_an_unknown_exercise_is_still_a_command() -> None:
    assert "  now   grade exercise toolbox\n    Scale a matrix" in shown(AVERAGES, 80)
