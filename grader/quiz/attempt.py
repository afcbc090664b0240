"""An attempt at a quiz: which questions it asks, and its answers in the student's progress."""

import sys
from collections.abc import Sequence
from random import Random
from typing import Literal

from grader.base.errors import UsageError
from grader.base.seeds import derive_seed
from grader.course.progress import Answered, AnswerUndone, Progress, QuizFinished, QuizStarted, now
from grader.quiz import history
from grader.quiz.draw import Asked, ask
from grader.quiz.formula import BadFormula
from grader.quiz.model import Askable, Question, Quiz, type_of
from grader.quiz.result import QuestionResult, QuizResult
from grader.quiz.score import Mark, NotAnAnswer, mark
from grader.quiz.session import Given, Kind, Session

Only = Literal["missed"]


class Attempt:
    """One attempt, new or gone on with."""

    def __init__(self, slug: str, quiz: Quiz, started: QuizStarted, progress: Progress, salt: str, kept: bool = True):
        """`kept`: answers are recorded, and those that were recorded before count."""
        self.slug = slug
        self.quiz = quiz
        self.started = started
        self._progress = progress
        self._kept = kept
        known = [question for each in started.questions if (question := quiz.question(each))]
        seed = salt if started.seed is None else started.seed
        asked = drawn(known, seed, started.attempt)
        earlier = history.answers(progress.events, slug, started.attempt) if kept else {}
        given = {}
        for i, each in enumerate(asked):
            if event := earlier.get(each.question.id):
                given[i] = _again(each, event)
        kind: Kind = "exam" if started.exam else "quiz"
        self.session = Session(quiz.title, asked, self._record, given, kind, self._take_back)

    def start(self) -> None:
        """Records that it began."""
        if self._kept:
            self._progress.record(self.started)

    def finish(self) -> None:
        """Records that the last question is passed."""
        session, started = self.session, self.started
        if self._kept and not history.finished(self._progress.events, self.slug, started.attempt):
            self._progress.record(
                QuizFinished(
                    quiz=self.slug,
                    attempt=started.attempt,
                    score=session.score,
                    max_score=len(session.asked),
                    whole=started.whole,
                )
            )

    def result(self) -> QuizResult:
        """How it went so far."""
        return QuizResult(
            quiz=self.slug,
            title=self.quiz.title,
            attempt=self.started.attempt,
            seed=self.started.seed,
            finished=self.session.over,
            score=self.session.score,
            max_score=len(self.session.asked),
            questions=tuple(
                question_result(each, self.session.given.get(i)) for i, each in enumerate(self.session.asked)
            ),
        )

    def _record(self, place: int, given: Given) -> None:
        if not self._kept:
            return
        from grader.quiz.review import due_after

        question = self.session.asked[place].question.id
        moment = now()
        self._progress.record(
            Answered(
                quiz=self.slug,
                question=question,
                attempt=self.started.attempt,
                score=given.mark.score,
                answer=given.answer,
                seconds=given.seconds,
                due=due_after(self._progress.events, history.Key(self.slug, question), given.mark.score, moment),
                time=moment,
            )
        )

    def _take_back(self, place: int) -> None:
        if self._kept:
            self._progress.record(AnswerUndone(quiz=self.slug, question=self.session.asked[place].question.id))


def question_result(asked: Asked, given: Given | None) -> QuestionResult:
    question = asked.question
    return QuestionResult(
        id=question.id,
        type=type_of(question),
        level=question.level,
        section=question.section,
        score=given.mark.score if given else 0.0,
        answer=given.answer if given else None,
        seconds=given.seconds if given else 0.0,
    )


def resume(slug: str, quiz: Quiz, progress: Progress, salt: str) -> Attempt | None:
    """The attempt that was stopped; None where there is none."""
    started = history.open_attempt(progress.events, slug)
    if started is None:
        return None
    attempt = Attempt(slug, quiz, started, progress, salt)
    return attempt if attempt.session.asked else None


def begin(
    slug: str,
    quiz: Quiz,
    progress: Progress,
    salt: str,
    *,
    seed: str | None = None,
    count: int | None = None,
    only: Only | None = None,
    exam: bool = False,
) -> Attempt:
    """A new attempt, recorded as begun. UsageError where there is nothing to ask."""
    questions = _chosen(slug, quiz, progress, only)
    number = history.attempts(progress.events, slug) + 1
    if count is not None and count < len(questions):
        random = Random(derive_seed("selection", slug, salt if seed is None else seed, number))
        kept = random.sample(range(len(questions)), count)
        questions = [question for i, question in enumerate(questions) if i in kept]
    started = QuizStarted(
        quiz=slug,
        attempt=number,
        questions=tuple(question.id for question in questions),
        seed=seed,
        exam=exam,
        whole=len(questions) == len(quiz.questions),
    )
    attempt = Attempt(slug, quiz, started, progress, salt)
    attempt.start()
    return attempt


def of_form(slug: str, quiz: Quiz, progress: Progress, salt: str, form_salt: str, number: int) -> Attempt:
    """The attempt of a form. It is kept where it was drawn for this student and has a number that was not used yet."""
    seed = None if form_salt == salt else form_salt
    started = QuizStarted(quiz=slug, attempt=number, questions=tuple(each.id for each in quiz.questions), seed=seed)
    kept = seed is None and number > history.attempts(progress.events, slug)
    return Attempt(slug, quiz, started, progress, salt, kept)


def _chosen(slug: str, quiz: Quiz, progress: Progress, only: Only | None) -> list[Question]:
    if only is None:
        return list(quiz.questions)
    last = {key.question: each[-1] for key, each in history.asked(progress.events).items() if key.quiz == slug}
    if not last:
        raise UsageError(f"Nothing of the quiz {slug} was answered yet, so nothing was missed; run grade quiz {slug}.")
    questions = [each for each in quiz.questions if each.id in last and history.missed(last[each.id])]
    if not questions:
        raise UsageError(f"No question of the quiz {slug} was missed the last time it was asked.")
    return questions


def drawn(questions: Sequence[Askable], salt: str, attempt: int) -> list[Asked]:
    """The questions as they are asked. One that cannot be is left out, and a warning says so."""
    asked = []
    for question in questions:
        try:
            asked.append(ask(question, salt, attempt))
        except (BadFormula, ValueError) as error:
            sentence = f"warning: question '{question.id}' is left out, since with what was drawn {error}; "
            print(f"{sentence}grade check shows its author where.", file=sys.stderr)
    return asked


def _again(asked: Asked, event: Answered) -> Given:
    """What was given earlier, marked as it was then, with the feedback of now."""
    if event.answer is None:
        return Given(None, Mark(event.score), event.seconds)
    try:
        feedback = mark(asked, event.answer).feedback
    except NotAnAnswer:  # the question was rewritten since
        feedback = ()
    return Given(event.answer, Mark(event.score, feedback), event.seconds)
