"""What students of a course do not get, and what they get anyway: lines of code, and words of explanations."""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import assert_never

from grader.course.document import read_text
from grader.course.lessons import quiz_path
from grader.course.load import COURSE_FILE
from grader.course.model import Course, Exercise
from grader.engine.submission.examine import is_untouched
from grader.quiz.load import load_quiz
from grader.quiz.model import CodeLine, Match, Multiple, Numeric, Order, Question, Quiz, Single, TextAnswer
from grader.teach.release.edition import public_paths, read_bytes

_TEXTS = (".py", ".yaml", ".md")  # what else an author may keep beside a reference
RUN = 8  # words in a row that are told apart from what everybody writes
Words = tuple[str, ...]


class Secrets:
    """Those of a whole course. UsageError, when they are asked for, for what is wrong in its files."""

    def __init__(self, course: Course):
        self._course = course

    @cached_property
    def public(self) -> dict[str, bytes]:
        """The files that students may get as they are, by their paths; no stub in which somebody has written."""
        written = {each.stub for each in self._course.exercises if not is_untouched(read_text(each.stub), each.id)}
        paths = public_paths(self._course, self._course.lessons, self._course.exercises)
        return {self._name(path): read_bytes(path) for path in paths if path not in written}

    @cached_property
    def quizzes(self) -> dict[str, Quiz]:
        """The quizzes, by the paths of their files."""
        paths = (quiz_path(self._course, lesson) for lesson in self._course.lessons)
        return {self._name(path): load_quiz(path) for path in paths if path.is_file()}

    def quiz_file(self, name: str) -> bytes:
        """What stands in the file of a quiz."""
        return read_bytes(self._course.root / name)

    @cached_property
    def code(self) -> dict[str, str]:
        """The lines of solutions that are no public lines, and what each is a line of."""
        found: dict[str, str] = {}
        for exercise in self._course.exercises:
            kinds = {
                exercise.hidden_tests: "a hidden test",
                exercise.reference: "the reference",
                exercise.mistakes: "a known mistake",
                exercise.variants: "a variant",
            }
            others = sorted(path for path in exercise.reference.parent.rglob("*") if path.suffix in _TEXTS)
            for path, kind in (kinds | {each: "the solution" for each in others if each not in kinds}).items():
                if path.is_file():
                    for line in plain_lines(read_text(path)):
                        if any(map(str.isalnum, line)) and line not in self._public_lines:
                            found.setdefault(line, f"{kind} of {exercise.id}")
        return found

    def quoted(self, line: str) -> bool:
        """Whether a line of a solution stands within a public one."""
        return line in self._public_whole

    @cached_property
    def explanations(self) -> dict[Words, str]:
        """Words in a row of explanations and feedback that stand nowhere in public, and of which quiz they are."""
        found: dict[Words, str] = {}
        for quiz in self.quizzes.values():
            for question in quiz.questions:
                for text in _explaining(question):
                    for words, _ in runs(text):
                        found.setdefault(words, f"an explanation of the quiz {quiz.title}")
        for text in self._public_texts:
            for words, _ in runs(text):
                found.pop(words, None)
        return found

    @cached_property
    def questions(self) -> frozenset[str]:
        """The ids of all questions."""
        return frozenset(each.id for quiz in self.quizzes.values() for each in quiz.questions)

    def stub(self, name: str) -> Exercise | None:
        """The exercise whose stub has this path."""
        return next((each for each in self._course.exercises if self._name(each.stub) == name), None)

    @cached_property
    def _public_texts(self) -> list[str]:
        """All that students may read, what quizzes ask included."""
        files = [data.decode("utf-8", "replace") for data in self.public.values()]
        asked = [text for quiz in self.quizzes.values() for each in quiz.questions for text in _asking(each)]
        return [*files, read_text(self._course.root / COURSE_FILE), *asked]

    @cached_property
    def _public_lines(self) -> frozenset[str]:
        return frozenset(line for text in self._public_texts for line in plain_lines(text))

    @cached_property
    def _public_whole(self) -> str:
        return "\n".join(self._public_lines)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._course.root).as_posix()


def plain_lines(text: str) -> list[str]:
    """The lines of a text, however they are indented and spaced."""
    return [" ".join(line.split()) for line in text.splitlines()]


def runs(text: str) -> Iterator[tuple[Words, int]]:
    """All words in a row of a text, RUN of them at a time, with the line in which they begin, from 1.

    A text of fewer words is one such run, if it has more than two.
    """
    found = [
        (word, number)
        for number, line in enumerate(text.casefold().splitlines(), start=1)
        for word in re.findall(r"\w+", line)
    ]
    size = min(RUN, len(found))
    if size > 2:
        for place in range(len(found) - size + 1):
            yield tuple(word for word, _ in found[place : place + size]), found[place][1]


def _asking(question: Question) -> Iterator[str]:
    """What a question shows before it is answered."""
    yield question.question
    if question.code:
        yield question.code
    match question:
        case Single() | Multiple():
            yield from (option.text for option in question.options)
        case Order():
            yield from question.items
        case Match():
            yield from (side for pair in question.pairs for side in (pair.left, pair.right))
            yield from question.extra
        case Numeric() | TextAnswer() | CodeLine():
            pass
        case _:
            assert_never(question)


def _explaining(question: Question) -> Iterator[str]:
    """What a question shows after it was answered."""
    yield question.explanation
    match question:
        case Single() | Multiple():
            yield from (option.feedback for option in question.options)
        case Match():
            yield from (pair.feedback for pair in question.pairs if pair.feedback)
        case Numeric() | TextAnswer() | CodeLine():
            yield from (slip.feedback for slip in question.wrong)
        case Order():
            pass
        case _:
            assert_never(question)
