"""A quiz as a YAML file to fill in: the questions as comments, with a key for each answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.files import shown, writing
from grader.base.text import did_you_mean
from grader.course.document import Document
from grader.course.model import Text, YamlStruct
from grader.quiz.draw import DrawnQuestion
from grader.quiz.plain_mode import instruction, question_lines
from grader.quiz.score import InvalidAnswer, mark
from grader.quiz.session import QuizSession
from grader.show.layout import COLUMNS


class QuizForm(YamlStruct, frozen=True, kw_only=True):
    """A form. It names the salt and the attempt, which determine the draw."""

    quiz: Text
    salt: str | None = None
    attempt: Annotated[int, Meta(ge=1)]
    answers: dict[str, Any]


def form_text(
    slug: str, title: str, salt: str, attempt: int, drawn: Sequence[DrawnQuestion], *, exam: bool = False
) -> str:
    """Return an empty form as YAML. It tells students to hand it in (exam), or to run `grade quiz`."""
    fill_in = "# Write each answer after the id of its question; leave it empty if you do not know."
    then = ["# Then hand this file in."] if exam else ["# Then:", f"#   grade quiz {slug} --answers THIS-FILE.yaml"]
    lines = [
        f"# {title}",
        "#",
        fill_in,
        *then,
        "",
        f"quiz: {slug}",
        f"salt: '{salt.replace(chr(39), chr(39) * 2)}'",
        f"attempt: {attempt}",
        "answers:",
    ]
    for number, each in enumerate(drawn, start=1):
        lines += ["", f"  # {number}. {each.question.level}"]
        lines += [f"  #{row}".rstrip() for row in ["", *question_lines(each, COLUMNS), ""]]
        lines += [f"  #  {instruction(each)}", f"  {each.question.id}:"]
    return "\n".join(lines) + "\n"


def read_form(path: Path, data: bytes | None = None) -> tuple[Document, QuizForm]:
    """Parse a form, from `data` if given. Raise UsageError with file and line if it is malformed."""
    document = Document(path, data=data)
    return document, document.convert(QuizForm)


def answers_of(
    form: QuizForm, document: Document, drawn: Sequence[DrawnQuestion], *, handed_in: bool = False
) -> list[str | None]:
    """Return the answers in the order of the questions, None for those left empty.

    Raises UsageError for an unknown question, and for an invalid answer unless the form was handed in, since then the
    student cannot correct it any more.
    """
    ids = [each.question.id for each in drawn]
    for name in form.answers:
        if name not in ids:
            raise document.error(("answers", name), f"the quiz has no question '{name}'.{did_you_mean(name, ids)}")
    answers = []
    for each in drawn:
        name = each.question.id
        answer = _answer_text(document, name, form.answers.get(name))
        answers.append(answer)
        if answer is not None and not handed_in:
            try:
                mark(each, answer)
            except InvalidAnswer as problem:
                raise document.error(("answers", name), f"the answer to '{name}' cannot be marked. {problem}") from None
    return answers


def submit_answers(session: QuizSession, answers: Sequence[str | None]) -> None:
    """Submit one answer for each question of a session. Invalid answers count as wrong."""
    for answer in answers:
        if answer is None:
            session.skip()
            continue
        try:
            session.answer(answer)
        except InvalidAnswer:
            session.give_invalid(answer)
        session.next()


def _answer_text(document: Document, name: str, value: Any) -> str | None:
    """Return an answer as it would be typed: `[1, 3]` becomes `1 3`."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    if isinstance(value, str):
        return value.strip() or None
    if value is None:
        return None
    raise document.error(("answers", name), f"the answer to '{name}' must be one line, or a list of numbers.")


def write_form(path: Path, text: str) -> None:
    """Write a form to a new file. Raise UsageError if the file exists."""
    with writing(path):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise UsageError(f"{shown(path)} exists already; name another file, so that no answers are lost.") from None
