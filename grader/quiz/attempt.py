"""An attempt at a quiz: the questions it asks, and its answers in the student's progress."""

import sys
from collections.abc import Sequence
from random import Random
from typing import Literal

from grader.base.errors import UsageError
from grader.base.seeds import derive_seed
from grader.course.progress import Answered, AnswerUndone, Progress, QuizFinished, QuizStarted, now
from grader.quiz import history
from grader.quiz.draw import DrawnQuestion, draw_question
from grader.quiz.formula import FormulaError
from grader.quiz.model import Askable, Question, Quiz, type_of
from grader.quiz.result import QuestionResult, QuizResult
from grader.quiz.score import InvalidAnswer, Mark, mark
from grader.quiz.session import GivenAnswer, QuizSession, SessionKind

Only = Literal["missed"]


class Attempt:
    """A new or resumed attempt at a quiz."""

    def __init__(self, slug: str, quiz: Quiz, started: QuizStarted, progress: Progress, salt: str, kept: bool = True):
        """With `kept`, record answers in the progress and restore those recorded before."""
        self.slug = slug
        self.quiz = quiz
        self.started = started
        self._progress = progress
        self._kept = kept
        known = [question for each in started.questions if (question := quiz.question(each))]
        seed = salt if started.seed is None else started.seed
        drawn = draw_questions(known, seed, started.attempt)
        earlier = history.answers(progress.events, slug, started.attempt) if kept else {}
        given = {}
        for i, each in enumerate(drawn):
            if event := earlier.get(each.question.id):
                given[i] = _restored_answer(each, event)
        kind: SessionKind = "exam" if started.exam else "quiz"
        self.session = QuizSession(quiz.title, drawn, self._record, given, kind, self._take_back)

    def start(self) -> None:
        """Record the start of the attempt."""
        if self._kept:
            self._progress.record(self.started)

    def finish(self) -> None:
        """Record the score, unless the attempt is recorded as finished already."""
        session, started = self.session, self.started
        if self._kept and not history.is_finished(self._progress.events, self.slug, started.attempt):
            self._progress.record(
                QuizFinished(
                    quiz=self.slug,
                    attempt=started.attempt,
                    score=session.score,
                    max_score=len(session.questions),
                    whole=started.whole,
                )
            )

    def result(self) -> QuizResult:
        """Return the result so far."""
        return QuizResult(
            quiz=self.slug,
            title=self.quiz.title,
            attempt=self.started.attempt,
            seed=self.started.seed,
            finished=self.session.is_over,
            score=self.session.score,
            max_score=len(self.session.questions),
            questions=tuple(
                question_result(each, self.session.answers.get(i)) for i, each in enumerate(self.session.questions)
            ),
        )

    def _record(self, position: int, given: GivenAnswer) -> None:
        if not self._kept:
            return
        from grader.quiz.review import due_after

        question = self.session.questions[position].question.id
        moment = now()
        self._progress.record(
            Answered(
                quiz=self.slug,
                question=question,
                attempt=self.started.attempt,
                score=given.mark.score,
                answer=given.answer,
                seconds=given.seconds,
                due=due_after(
                    self._progress.events, history.QuestionKey(self.slug, question), given.mark.score, moment
                ),
                time=moment,
            )
        )

    def _take_back(self, position: int) -> None:
        if self._kept:
            self._progress.record(AnswerUndone(quiz=self.slug, question=self.session.questions[position].question.id))


def question_result(drawn: DrawnQuestion, given: GivenAnswer | None) -> QuestionResult:
    """Return the result of one question; without an answer it scores 0."""
    question = drawn.question
    return QuestionResult(
        id=question.id,
        type=type_of(question),
        level=question.level,
        section=question.section,
        score=given.mark.score if given else 0.0,
        answer=given.answer if given else None,
        seconds=given.seconds if given else 0.0,
    )


def resume_attempt(slug: str, quiz: Quiz, progress: Progress, salt: str) -> Attempt | None:
    """Return the unfinished attempt, or None if there is none."""
    started = history.open_attempt(progress.events, slug)
    if started is None:
        return None
    attempt = Attempt(slug, quiz, started, progress, salt)
    return attempt if attempt.session.questions else None


def new_attempt(
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
    """Start a new attempt and record its start.

    `count` limits the questions to a random sample, `only` to those that were missed last. Raises UsageError if no
    question is left.
    """
    questions = _select_questions(slug, quiz, progress, only)
    number = history.last_attempt(progress.events, slug) + 1
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


def attempt_from_form(slug: str, quiz: Quiz, progress: Progress, salt: str, form_salt: str, number: int) -> Attempt:
    """Return the attempt of a form; it is recorded only if it was drawn for this student and its number is new."""
    seed = None if form_salt == salt else form_salt
    started = QuizStarted(quiz=slug, attempt=number, questions=tuple(each.id for each in quiz.questions), seed=seed)
    kept = seed is None and number > history.last_attempt(progress.events, slug)
    return Attempt(slug, quiz, started, progress, salt, kept)


def _select_questions(slug: str, quiz: Quiz, progress: Progress, only: Only | None) -> list[Question]:
    if only is None:
        return list(quiz.questions)
    last = {key.question: each[-1] for key, each in history.past_answers(progress.events).items() if key.quiz == slug}
    if not last:
        raise UsageError(
            f"No question of the quiz {slug} has been answered yet, so none was missed; run grade quiz {slug}."
        )
    questions = [each for each in quiz.questions if each.id in last and history.is_missed(last[each.id])]
    if not questions:
        raise UsageError(f"No question of the quiz {slug} was missed the last time it was asked.")
    return questions


def draw_questions(questions: Sequence[Askable], salt: str, attempt: int) -> list[DrawnQuestion]:
    """Draw all questions. Leave out those whose formulas have no value, with a warning on stderr."""
    drawn = []
    for question in questions:
        try:
            drawn.append(draw_question(question, salt, attempt))
        except (FormulaError, ValueError) as error:
            sentence = f"warning: question '{question.id}' is left out because of the numbers drawn for it: {error}; "
            print(f"{sentence}grade check finds such draws.", file=sys.stderr)
    return drawn


def _restored_answer(drawn: DrawnQuestion, event: Answered) -> GivenAnswer:
    """Return an answer from the progress, with its recorded score and the current feedback."""
    if event.answer is None:
        return GivenAnswer(None, Mark(event.score), event.seconds)
    try:
        feedback = mark(drawn, event.answer).feedback
    except InvalidAnswer:  # the question was rewritten since
        feedback = ()
    return GivenAnswer(event.answer, Mark(event.score, feedback), event.seconds)
