"""A question as a reader found it in an export, and as the quiz has it: both in the words that a student sees."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from grader.quiz.draw import DrawnQuestion, draw_question
from grader.quiz.formula import Formula
from grader.quiz.model import (
    CodeLine,
    Match,
    Multiple,
    Number,
    Numeric,
    Order,
    Question,
    Single,
    TextAnswer,
    Tolerance,
)
from grader.show.text import parse_inline

POWER = r"(?<=[\w)\]])\^\(([^()`*]+)\)"
BLOCKS = {"p", "li", "ul", "ol", "pre", "div", "tr", "td", "th", "table", "br"}


@dataclass
class Read:
    """A question. Only the fields of its kind are filled; feedback is "" if there is none."""

    name: str
    kind: str
    text: str
    explanation: str
    options: list[tuple[str, bool, str]] = field(default_factory=list)  # text, is right, feedback
    numbers: list[tuple[float, float, bool, str]] = field(default_factory=list)  # number, margin, is right, feedback
    words: list[tuple[str, bool, str]] = field(default_factory=list)  # text, is right, feedback
    items: list[str] = field(default_factory=list)  # in the right order
    pairs: list[tuple[str, str, str]] = field(default_factory=list)  # left, right, feedback
    extra: set[str] = field(default_factory=set)
    when_wrong: str = ""
    unit: str | None = None
    shuffled: bool | None = None
    code: list[str] = field(default_factory=list)  # blocks of code; that of the question is the last
    tags: list[str] = field(default_factory=list)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.code: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "sup":
            self.parts.append("^")
        if tag == "pre":
            self.depth += 1
            self.code.append("")
        if tag in BLOCKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "pre"
        if tag in BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
        if self.depth:
            self.code[-1] += data


def seen(html: str) -> str:
    """Return the visible text of HTML with single spaces."""
    parser = _Seen()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split())


def code_in(html: str) -> list[str]:
    """Return the code blocks in HTML unchanged."""
    parser = _Seen()
    parser.feed(html)
    parser.close()
    return parser.code


def shown(markdown: str) -> str:
    """Return what a terminal shows of the Markdown of a question, with single spaces."""
    return one_line(" ".join(re.sub(r"^ {0,3}(?:[-*+]|1[.)]) +", "", row) for row in markdown.split("\n")))


def one_line(markdown: str) -> str:
    """Return what a terminal shows of an option, a side or a word, which have no lists, with powers as in HTML."""
    parts = parse_inline(" ".join(markdown.split()))
    return " ".join("".join(span.text if span.style else flat(span.text) for span in parts).split())


def flat(text: str) -> str:
    """Remove the parentheses of powers."""
    return re.sub(POWER, r"^\1", text)


def numbered(code: str) -> str:
    """Return code with line numbers."""
    rows = code.rstrip("\n").split("\n")
    return "\n".join(f"{number:>{len(str(len(rows)))}}  {row}" for number, row in enumerate(rows, start=1))


def expected(question: Question, asked: DrawnQuestion | None = None) -> Read:
    """Return what every export has of a question or a variant of it; `name` is the question's id."""
    asked = asked or draw_question(question, "any", 1)
    question = asked.question  # type: ignore[assignment]
    source = f"({question.source}) " if question.source else ""
    said = f"{shown(question.explanation)} {source}To read again: {question.section}"
    said = " ".join(said.split())
    read = Read(question.id, "", shown(question.question), said)
    if question.code is not None:
        read.code = [numbered(question.code)]
        read.text += " " + " ".join(read.code[0].split())
    match question:
        case Single() | Multiple():
            read.kind = "several" if isinstance(question, Multiple) else "one"
            read.options = [(one_line(each.text), each.correct, shown(each.feedback)) for each in question.options]
            read.shuffled = not any(each.pin for each in question.options)
        case CodeLine():
            read.kind, read.shuffled = "one", False
            slips = {int(slip.answer): shown(slip.feedback) for slip in question.wrong}
            for number, row in enumerate((question.code or "").rstrip("\n").split("\n"), start=1):
                if row.strip():
                    text = " ".join(f"{number}: {row}".split())
                    read.options.append((text, number == question.answer, slips.get(number, "")))
        case Numeric():
            read.kind, read.unit = "number", question.unit
            if question.unit:
                read.text += f" Give a number, in {question.unit}."
            right = Formula(question.answer).value({})
            read.numbers = [(right, margin(question.tolerance, right), True, "")]
            for slip in question.wrong:
                value = Formula(slip.answer).value({})
                read.numbers.append((value, margin(question.tolerance, value), False, shown(slip.feedback)))
        case TextAnswer():
            read.kind = "words"
            read.words = [(answer, True, "") for answer in question.answers]
            read.words += [(slip.answer, False, shown(slip.feedback)) for slip in question.wrong]
        case Order():
            read.kind, read.items = "order", [one_line(item) for item in question.items]
        case Match():
            read.kind = "match"
            read.pairs = [
                (one_line(each.left), one_line(each.right), shown(each.feedback or "")) for each in question.pairs
            ]
            read.extra = {one_line(each) for each in question.extra}
    return read


def margin(tolerance: Tolerance | None, right: Number) -> float:
    """Return how far off a number may be, as docs/authors/quizzes.md defines it."""
    if tolerance is None:
        return 0.0 if isinstance(right, int) else abs(right) / 1e6
    return tolerance.absolute if tolerance.absolute else (tolerance.relative or 0.0) * abs(right)
