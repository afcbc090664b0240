"""A quiz as a file to fill in: the questions as comments, and a place for each answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.files import shown, writing
from grader.base.text import did_you_mean
from grader.course.document import Document
from grader.course.model import Text, YamlStruct
from grader.quiz.draw import Asked
from grader.quiz.plain import question_lines, wanted
from grader.quiz.score import NotAnAnswer, mark
from grader.quiz.session import Session
from grader.show.layout import COLUMNS


class Form(YamlStruct, frozen=True, kw_only=True):
    """The file: what was drawn depends on `salt` and `attempt`, so they come back with the answers."""

    quiz: Text
    salt: str | None = None
    attempt: Annotated[int, Meta(ge=1)]
    answers: dict[str, Any]


def form_text(slug: str, title: str, salt: str, attempt: int, asked: Sequence[Asked], *, exam: bool = False) -> str:
    """The empty form, as YAML. That of an exam is handed in, and the others are scored by `grade quiz`."""
    fill_in = "# Write each answer after the id of its question, and leave open what you do not know."
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
    for number, each in enumerate(asked, start=1):
        lines += ["", f"  # {number}. {each.question.level}"]
        lines += [f"  #{row}".rstrip() for row in ["", *question_lines(each, COLUMNS), ""]]
        lines += [f"  #  {wanted(each)}", f"  {each.question.id}:"]
    return "\n".join(lines) + "\n"


def read_form(path: Path, data: bytes | None = None) -> tuple[Document, Form]:
    """A form, read from its file or given as its bytes. UsageError with file and line for what is wrong in it."""
    document = Document(path, data=data)
    return document, document.convert(Form)


def answers_of(form: Form, document: Document, asked: Sequence[Asked], *, handed_in: bool = False) -> list[str | None]:
    """The answers in the order of the questions, None where one is open.

    UsageError for one that cannot be marked, unless the form was handed in and can be mended no more.
    """
    ids = [each.question.id for each in asked]
    for name in form.answers:
        if name not in ids:
            raise document.error(("answers", name), f"the quiz asks no question '{name}'.{did_you_mean(name, ids)}")
    answers = []
    for each in asked:
        name = each.question.id
        answer = _typed(document, name, form.answers.get(name))
        answers.append(answer)
        if answer is not None and not handed_in:
            try:
                mark(each, answer)
            except NotAnAnswer as problem:
                raise document.error(("answers", name), f"the answer to '{name}' cannot be marked. {problem}") from None
    return answers


def give(session: Session, answers: Sequence[str | None]) -> None:
    """Gives answers to a session, one for each question. What cannot be marked is wrong."""
    for answer in answers:
        if answer is None:
            session.skip()
            continue
        try:
            session.answer(answer)
        except NotAnAnswer:
            session.miss(answer)
        session.next()


def _typed(document: Document, name: str, value: Any) -> str | None:
    """An answer as it would be typed: `[1, 3]` is `1 3`."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    if isinstance(value, str):
        return value.strip() or None
    if value is None:
        return None
    raise document.error(("answers", name), f"the answer to '{name}' must be one line, or a list of numbers.")


def write_form(path: Path, text: str) -> None:
    """Writes a form to a file that is not there yet."""
    with writing(path):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise UsageError(f"{shown(path)} exists already; name another file, so that no answers are lost.") from None
