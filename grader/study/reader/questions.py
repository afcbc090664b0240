"""Predictions of lessons as questions of a quiz: so they come back for review."""

from collections.abc import Iterator, Sequence
from typing import Any

from grader.course.lesson.model import AnyBlock, Code, Deep, Part, Predict
from grader.quiz.model import Askable, Numeric, Option, OwnWords, Single, TextAnswer, Tolerance
from grader.show.layout import MANY
from grader.study.reader.markdown import Page, inline

WORDS = 4  # an answer in more words cannot be typed again as it stands: the reader compares it
_WIDE = Page(MANY)


def questions_of(part: Part) -> dict[str, Askable]:
    """The questions of a part by their ids. Each has the code that stands before it."""
    return {each.id: _question(each, code, part) for each, code in _predictions(part.blocks)}


def _predictions(blocks: Sequence[AnyBlock]) -> Iterator[tuple[Predict, str | None]]:
    """Each question with the last code since the one before it."""
    code = None
    for block in blocks:
        match block:
            case Code(text=text):
                code = text
            case Predict():
                yield block, code
                code = None
            case Deep(blocks=inner):
                yield from _predictions(inner)


def _question(each: Predict, code: str | None, part: Part) -> Askable:
    given: dict[str, Any] = {
        "id": each.id,
        "level": "apply",
        "section": part.title,
        "question": _plain(each.ask),
        "explanation": _plain(each.because),
        "source": f"lesson {part.id}, {part.title}",
        "code": code,
    }
    if each.options:
        options = (Option(text=_plain(text), feedback="", correct=text == each.answer) for text in each.options)
        return Single(**given, options=tuple(options))
    if each.number is not None:
        tolerance = Tolerance(absolute=each.tolerance) if each.tolerance else None
        return Numeric(**given, answer=each.answer, tolerance=tolerance)
    answer = _plain(each.answer)
    return TextAnswer(**given, answers=(answer,)) if len(answer.split()) <= WORDS else OwnWords(**given, answer=answer)


def _plain(text: str) -> str:
    """The words of a text, with formulas as they are read: questions know no TeX."""
    return "".join(span.text for span in inline(text, _WIDE)).replace("\u00a0", " ")
