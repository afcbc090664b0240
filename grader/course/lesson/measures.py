"""Measures of a lesson: what its questions ask for, which parts are long, and how often the text digresses."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grader.base.text import is_longest
from grader.course.lesson.model import Part, Predict, flatten
from grader.course.lesson.passages import Passage, passages
from grader.course.lesson.problem import Problem
from grader.course.model import Standards

LONG = 2000  # words; a part with more has more than one idea
ASIDE = 4  # words; fewer in parentheses hardly interrupt
_PARENTHESES = re.compile(r"\([^()]*\)")


class LessonMeasures(NamedTuple):
    """Counts of one lesson."""

    questions: int
    numbers: int  # questions that ask for a number
    choices: int
    pairs: int  # choices with two options
    longest: int  # choices whose right option is the longest
    words: int
    long_parts: tuple[str, ...]  # parts with more than LONG words: 1.3
    asides: int  # parentheses of at least ASIDE words, without links


def measure(parts: Sequence[Part]) -> LessonMeasures:
    """Return the measures of the parts of a lesson. The words are without deep dives."""
    questions = [block for part in parts for block in flatten(part.blocks) if isinstance(block, Predict)]
    choices = [question for question in questions if question.options]
    return LessonMeasures(
        questions=len(questions),
        numbers=sum(question.number is not None for question in questions),
        choices=len(choices),
        pairs=sum(len(question.options) == 2 for question in choices),
        longest=sum(is_longest(question.answer, _wrong_options(question)) for question in choices),
        words=sum(part.words for part in parts),
        long_parts=tuple(part.id for part in parts if part.words > LONG),
        asides=sum(1 for part in parts for passage in passages(part) for _ in _asides(passage)),
    )


def measure_problems(parts: Sequence[Part], lesson: str, standards: Standards) -> Iterator[Problem]:
    """Yield what the standards of the course forbid in the parts of a lesson, which is in the folder `lesson`."""
    measures = measure(parts)
    for of, count, most, what in (
        (measures.questions, measures.numbers, standards.numbers, "questions ask for a number"),
        (measures.choices, measures.longest, standards.longest, "choices have the longest option as the right one"),
    ):
        if 100 * count > most * of:
            yield Problem(lesson, 0, f"{count} of {of} {what}; at most {most} % may, by the standards of course.yaml.")
    for part in parts:
        if standards.words is not None and part.words > standards.words:
            yield Problem(part.path, 0, f"the part has {part.words} words; at most {standards.words} are allowed.")
        for block in flatten(part.blocks):
            if isinstance(block, Predict) and 0 < len(block.options) < standards.options:
                what = f"the question has {len(block.options)} options; at least {standards.options} are required."
                yield Problem(part.path, block.line, what)


def _wrong_options(question: Predict) -> list[str]:
    return [option for option in question.options if not question.is_right(option)]


def _asides(passage: Passage) -> Iterator[str]:
    for match in _PARENTHESES.finditer(passage.text):
        is_citation = any(match.start() <= link.start < match.end() for link in passage.links)
        if len(match[0].split()) >= ASIDE and not is_citation:
            yield match[0]
