"""Each block of a part as lines of text, with escape sequences for colour."""

from collections.abc import Callable, Sequence

import msgspec

from grader.course.lesson.model import (
    AnyBlock,
    Code,
    Deep,
    ExerciseDue,
    Figure,
    LabDue,
    Listing,
    Part,
    Predict,
    PrintedOutput,
    Prose,
)
from grader.course.model import Exercise
from grader.pictures import Picture
from grader.show.layout import BLANK, MANY, Line, Span, bold, cells, dim, line, paint, width
from grader.show.marks import FAILED, NOT_STARTED, PASSED
from grader.show.text import code_line, headed
from grader.study.reader.markdown import MARGIN, Page, code, inline, markdown

ASKS = "?"
WIDEST = 76  # columns of a picture


class Surroundings(msgspec.Struct, frozen=True):
    """What the blocks of a part refer to, and where they are drawn."""

    page: Page
    picture: Callable[[str], Picture]  # by name
    exercise: Callable[[str], Exercise | None]  # by the name of an exercise or a lab
    passed: Callable[[Exercise], bool]
    released: bool = False  # whether the course is a student's edition, which may lack exercises


def drawn(block: AnyBlock, around: Surroundings) -> list[str]:
    """The lines of a block. Of a question it is what is asked; of a deep dive its title."""
    page = around.page
    match block:
        case Prose(text=text):
            return painted(markdown(text, page))
        case Code(text=text):
            return painted(code(text, page))
        case Listing(text=text):
            return painted(code(text, page, comments=False))
        case PrintedOutput(text=text):
            return painted(_output(text, page))
        case Figure():
            picture, caption = figure_lines(block, around)
            return [*picture, "", *caption]
        case Predict():
            return painted(_question(block, page))
        case ExerciseDue(exercise=name, text=text):
            due = around.exercise(name)
            return painted(_due(f"grade exercise {name}", due, text, around, missing=around.released and due is None))
        case LabDue(lab=name, text=text):
            missing = around.released and around.exercise(name) is None
            return painted(_due(f"grade lab {name}", None, text, around, missing=missing))
        case Deep(title=title):
            return painted(headed(line("  ", dim("deep dive"), "   "), (bold(title),), page.readable))


def figure_lines(figure: Figure, around: Surroundings) -> tuple[list[str], list[str]]:
    """A picture, and what is said of it."""
    picture = picture_lines(around.picture(figure.name), around.page)
    return picture, painted(_caption(figure.caption, around.page))


def picture_lines(picture: Picture, page: Page) -> list[str]:
    """A picture as text."""
    from grader.show import characters

    room = min(page.width - MARGIN, WIDEST)
    return [" " * MARGIN + line for line in characters.drawn(picture, room, unicode=page.unicode)]


def title_lines(part: Part, page: Page) -> list[str]:
    """What stands above a part."""
    number = f"{part.id}   " if part.lesson else ""
    return painted(headed(line("  ", dim(number)), (bold(part.title),), page.readable))


def end_lines(deep: Deep, page: Page) -> list[str]:
    """What stands below a deep dive that is open."""
    return painted(headed(line("  "), (dim(f"end of the deep dive: {deep.title}"),), page.readable))


def answer_lines(question: Predict, given: str, page: Page) -> list[str]:
    """What an answer was worth where that can be told, the right one, and the reason. No answer: it is only shown."""
    right = question.is_right(given) if given else None
    answer = inline(question.answer, page)
    if right is None:
        lines = headed(line("  ", dim("answer: ")), answer, page.readable)
    elif right:
        lines = [line("  ", Span(PASSED, "green"), " right")]
    else:
        lines = _compared(inline(given, page) if question.options else (Span(given),), answer, page)
    return painted([*lines, *markdown(question.because, page, 2 * MARGIN)])


def _compared(given: Line, answer: Line, page: Page) -> list[Line]:
    """A wrong answer and the right one, side by side where there is room."""
    yours, right = line("  ", Span(FAILED, "red"), " ", dim("yours: ")), dim("right: ")
    beside = line(yours, given, "   ", right, answer)
    if width(beside) <= page.readable:
        return [beside]
    return [*headed(yours, given, page.readable), *headed(line(" " * 4, right), answer, page.readable)]


def painted(lines: Sequence[Line]) -> list[str]:
    """Lines as strings."""
    return [paint(each, MANY, color=True) for each in lines]


def _output(text: str, page: Page) -> list[Line]:
    """What code prints, apart from code by a bar."""
    rows = (each for row in text.split("\n") for each in code_line(row, page.width - 2 * MARGIN, ""))
    return [line("  ", dim("│ "), each) for each in rows]


def _caption(text: str, page: Page) -> list[Line]:
    return [tuple(Span(text, style or "dim") for text, style in each) for each in markdown(text, page, 2 * MARGIN)]


def _question(question: Predict, page: Page) -> list[Line]:
    first, *rest = markdown(question.ask, page, 2 * MARGIN)
    lines = [line("  ", bold(ASKS), " ", *_cut(first)), *rest]
    if question.options:
        lines.append(BLANK)
    for digit, option in enumerate(question.options, start=1):
        lines += headed(line(f"      {digit}  "), inline(option, page), page.readable)
    return lines


def _cut(first: Line) -> Line:
    """A line without its margin."""
    (text, style), *rest = first
    return (Span(text.lstrip(), style), *rest)


def _due(command: str, exercise: Exercise | None, text: str, around: Surroundings, *, missing: bool) -> list[Line]:
    """A command to paste; that of an exercise with its minutes and points, which a lab has none of."""
    page = around.page
    if missing:
        head = line("  ", dim("not in this edition"), "   ", command)
    elif exercise is None:
        head = line("  ", dim("now"), "   ", bold(command))
    else:
        mark = Span(PASSED, "green") if around.passed(exercise) else Span(NOT_STARTED)
        minutes = f"{exercise.minutes} minutes, {exercise.points:g} points"
        head = line("  ", mark, " ", bold(command))
        room = page.readable - cells(command) - 4
        head = line(head, "   ", dim(minutes)) if len(minutes) + 3 <= room else head
    return [head, *markdown(text, page, 2 * MARGIN)]


def keys_line(keys: Sequence[str], right: str, columns: int) -> str:
    """The keys that mean something now, and where one is."""
    text = "   ".join(keys)
    gap = columns - MARGIN - cells(text) - cells(right) - 1
    shown = f"{text}{' ' * gap}{right}" if gap > 2 else text
    return paint(line("  ", dim(shown)), columns, color=True)
