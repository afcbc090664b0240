"""Renders each block of a part as lines of text, with escape sequences for colour."""

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
from grader.show.symbols import FAILED, NOT_STARTED, PASSED
from grader.show.text import with_head, wrap_code
from grader.study.reader.markdown import (
    MARGIN,
    ReaderPage,
    code_lines,
    inline_spans,
    markdown_lines,
)

QUESTION_MARK = "?"
MAX_PICTURE_WIDTH = 76  # columns


class RenderContext(msgspec.Struct, frozen=True):
    """What is needed to render blocks: the page, and lookups for what blocks refer to."""

    page: ReaderPage
    picture: Callable[[str], Picture]  # by name
    exercise: Callable[[str], Exercise | None]  # by the name of an exercise or a lab
    passed: Callable[[Exercise], bool]
    released: bool = False  # the course is a student's edition, which may lack exercises


def block_lines(block: AnyBlock, context: RenderContext) -> list[str]:
    """Render a block. A question is rendered without its answer, a deep dive as its title."""
    page = context.page
    match block:
        case Prose(text=text):
            return ansi_lines(markdown_lines(text, page))
        case Code(text=text):
            return ansi_lines(code_lines(text, page))
        case Listing(text=text):
            return ansi_lines(code_lines(text, page, comments=False))
        case PrintedOutput(text=text):
            return ansi_lines(_output_lines(text, page))
        case Figure():
            picture, caption = figure_lines(block, context)
            return [*picture, "", *caption]
        case Predict():
            return ansi_lines(_question_lines(block, page))
        case ExerciseDue(exercise=name, text=text):
            due = context.exercise(name)
            return ansi_lines(
                _due_lines(f"grade exercise {name}", due, text, context, missing=context.released and due is None)
            )
        case LabDue(lab=name, text=text):
            missing = context.released and context.exercise(name) is None
            return ansi_lines(_due_lines(f"grade lab {name}", None, text, context, missing=missing))
        case Deep(title=title):
            return ansi_lines(with_head(line("  ", dim("deep dive"), "   "), (bold(title),), page.prose_width))


def figure_lines(figure: Figure, context: RenderContext) -> tuple[list[str], list[str]]:
    """Render a picture and its caption."""
    picture = picture_lines(context.picture(figure.name), context.page)
    return picture, ansi_lines(_caption_lines(figure.numbered_caption, context.page))


def picture_lines(picture: Picture, page: ReaderPage) -> list[str]:
    """Render a picture with characters."""
    from grader.show.pictures.characters import draw_picture

    room = min(page.width - MARGIN, MAX_PICTURE_WIDTH)
    return [" " * MARGIN + line for line in draw_picture(picture, room, unicode=page.unicode)]


def title_lines(part: Part, page: ReaderPage) -> list[str]:
    """Render the title of a part."""
    number = f"{part.id}   " if part.lesson else ""
    return ansi_lines(with_head(line("  ", dim(number)), (bold(part.title),), page.prose_width))


def end_lines(deep: Deep, page: ReaderPage) -> list[str]:
    """Render the line below an open deep dive."""
    return ansi_lines(with_head(line("  "), (dim(f"end of the deep dive: {deep.title}"),), page.prose_width))


def answer_lines(question: Predict, given: str, page: ReaderPage) -> list[str]:
    """Render whether an answer was right, if that can be decided, the right answer and the reason."""
    right = question.is_right(given) if given else None
    answer = inline_spans(question.answer, page)
    if right is None:
        lines = with_head(line("  ", dim("answer: ")), answer, page.prose_width)
    elif right:
        lines = [line("  ", Span(PASSED, "green"), " right")]
    else:
        lines = _comparison_lines(inline_spans(given, page) if question.options else (Span(given),), answer, page)
    return ansi_lines([*lines, *markdown_lines(question.because, page, 2 * MARGIN)])


def _comparison_lines(given: Line, answer: Line, page: ReaderPage) -> list[Line]:
    """Render a wrong answer and the right one, side by side if there is room."""
    yours, right = line("  ", Span(FAILED, "red"), " ", dim("yours: ")), dim("right: ")
    beside = line(yours, given, "   ", right, answer)
    if width(beside) <= page.prose_width:
        return [beside]
    return [*with_head(yours, given, page.prose_width), *with_head(line(" " * 4, right), answer, page.prose_width)]


def ansi_lines(lines: Sequence[Line]) -> list[str]:
    """Convert lines to strings with escape sequences."""
    return [paint(each, MANY, color=True) for each in lines]


def _output_lines(text: str, page: ReaderPage) -> list[Line]:
    """Render output with a bar at the left, to tell it from code."""
    rows = (each for row in text.split("\n") for each in wrap_code(row, page.width - 2 * MARGIN, ""))
    return [line("  ", dim("│ "), each) for each in rows]


def _caption_lines(text: str, page: ReaderPage) -> list[Line]:
    return [
        tuple(Span(text, style or "dim") for text, style in each) for each in markdown_lines(text, page, 2 * MARGIN)
    ]


def _question_lines(question: Predict, page: ReaderPage) -> list[Line]:
    first, *rest = markdown_lines(question.ask, page, 2 * MARGIN)
    lines = [line("  ", bold(QUESTION_MARK), " ", *_without_margin(first)), *rest]
    if question.options:
        lines.append(BLANK)
    for digit, option in enumerate(question.options, start=1):
        lines += with_head(line(f"      {digit}  "), inline_spans(option, page), page.prose_width)
    return lines


def _without_margin(first: Line) -> Line:
    """Return a line without its margin."""
    (text, style), *rest = first
    return (Span(text.lstrip(), style), *rest)


def _due_lines(
    command: str, exercise: Exercise | None, text: str, context: RenderContext, *, missing: bool
) -> list[Line]:
    """Render a command to paste, for an exercise with its minutes and points."""
    page = context.page
    if missing:
        head = line("  ", dim("not in this edition"), "   ", command)
    elif exercise is None:
        head = line("  ", dim("now"), "   ", bold(command))
    else:
        mark = Span(PASSED, "green") if context.passed(exercise) else Span(NOT_STARTED)
        minutes = f"{exercise.minutes} minutes, {exercise.points:g} points"
        head = line("  ", mark, " ", bold(command))
        room = page.prose_width - cells(command) - 4
        head = line(head, "   ", dim(minutes)) if len(minutes) + 3 <= room else head
    return [head, *markdown_lines(text, page, 2 * MARGIN)]


def keys_line(keys: Sequence[str], right: str, columns: int) -> str:
    """Render the status line: as many keys as fit, always the last one, and the position at the right."""
    fitting, last = list(keys[:-1]), keys[-1]
    while fitting and cells("   ".join([*fitting, last])) > columns - MARGIN:
        fitting.pop()
    text = "   ".join([*fitting, last])
    gap = columns - MARGIN - cells(text) - cells(right) - 1
    shown = f"{text}{' ' * gap}{right}" if gap > 2 else text
    return paint(line("  ", dim(shown)), columns, color=True)
