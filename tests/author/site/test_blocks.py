"""Tests of the blocks of a part on its page."""

from pathlib import Path

import pytest

from grader.author.site.build import site_files
from grader.base.errors import UsageError
from grader.course import load_course
from tests.author.site.courses import MASKS


def part(root: Path) -> str:
    return site_files(load_course(root))["lessons/01-tools/1-masks.html"].decode()


def wrong(root: Path, old: str, new: str) -> str:
    """Return the error message after replacing text of the part."""
    assert old in MASKS
    (root / "lessons/01-tools/1-masks.md").write_text(MASKS.replace(old, new), "utf-8")
    with pytest.raises(UsageError) as caught:
        part(root)
    return str(caught.value)


def test_highlights_code_and_keeps_its_text(course: Path) -> None:
    text = part(course)
    assert '<span class="kn">import</span>' in text
    assert "&lt;" in text


def test_hides_an_output_until_its_question_is_answered(course: Path) -> None:
    text = part(course)
    waiting = text.split('<details class="waiting" data-box="waiting-sums" data-after="sums">')
    assert len(waiting) == 3
    assert "tensor([ 3.,  9., 18.])" in waiting[1]
    assert "<svg" in waiting[2]


def test_hides_the_answer_of_a_question_in_details(course: Path) -> None:
    text = part(course)
    assert 'data-question="sums" data-number="18.0" data-tolerance="0.5"' in text
    assert text.count("data-right") == 1
    assert '<p class="expected">that &amp; &lt;those&gt;</p>' in text


def test_links_an_exercise_to_its_statement(course: Path) -> None:
    text = part(course)
    assert '<a href="../../exercises/toolbox.html">five tools, one test for each</a>' in text
    assert "grade exercise toolbox" in text


def test_loads_the_script_of_a_moving_picture(course: Path) -> None:
    text = part(course)
    scripts = [line for line in text.splitlines() if "assets/moving" in line]
    assert len(scripts) == 2  # what they share, and masks
    assert "moving.js" in scripts[0]
    assert 'data-moving="masks"' in text
    assert "assets/moving" not in site_files(load_course(course))["lessons/01-tools/2-more.html"].decode()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("exercise toolbox", "exercise nothing", "there is no exercise 'nothing' in this course."),
        ("exercise toolbox", "lab toolbox", "there is no lab 'toolbox' in this course."),
        ("moving=masks", "moving=mask", "there is no script 'mask'. Did you mean 'masks'?"),
        ("moving=masks", "moving=zzz", "there is no script 'zzz'. There are "),
        ("picture past", "picture passed", "passed.json: there is no such picture"),
        (r"\bar\alpha_t", r"\baar\alpha_t", r"\baar is not supported"),
    ],
)
def test_reports_unknown_names_with_file_and_line(course: Path, old: str, new: str, sentence: str) -> None:
    error = wrong(course, old, new)
    assert sentence in error
    assert "lessons/01-tools/" in error


def test_reports_an_invalid_picture_file(course: Path) -> None:
    (course / "lessons/01-tools/pictures/past.json").write_text('{"type": "curves"}')
    with pytest.raises(UsageError, match=r"past.json: this is not a picture: .*"):
        part(course)
