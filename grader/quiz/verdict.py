"""What is drawn once an answer is marked: the answer with its marks, what it is worth, why, and what would be right."""

from collections.abc import Sequence

from grader.quiz.draw import Asked
from grader.quiz.model import CodeLine, Match, Multiple, Numeric, Option, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import places, right_in_words
from grader.quiz.session import Given
from grader.show.layout import BLANK, Line, Span, line
from grader.show.numbers import format_points
from grader.show.symbols import DONE, FAILED, HERE, NOT_STARTED, PASSED
from grader.show.text import code_rows, markdown_lines, numbered_lines, parse_inline, styled_lines, with_head

_RIGHT, _WRONG, _NEITHER = Span(PASSED, "green"), Span(FAILED, "red"), Span(" ")


def marked(asked: Asked, given: Given, width: int) -> list[Line]:
    """The answer that was given, and the marks of its parts."""
    question = asked.question
    answer = given.answer or ""
    match question:
        case Single() | Multiple():
            several = isinstance(question, Multiple)
            return _options(question.options, places(asked, answer), several, width)
        case Order():
            return _ranked(asked, question, places(asked, answer), width)
        case Match():
            return _matched(asked, question, places(asked, answer), width)
        case CodeLine():
            return _line_of_code(question, places(asked, answer), width)
        case Numeric() | TextAnswer():
            return with_head(line("  ", _mark(given.mark.score == 1), " "), (Span(answer),), width)
        case OwnWords():
            return with_head(line("  ", _mark(given.mark.score == 1), " "), parse_inline(question.answer), width)


def verdict(asked: Asked, given: Given, width: int) -> list[Line]:
    """What an answer is worth, the reason, and the explanation with its source."""
    question = asked.question
    score = given.mark.score
    word = "right" if score == 1 else "not right" if score == 0 else f"{format_points(score)} of 1"
    lines = [line("  ", _mark(score == 1), f" {word}")]
    for reason in given.mark.feedback:
        lines += markdown_lines(reason, width, 4)
    if score < 1 and not isinstance(question, Single | Multiple | CodeLine | OwnWords):
        lines += [BLANK, *_right_lines(asked, width)]
    lines += [
        BLANK,
        *markdown_lines(question.explanation, width, 4),
        BLANK,
        *styled_lines(question.source, "dim", width, 4),
    ]
    return lines


def _mark(good: bool) -> Span:
    return _RIGHT if good else _WRONG


def _options(options: Sequence[Option], chosen: Sequence[int], several: bool, width: int) -> list[Line]:
    """All options, each where it stood before the answer: which are right, and which were chosen."""
    drawn: list[Line] = []
    for i, option in enumerate(options):
        mark = _RIGHT if option.correct else _WRONG if i in chosen else _NEITHER
        box = f"{DONE if i in chosen else NOT_STARTED} " if several else ""
        head = line("  ", mark, HERE if i in chosen else " ", f"{i + 1}  {box}")
        drawn += with_head(head, parse_inline(option.text), width)
    return drawn


def _ranked(asked: Asked, question: Order, chosen: Sequence[int], width: int) -> list[Line]:
    """The items in the order that was given."""
    drawn: list[Line] = []
    for place, i in enumerate(chosen):
        good = question.items[place] == asked.shown[i]
        drawn += with_head(line("  ", _mark(good), f" {place + 1}. "), parse_inline(asked.shown[i]), width)
    return drawn


def _matched(asked: Asked, question: Match, chosen: Sequence[int], width: int) -> list[Line]:
    """The left sides with the digits that were given, and the right sides."""
    drawn: list[Line] = []
    for i, pair in enumerate(question.pairs):
        place = chosen[i]
        good = asked.shown[place] == pair.right
        drawn += with_head(line("  ", _mark(good), f" {place + 1}  "), parse_inline(pair.left), width)
    return [*drawn, BLANK, *numbered_lines(asked.shown, width)]


def _line_of_code(question: CodeLine, chosen: Sequence[int], width: int) -> list[Line]:
    """The code: which line is right, and which was chosen."""

    def head(i: int) -> Line:
        mark = _RIGHT if i == question.answer - 1 else _WRONG if i in chosen else _NEITHER
        return line("  ", mark, " ")

    return [each for row in code_rows(question.code or "", width, head) for each in row]


def _right_lines(asked: Asked, width: int) -> list[Line]:
    texts = right_in_words(asked)
    if len(texts) == 1:
        return with_head(line("    right: "), parse_inline(texts[0]), width)
    lines = [line("    right:")]
    for text in texts:
        lines += with_head(line("      - "), parse_inline(text), width)
    return lines
