"""Predictions in lessons as questions of a quiz, so that they can be reviewed."""

from collections.abc import Iterator, Sequence
from typing import Any

from grader.course.lesson.model import AnyBlock, Code, Deep, Part, Predict
from grader.quiz.model import Askable, Numeric, Option, OwnWords, Single, TextAnswer, Tolerance
from grader.show.layout import MANY
from grader.study.reader.markdown import ReaderPage, inline_spans

MAX_WORDS = 4  # a longer answer cannot be typed exactly, so the student compares it
_WIDE = ReaderPage(MANY)


def questions_of(part: Part) -> dict[str, Askable]:
    """Return the questions of a part by id. Each contains the code before it."""
    return {each.id: _question(each, code, part) for each, code in _predictions(part.blocks)}


def _predictions(blocks: Sequence[AnyBlock]) -> Iterator[tuple[Predict, str | None]]:
    """Yield each question with the last code since the previous question."""
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
    return (
        TextAnswer(**given, answers=(answer,)) if len(answer.split()) <= MAX_WORDS else OwnWords(**given, answer=answer)
    )


def _plain(text: str) -> str:
    """Return plain text with formulas converted, since quizzes do not render TeX."""
    return "".join(span.text for span in inline_spans(text, _WIDE)).replace("\u00a0", " ")
