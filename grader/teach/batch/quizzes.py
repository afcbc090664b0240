"""Scores the quiz forms of a class. No student code is run."""

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
from grader.engine.submission.unrun import unreadable_result
from grader.quiz.attempt import draw_questions, question_result
from grader.quiz.form import QuizForm, answers_of, read_form, submit_answers
from grader.quiz.load import load_quiz
from grader.quiz.model import Quiz
from grader.quiz.result import QuizResult
from grader.quiz.session import QuizSession
from grader.teach.gradebook.model import AnyResult
from grader.teach.handins.find import NOT_REQUESTED
from grader.teach.handins.handin import Found, Handin, Ignored, IgnoredKind
from grader.teach.handins.versions import choose_versions


def _ignored_for_all(handin: Handin, why: str, kind: IgnoredKind) -> list[Ignored]:
    return [Ignored(file=handin.file, why=why, kind=kind, student=student) for student in handin.students]


@dataclass
class Quizzes:
    """The quizzes of a course, each loaded with its first form."""

    course: Course
    _loaded: dict[str, Quiz] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    def slugs(self) -> list[str]:
        """Return the slugs of the lessons with a quiz, in the course's order."""
        return [lesson.slug for lesson in self.course.lessons if quiz_path(self.course, lesson).is_file()]

    def quiz(self, slug: str) -> Quiz:
        """Return a quiz of the course. Raise UsageError if it is invalid."""
        if slug not in self._loaded:
            path = self._path(slug)
            self._loaded[slug] = load_quiz(path)
            self._hashes[slug] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._loaded[slug]

    def hash(self, slug: str) -> str:
        """Return a hash of everything that the scores of a quiz depend on."""
        self.quiz(slug)
        return self._hashes[slug]

    def assign(self, found: Found, only: Sequence[str] = ()) -> Found:
        """Assign each quiz form to the quiz that it names.

        Ignore invalid forms, forms of other courses, and forms of quizzes not in `only`, unless that is empty.
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
                    ignored += _ignored_for_all(handin, str(error).removesuffix("."), IgnoredKind.UNREAD)
                    continue
                handins.append(handin)  # its file name tells the quiz: it will be scored as an invalid form
            else:
                if only and form.quiz not in only:
                    ignored += _ignored_for_all(handin, NOT_REQUESTED, IgnoredKind.UNASKED)
                else:
                    handins.append(dataclasses.replace(handin, item=form.quiz))
        handins, left_out = choose_versions(handins)  # now that each form's quiz is known
        return dataclasses.replace(found, handins=handins, ignored=[*ignored, *left_out])

    def score(self, slug: str, data: bytes, file: str) -> AnyResult:
        """Return the result of a form; for an invalid form, a result that says why."""
        quiz = self.quiz(slug)
        try:
            document, form = self._read(data, file)
            salt = form.salt or ""
            asked = draw_questions(quiz.questions, salt, form.attempt)
            session = QuizSession(quiz.title, asked, lambda place, given: None)
            submit_answers(session, answers_of(form, document, asked, handed_in=True))
        except UsageError as error:
            return unreadable_result(str(error), file, slug, len(quiz.questions))
        questions = (question_result(each, session.answers.get(i)) for i, each in enumerate(asked))
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

    def _read(self, data: bytes, file: str) -> tuple[Document, QuizForm]:
        document, form = read_form(Path(file), data)
        slugs = self.slugs()
        if form.quiz not in slugs:
            hint = did_you_mean(form.quiz, slugs)
            raise document.error(("quiz",), f"this course has no quiz '{form.quiz}'.{hint}")
        return document, form

    def _path(self, slug: str) -> Path:
        return quiz_path(self.course, next(lesson for lesson in self.course.lessons if lesson.slug == slug))
