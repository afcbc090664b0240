"""Scores the quiz forms of a class: no code of a student's is run for it."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import msgspec

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course import Course
from grader.course.document import Document
from grader.course.lesson.files import quiz_path
from grader.engine.submission.unrun import unreadable
from grader.quiz.attempt import drawn, question_result
from grader.quiz.form import Form, answers_of, give, read_form
from grader.quiz.load import load_quiz
from grader.quiz.model import Quiz
from grader.quiz.result import QuizResult
from grader.quiz.session import Session
from grader.teach.gradebook.model import Measured
from grader.teach.handins.handin import Found, Handin, Ignored, Kind
from grader.teach.handins.recognise import NOT_ASKED
from grader.teach.handins.versions import choose


def _of_all(handin: Handin, why: str, kind: Kind) -> list[Ignored]:
    return [Ignored(file=handin.file, why=why, kind=kind, student=student) for student in handin.students]


@dataclass
class Quizzes:
    """The quizzes of a course, each read when the first form of it comes."""

    course: Course
    _loaded: dict[str, Quiz] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    def slugs(self) -> list[str]:
        """The lessons that have a quiz, in the course's order."""
        return [lesson.slug for lesson in self.course.lessons if quiz_path(self.course, lesson).is_file()]

    def quiz(self, slug: str) -> Quiz:
        """A quiz of the course. UsageError where it is broken."""
        if slug not in self._loaded:
            path = self._path(slug)
            self._loaded[slug] = load_quiz(path)
            self._hashes[slug] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._loaded[slug]

    def hash(self, slug: str) -> str:
        """A hash of all that the scores of a quiz depend on."""
        self.quiz(slug)
        return self._hashes[slug]

    def place(self, found: Found, only: Sequence[str] = ()) -> Found:
        """With every quiz form under the quiz that it names.

        What is no form, of no quiz here, or of none of `only`, if that is not empty, is ignored.
        """
        handins, ignored = [], list(found.ignored)
        for handin in found.handins:
            if handin.kind == "exercise":
                handins.append(handin)
                continue
            try:
                _, form = self._read(handin.read(), PurePath(handin.file).name)
            except UsageError as error:
                if not handin.item:
                    ignored += _of_all(handin, str(error).removesuffix("."), Kind.UNREAD)
                    continue
                handins.append(handin)  # by its name it is a form of this quiz, and it will be scored as a broken one
            else:
                if only and form.quiz not in only:
                    ignored += _of_all(handin, NOT_ASKED, Kind.UNASKED)
                else:
                    handins.append(dataclasses.replace(handin, item=form.quiz))
        handins, left = choose(handins)  # only now it is known which forms are of one quiz
        return dataclasses.replace(found, handins=handins, ignored=[*ignored, *left])

    def score(self, slug: str, data: bytes, file: str) -> Measured:
        """What a form is worth; of one that cannot be marked, a result that says why."""
        quiz = self.quiz(slug)
        try:
            document, form = self._read(data, file)
            salt = form.salt or ""
            asked = drawn(quiz.questions, salt, form.attempt)
            session = Session(quiz.title, asked, lambda place, given: None)
            give(session, answers_of(form, document, asked, handed_in=True))
        except UsageError as error:
            return unreadable(str(error), file, slug, len(quiz.questions))
        questions = (question_result(each, session.given.get(i)) for i, each in enumerate(asked))
        return QuizResult(
            quiz=slug,
            title=quiz.title,
            attempt=form.attempt,
            seed=salt,
            finished=True,
            score=session.score,
            max_score=len(asked),
            questions=tuple(msgspec.structs.replace(each, seconds=0.0) for each in questions),
        )

    def _read(self, data: bytes, file: str) -> tuple[Document, Form]:
        document, form = read_form(Path(file), data)
        slugs = self.slugs()
        if form.quiz not in slugs:
            told = did_you_mean(form.quiz, slugs)
            raise document.error(("quiz",), f"this course has no quiz '{form.quiz}'.{told}")
        return document, form

    def _path(self, slug: str) -> Path:
        return quiz_path(self.course, next(lesson for lesson in self.course.lessons if lesson.slug == slug))
