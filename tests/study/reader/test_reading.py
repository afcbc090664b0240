"""A part read page by page."""

import click
import pytest

from grader.course import load_exercise, load_lessons
from grader.course.lesson.load import load_lesson
from grader.course.lesson.model import AnyBlock, Code, ExerciseDue, Figure, LabDue, Part, Predict, PrintedOutput, Prose
from grader.course.lesson.pictures import load_picture
from grader.quiz.score import InvalidAnswer
from grader.study.reader.blocks import RenderContext, answer_lines, block_lines, picture_lines
from grader.study.reader.markdown import ReaderPage
from grader.study.reader.reading import Reader, parse_answer
from tests.paths import TOOLBOX
from tests.study.reader.scripted_terminal import ScriptedTerminal

COURSE = load_lessons(TOOLBOX)
AVERAGES, LEAKS = load_lesson(COURSE, COURSE.lessons[0])
LESSON = TOOLBOX / "lessons" / "01-tools"
ON = " "
OUTPUT = "tensor([ 3.,  9., 18.])"
REASON = "Row 0 of the triangle"


class Reading:
    """The result of reading a part with these keys."""

    def __init__(self, *keys: str | int, part=AVERAGES, start: int = 0, columns: int = 80, rows: int = 24):  # type: ignore[no-untyped-def]
        self.predicted: list[tuple[str, str, bool | None]] = []
        self.terminal = ScriptedTerminal(keys, columns, rows)
        context = RenderContext(
            page=ReaderPage(columns),
            picture=lambda name: load_picture(LESSON, name),
            exercise=lambda name: None,
            passed=lambda name: False,
        )
        reader = Reader(
            part, self.terminal, context, lambda q, given, right: self.predicted.append((q.id, given, right))
        )
        self.position = reader.read(start)


def test_shows_hidden_output_after_the_answer() -> None:
    before, after = Reading().terminal, Reading("3").terminal
    assert "What is the first?" in before.shown
    assert OUTPUT not in before.shown
    assert REASON not in before.shown
    assert "✓ right" in after.shown
    assert after.shown.index("✓ right") < after.shown.index(REASON) < after.shown.index(OUTPUT)


def test_a_lab_shows_no_minutes_and_no_points() -> None:
    exercise = load_exercise(TOOLBOX, "toolbox")
    context = RenderContext(ReaderPage(80), lambda name: pytest.fail(name), lambda name: exercise, lambda name: True)
    due, lab = ExerciseDue(exercise="toolbox", text="", line=1), LabDue(lab="toolbox", text="", line=1)
    assert f"{exercise.minutes} minutes, {exercise.points:g} points" in block_lines(due, context)[0]
    assert [click.unstyle(each) for each in block_lines(lab, context)] == ["  now   grade lab toolbox"]


@pytest.mark.parametrize(
    ("typed", "verdict", "predicted"),
    [
        ("3", "  ✓ right", ("sums-of-the-past", "3", True)),
        ("3.0", "  ✓ right", ("sums-of-the-past", "3.0", True)),
        ("6/2 words", "  ✓ right", ("sums-of-the-past", "6/2 words", True)),
        ("−3", "  ✗ yours: −3   right: 3", ("sums-of-the-past", "−3", False)),
        ("18", "  ✗ yours: 18   right: 3", ("sums-of-the-past", "18", False)),
        ("", "  answer: 3", None),
    ],
)
def test_marks_and_reports_an_answer(typed: str, verdict: str, predicted: tuple[str, str, bool] | None) -> None:
    read = Reading(typed)
    assert read.terminal.pages[1][0] == verdict
    assert read.predicted == ([predicted] if predicted else [])


def test_long_answers_go_on_separate_lines() -> None:
    options = ("the words that come before it in the text", "the words that come **after** it in the text")
    choice = Predict(line=1, id="a", ask="?", options=options, answer=options[0], because="So.")
    lines = [click.unstyle(each) for each in answer_lines(choice, options[1], ReaderPage(80))]
    assert lines[:2] == [f"  ✗ yours: {options[1].replace('**', '')}", f"    right: {options[0]}"]


def test_asks_again_after_an_invalid_number() -> None:
    read = Reading("three", "3")
    assert "'three' is not a number" in read.terminal.shown
    assert read.predicted == [("sums-of-the-past", "3", True)]


@pytest.mark.parametrize(("key", "right"), [("y", True), ("n", False), (ON, None)])
def test_the_student_compares_answers_in_words(key: str, right: bool | None) -> None:
    read = Reading("a leek", key, part=LEAKS)
    assert read.predicted == [("a-name-for-it", "a leek", right)]
    assert read.position is None


def test_resumes_at_the_last_question() -> None:
    stopped = Reading("3", ON)
    assert stopped.position is not None
    again = Reading(ON, "2", start=stopped.position)
    assert "The average of the past" in again.terminal.shown
    assert OUTPUT not in again.terminal.shown
    assert again.predicted == [("what-moves", "the last one only", True)]
    assert Reading().position == 0


def test_resumes_with_the_code_of_an_unanswered_question() -> None:
    position = Reading("3", ON, "q").position
    assert position is not None
    shown = Reading(ON, start=position).terminal.shown
    assert "w = w / w.sum" in shown
    assert "Which of the three averages change?" in shown


def test_b_restarts_the_part() -> None:
    read = Reading("3", "b", "3")
    assert read.terminal.cleared == 1
    assert len(read.predicted) == 2
    assert read.terminal.shown.count("A model reads three numbers") == 2


def test_p_shows_the_page_before() -> None:
    first, *_ = Reading(part=PLACES).terminal.pages
    second = Reading(ON, part=PLACES).terminal.pages[1]
    pages = Reading(ON, "p", "p", ON, part=PLACES).terminal.pages
    assert pages[:5] == [first, second, first, first, second]


def test_p_shows_an_answered_question_without_asking_it_again() -> None:
    read = Reading("3", "p", ON)
    before, answer, again, after, *_ = read.terminal.pages
    assert (again, after) == (before, answer)
    assert [given for _, given, _ in read.predicted] == ["3"]


def test_p_goes_back_beyond_the_place_where_reading_was_resumed() -> None:
    read = Reading("p", "p", part=PLACES, start=6)
    resumed, back, further, *_ = map("".join, read.terminal.pages)
    assert "print(2)" not in resumed
    assert "print(2)" in back
    assert "Some text." in further
    assert read.predicted == []


@pytest.mark.parametrize("width", [40, 60, 120])
def test_a_resized_page_begins_with_the_same_words(width: int) -> None:
    words = [f"word{i}" for i in range(1000)]
    pages = Reading(ON, width, 80, part=part_of(Prose(line=1, text=" ".join(words)))).terminal.pages
    _, before, resized, again, *_ = pages
    assert before[0].split()[0] in " ".join(resized)
    assert all(len(line) <= width for line in resized)
    assert again == before


def test_an_answer_in_words_can_be_compared_after_a_resize() -> None:
    read = Reading("a leek", 60, "p", ON, "y", part=LEAKS)
    assert read.predicted == [("a-name-for-it", "a leek", True)]
    assert read.position is None


def test_says_how_much_of_the_part_was_shown() -> None:
    part = part_of(*(Code(line=i, text="x = 1\n" * 17) for i in range(4)))
    assert [Reading(*[ON] * i, part=part).terminal.prompt.split()[-2] for i in range(3)] == ["25", "50", "75"]


def test_a_deep_dive_stays_folded_until_opened() -> None:
    folded, opened = Reading("3", ON, "1", ON), Reading("3", ON, "1", "d", ON, ON)
    assert (folded.position, opened.position) == (None, None)
    assert "deep dive   Why not a loop" in folded.terminal.shown
    assert "A loop over" not in folded.terminal.shown
    assert "T² = 10⁶" in opened.terminal.shown
    assert "end of the deep dive: Why not a loop" in opened.terminal.shown


@pytest.mark.parametrize(("columns", "rows"), [(60, 20), (80, 24), (120, 40), (40, 8)])
def test_no_page_is_longer_than_the_screen(columns: int, rows: int) -> None:
    read = Reading(*([""] * 100), columns=columns, rows=rows)  # Enter everywhere
    assert read.position is None
    for page in read.terminal.pages:
        assert len(page) <= rows - 2
        assert all(len(line) <= columns for line in page)


def test_parses_answers() -> None:
    choice = Predict(line=1, id="a", ask="?", options=("All", "None"), answer="All", because=".")
    assert [parse_answer(choice, typed) for typed in ("1", "2", "none", "")] == ["All", "None", "None", ""]
    for typed in ("0", "3", "some"):
        with pytest.raises(InvalidAnswer, match=r"Type a digit from 1 to 2\."):
            parse_answer(choice, typed)
    number = Predict(line=1, id="a", ask="?", answer="0.5", because=".")
    assert [parse_answer(number, typed) for typed in (".5", "5e-1", "−3")] == [".5", "5e-1", "−3"]


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
    ("keys", "position"),
    [((), 0), ((ON,), 1), ((ON, ON), 1), ((ON, ON, ON), 5), ((ON, ON, ON, "2"), 5), ((ON, ON, ON, "2", ON), None)],
)
def test_resumes_at_a_heading_or_a_question(keys: tuple[str, ...], position: int | None) -> None:
    assert Reading(*keys, part=PLACES).position == position


@pytest.mark.parametrize("rows", [24, 30, 40])
@pytest.mark.parametrize("before", range(0, 24, 3))
def test_blocks_that_fit_on_a_page_are_not_split(rows: int, before: int) -> None:
    caption = "Row 2 of the triangle. " * 8
    picture = Figure(line=1, number="1.1", name="sums-of-the-past", caption=caption)
    code = [f"x{i} = {i}" for i in range(rows - 2)]  # all of a screen
    prose = Prose(line=1, text="\n\n".join(["Text."] * before))
    read = Reading(*[ON] * 20, part=part_of(prose, Code(line=2, text="\n".join(code)), prose, picture), rows=rows)
    pages = ["\n".join(each) for each in read.terminal.pages]
    assert any(code[0] in each and code[-1] in each for each in pages)
    lines = [click.unstyle(each).rstrip() for each in picture_lines(load_picture(LESSON, picture.name), ReaderPage(80))]
    assert any("\n".join(lines) in each for each in pages)


def test_a_deep_dive_that_was_skipped_can_be_opened_later() -> None:
    part = part_of(*AVERAGES.blocks, *PLACES.blocks[3:5], *PLACES.blocks[3:5])  # more than a page after it
    skipped = "3", ON, "1", ON
    assert "A loop over" not in Reading(*skipped, part=part).terminal.shown
    assert "A loop over" in Reading(*skipped, "p", "d", part=part).terminal.shown
