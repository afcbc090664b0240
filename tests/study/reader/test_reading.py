"""A part read piece by piece."""

import click
import pytest

from grader.course import load_exercise, load_lessons
from grader.course.lesson.load import load_lesson
from grader.course.lesson.model import AnyBlock, Code, ExerciseDue, Figure, LabDue, Part, Predict, PrintedOutput, Prose
from grader.course.lesson.pictures import load_picture
from grader.study.reader.blocks import Surroundings, answer_lines, drawn, picture_lines
from grader.study.reader.markdown import Page
from grader.study.reader.reading import NotAnAnswer, Reader, understood
from tests.paths import TOOLBOX
from tests.study.reader.session import Typist

COURSE = load_lessons(TOOLBOX)
AVERAGES, LEAKS = load_lesson(COURSE, COURSE.lessons[0])
LESSON = TOOLBOX / "lessons" / "01-tools"
ON = " "
OUTPUT = "tensor([ 3.,  9., 18.])"
REASON = "Row 0 of the triangle"


class Reading:
    """A part read with these keys."""

    def __init__(self, *keys: str, part=AVERAGES, start: int = 0, columns: int = 80, rows: int = 24):  # type: ignore[no-untyped-def]
        self.predicted: list[tuple[str, str, bool | None]] = []
        self.desk = Typist(keys, columns, rows)
        around = Surroundings(
            page=Page(columns),
            picture=lambda name: load_picture(LESSON, name),
            exercise=lambda name: None,
            passed=lambda name: False,
        )
        reader = Reader(part, self.desk, around, lambda q, given, right: self.predicted.append((q.id, given, right)))
        self.place = reader.read(start)


def test_what_a_question_hides_is_shown_after_the_answer() -> None:
    before, after = Reading().desk, Reading("3").desk
    assert "What is the first?" in before.shown
    assert OUTPUT not in before.shown
    assert REASON not in before.shown
    assert "✓ right" in after.shown
    assert after.shown.index("✓ right") < after.shown.index(REASON) < after.shown.index(OUTPUT)


def test_a_lab_has_no_minutes_and_no_points_of_its_own() -> None:
    exercise = load_exercise(TOOLBOX, "toolbox")
    around = Surroundings(Page(80), lambda name: pytest.fail(name), lambda name: exercise, lambda name: True)
    due, lab = ExerciseDue(exercise="toolbox", text="", line=1), LabDue(lab="toolbox", text="", line=1)
    assert f"{exercise.minutes} minutes, {exercise.points:g} points" in drawn(due, around)[0]
    assert [click.unstyle(each) for each in drawn(lab, around)] == ["  now   grade lab toolbox"]


@pytest.mark.parametrize(
    ("typed", "verdict", "predicted"),
    [
        ("3", "  ✓ right", ("sums-of-the-past", "3", True)),
        ("3.0", "  ✓ right", ("sums-of-the-past", "3", True)),
        ("18", "  ✗ yours: 18   right: 3", ("sums-of-the-past", "18", False)),
        ("", "  answer: 3", None),
    ],
)
def test_an_answer_is_marked_and_handed_on(typed: str, verdict: str, predicted: tuple[str, str, bool] | None) -> None:
    read = Reading(typed)
    assert read.desk.stretches[1][0] == verdict
    assert read.predicted == ([predicted] if predicted else [])


def test_long_answers_stand_below_one_another() -> None:
    options = ("the words that come before it in the text", "the words that come **after** it in the text")
    choice = Predict(line=1, id="a", ask="?", options=options, answer=options[0], because="So.")
    lines = [click.unstyle(each) for each in answer_lines(choice, options[1], Page(80))]
    assert lines[:2] == [f"  ✗ yours: {options[1].replace('**', '')}", f"    right: {options[0]}"]


def test_a_word_that_is_no_number_is_asked_for_again() -> None:
    read = Reading("three", "3")
    assert "'three' is not a number" in read.desk.shown
    assert read.predicted == [("sums-of-the-past", "3", True)]


@pytest.mark.parametrize(("key", "right"), [("y", True), ("n", False), (ON, None)])
def test_words_are_compared_by_the_reader(key: str, right: bool | None) -> None:
    read = Reading("a leek", key, part=LEAKS)
    assert read.predicted == [("a-name-for-it", "a leek", right)]
    assert read.place is None


def test_stopping_and_going_on() -> None:
    stopped = Reading("3", ON)
    assert stopped.place is not None
    again = Reading(ON, "2", start=stopped.place)
    assert "The average of the past" in again.desk.shown
    assert OUTPUT not in again.desk.shown
    assert again.predicted == [("what-moves", "the last one only", True)]
    assert Reading().place == 0


def test_a_question_that_was_left_is_asked_again_with_its_code() -> None:
    place = Reading("3", ON, "q").place
    assert place is not None
    shown = Reading(ON, start=place).desk.shown
    assert "w = w / w.sum" in shown
    assert "Which of the three averages change?" in shown


def test_b_begins_again() -> None:
    read = Reading("3", "b", "3")
    assert read.desk.cleared == 1
    assert len(read.predicted) == 2
    assert read.desk.shown.count("A model reads three numbers") == 2


def test_a_deep_dive_is_folded_until_it_is_opened() -> None:
    folded, opened = Reading("3", ON, "1", ON), Reading("3", ON, "1", "d", ON, ON)
    assert (folded.place, opened.place) == (None, None)
    assert "deep dive   Why not a loop" in folded.desk.shown
    assert "A loop over" not in folded.desk.shown
    assert "T² = 10⁶" in opened.desk.shown
    assert "end of the deep dive: Why not a loop" in opened.desk.shown


@pytest.mark.parametrize(("columns", "rows"), [(60, 20), (80, 24), (120, 40), (40, 8)])
def test_no_stretch_is_longer_than_the_screen(columns: int, rows: int) -> None:
    read = Reading(*([""] * 100), columns=columns, rows=rows)  # Enter everywhere
    assert read.place is None
    for stretch in read.desk.stretches:
        assert len(stretch) <= rows - 2
        assert all(len(line) <= columns for line in stretch)


def test_answers_are_understood() -> None:
    choice = Predict(line=1, id="a", ask="?", options=("All", "None"), answer="All", because=".")
    assert [understood(choice, typed) for typed in ("1", "2", "none", "")] == ["All", "None", "None", ""]
    for typed in ("0", "3", "some"):
        with pytest.raises(NotAnAnswer, match=r"Type a digit from 1 to 2\."):
            understood(choice, typed)
    number = Predict(line=1, id="a", ask="?", answer="0.5", because=".")
    assert [understood(number, typed) for typed in (".5", "5e-1", "−3")] == ["0.5", "0.5", "-3"]


def part_of(*blocks: AnyBlock) -> Part:
    return Part(lesson=1, number=1, slug="a", title="A", path="a.md", blocks=blocks)


PLACES = part_of(
    Prose(line=1, text="First."),
    Prose(line=2, text="## A heading\n\nText."),
    Code(line=3, text="print(1)\n" * 17),
    PrintedOutput(line=4, text="1\n" * 17),
    Prose(line=5, text="Some text."),
    Code(line=6, text="print(2)\n" * 9),
    Predict(line=7, id="a", ask="What?", answer="2", because="So."),
    PrintedOutput(line=8, text="2\n" * 17, after="a"),
    Prose(line=9, text="More text."),
    Code(line=10, text="print(3)\n" * 17),
)


@pytest.mark.parametrize(
    ("keys", "place"),
    [((), 0), ((ON,), 1), ((ON, ON), 1), ((ON, ON, ON), 5), ((ON, ON, ON, "2"), 5), ((ON, ON, ON, "2", ON), None)],
)
def test_one_goes_on_with_a_heading_or_a_question(keys: tuple[str, ...], place: int | None) -> None:
    assert Reading(*keys, part=PLACES).place == place


@pytest.mark.parametrize("rows", [24, 30, 40])
@pytest.mark.parametrize("before", range(0, 24, 3))
def test_what_fits_on_a_screen_is_not_cut(rows: int, before: int) -> None:
    caption = "Row 2 of the triangle. " * 8
    picture = Figure(line=1, name="sums-of-the-past", caption=caption)
    code = [f"x{i} = {i}" for i in range(rows - 2)]  # all of a screen
    prose = Prose(line=1, text="\n\n".join(["Text."] * before))
    read = Reading(*[ON] * 20, part=part_of(prose, Code(line=2, text="\n".join(code)), prose, picture), rows=rows)
    stretches = ["\n".join(each) for each in read.desk.stretches]
    assert any(code[0] in each and code[-1] in each for each in stretches)
    lines = [click.unstyle(each).rstrip() for each in picture_lines(load_picture(LESSON, picture.name), Page(80))]
    assert any("\n".join(lines) in each for each in stretches)
