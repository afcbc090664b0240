"""Draws a marked answer: the marks of its parts, the score, the reasons and the right answer."""

from collections.abc import Sequence

from grader.quiz.draw import DrawnQuestion
from grader.quiz.model import CodeLine, Match, Multiple, Numeric, Option, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import describe_right_answer, positions
from grader.quiz.session import GivenAnswer
from grader.show.layout import BLANK, Line, Span, line
from grader.show.symbols import DONE, FAILED, HERE, NOT_STARTED, PASSED
from grader.show.text import code_rows, markdown_lines, numbered_lines, parse_inline, styled_lines, with_head

_RIGHT, _WRONG, _NEITHER = Span(PASSED, "green"), Span(FAILED, "red"), Span(" ")


def answer_lines(drawn: DrawnQuestion, given: GivenAnswer, width: int) -> list[Line]:
    """Return the answer with a mark for each part."""
    question = drawn.question
    answer = given.answer or ""
    match question:
        case Single() | Multiple():
            several = isinstance(question, Multiple)
            return _option_lines(question.options, positions(drawn, answer), several, width)
        case Order():
            return _order_lines(drawn, question, positions(drawn, answer), width)
        case Match():
            return _match_lines(drawn, question, positions(drawn, answer), width)
        case CodeLine():
            return _code_lines(question, positions(drawn, answer), width)
        case Numeric() | TextAnswer():
            return with_head(line("  ", _mark(given.mark.score == 1), " "), (Span(answer),), width)
        case OwnWords():
            return with_head(line("  ", _mark(given.mark.score == 1), " "), parse_inline(question.answer), width)


def feedback_lines(drawn: DrawnQuestion, given: GivenAnswer, width: int) -> list[Line]:
    """Return the score, the reasons, the right answer and the explanation with its source."""
    question = drawn.question
    score = given.mark.score
    word = "right" if score == 1 else "not right" if score == 0 else f"{score:.2f} of 1"
    lines = [line("  ", _mark(score == 1), f" {word}")]
    for reason in given.mark.feedback:
        lines += markdown_lines(reason, width, 4)
    if score < 1 and not isinstance(question, Single | Multiple | CodeLine | OwnWords):
        lines += [BLANK, *_right_lines(drawn, width)]
    lines += [BLANK, *markdown_lines(question.explanation, width, 4)]
    if question.source:
        lines += [BLANK, *styled_lines(question.source, "dim", width, 4)]
    return lines


def _mark(good: bool) -> Span:
    return _RIGHT if good else _WRONG


def _option_lines(options: Sequence[Option], chosen: Sequence[int], several: bool, width: int) -> list[Line]:
    """Return all options, in the order shown, with marks for those right and those chosen."""
    rows: list[Line] = []
    for i, option in enumerate(options):
        mark = _RIGHT if option.correct else _WRONG if i in chosen else _NEITHER
        box = f"{DONE if i in chosen else NOT_STARTED} " if several else ""
        head = line("  ", mark, HERE if i in chosen else " ", f"{i + 1}  {box}")
        rows += with_head(head, parse_inline(option.text), width)
    return rows


def _order_lines(drawn: DrawnQuestion, question: Order, chosen: Sequence[int], width: int) -> list[Line]:
    """Return the items in the order of the answer."""
    rows: list[Line] = []
    for position, i in enumerate(chosen):
        good = question.items[position] == drawn.shown[i]
        rows += with_head(line("  ", _mark(good), f" {position + 1}. "), parse_inline(drawn.shown[i]), width)
    return rows


def _match_lines(drawn: DrawnQuestion, question: Match, chosen: Sequence[int], width: int) -> list[Line]:
    """Return the left sides with the digits of the answer, then the right sides."""
    rows: list[Line] = []
    for i, pair in enumerate(question.pairs):
        position = chosen[i]
        good = drawn.shown[position] == pair.right
        rows += with_head(line("  ", _mark(good), f" {position + 1}  "), parse_inline(pair.left), width)
    return [*rows, BLANK, *numbered_lines(drawn.shown, width)]


def _code_lines(question: CodeLine, chosen: Sequence[int], width: int) -> list[Line]:
    """Return the code with marks for the right line and the chosen one."""

    def head(i: int) -> Line:
        mark = _RIGHT if i == question.answer - 1 else _WRONG if i in chosen else _NEITHER
        return line("  ", mark, " ")

    return [each for row in code_rows(question.code or "", width, head) for each in row]


def _right_lines(drawn: DrawnQuestion, width: int) -> list[Line]:
    texts = describe_right_answer(drawn)
    if len(texts) == 1:
        return with_head(line("    right: "), parse_inline(texts[0]), width)
    lines = [line("    right:")]
    for text in texts:
        lines += with_head(line("      - "), parse_inline(text), width)
    return lines
