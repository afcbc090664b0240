"""grade review: ask again questions that were missed or are due."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import date, datetime

import click

from grader.base.errors import UsageError
from grader.cli.numbers import WholeNumber
from grader.cli.quiz import INPUT_ENDED, points, run_session, show_missed
from grader.cli.screen import COLUMNS, columns, course_root, heading, prose, say, step
from grader.course import Course, load_lessons
from grader.course.glossary import load_glossary
from grader.course.lesson.files import all_files, quiz_path
from grader.course.progress import AnswerUndone, Progress, Reviewed, now
from grader.quiz import history
from grader.quiz.attempt import draw_questions
from grader.quiz.draw import DrawnQuestion
from grader.quiz.glossary_questions import glossary_question
from grader.quiz.history import GLOSSARY, QuestionKey
from grader.quiz.load import load_quiz
from grader.quiz.model import Askable
from grader.quiz.review import Due, due_after, due_at
from grader.quiz.session import EndReason, GivenAnswer, QuizSession
from grader.show.layout import wrap
from grader.study.slips.store import load_slips

MOST = 20  # questions of one review by default
NEW_TERMS = 5  # terms of the glossary that one review introduces


@click.command("review")
@click.option("--plain", is_flag=True, help="Print plain lines, and read the answers from standard input.")
@click.option(
    "--n", "count", metavar="N", default=MOST, show_default=True, type=WholeNumber(min=1), help="Ask at most N."
)
@click.option("--only", type=click.Choice(["mistakes"]), help="Ask only about mistakes in your own code.")
@click.option("--list", "only_list", is_flag=True, help="Show how many questions are due, without asking them.")
@click.pass_context
def command(ctx: click.Context, plain: bool, count: int, only: str | None, only_list: bool) -> None:
    """Ask again what you missed and what is due.

    The questions are those of quizzes, the predictions that you made while reading, mistakes in your own code whose
    exercise has passed since, and a few terms of the lessons whose quizzes you have begun. What you know comes back
    after days, then weeks, then months. What you do not know is asked again at the end, and tomorrow.
    """
    root = course_root()
    course = load_lessons(root)
    progress = Progress.load(root)
    questions = _mistakes(progress) if only else _questions(course, progress) | _mistakes(progress)
    if only and not questions:
        raise UsageError("Nothing to review: no mistake was named in an exercise of yours that has passed since.")
    due = _due(progress, questions)
    answered = history.past_answers(progress.events)
    new = [key for key in questions if key.quiz == GLOSSARY and key not in answered][:NEW_TERMS]
    say("", *heading("review", f"{len(due.missed)} missed, {len(due.due)} due, {len(new)} new terms"), "")
    if lines := [*_lines_now(due.missed, "missed"), *_lines_now(due.due, "due"), *_lines_failed(due)]:
        say(*lines, "")
    keys = [*due.missed, *due.due, *new][:count]
    if only_list or not keys:
        _show_next(due, bool(keys))
        return
    session = Review(questions, set(new), progress, history.student_salt(root)).start(keys)
    done = run_session(session, plain, quiet=False)
    _show_score(session, done, len(keys))
    left = _due(progress, questions)
    if lines := _lines_failed(left):
        say(*lines, "")
    _show_next(left, bool(left.missed or left.due))
    if done is EndReason.INPUT_ENDED:
        ctx.exit(INPUT_ENDED)


class Review:
    """The questions of one review. Each is drawn with a new attempt number, and each answer is recorded.

    A question that was not answered correctly is asked once more at the end.
    """

    def __init__(self, questions: Mapping[QuestionKey, Askable], new: Set[QuestionKey], progress: Progress, salt: str):
        """Prepare a review. The terms in `new` stay new if they are skipped."""
        self._questions = questions
        self._new = new
        self._progress = progress
        self._salt = salt
        self._attempts = {key: len(times) for key, times in history.past_answers(progress.events).items()}
        self._keys: list[QuestionKey] = []  # of the session's questions, in order
        self._repeated: set[QuestionKey] = set()

    def start(self, keys: Iterable[QuestionKey]) -> QuizSession:
        """Draw the questions and return a session that asks them; questions that cannot be drawn are left out."""
        asked = [each for key in keys if (each := self._draw(key)) is not None]
        return QuizSession(
            "review", asked, self._record, kind="review", take_back=self._take_back, repeat=self._ask_again
        )

    def _draw(self, key: QuestionKey) -> DrawnQuestion | None:
        self._attempts[key] = self._attempts.get(key, 0) + 1
        asked = next(iter(draw_questions([self._questions[key]], self._salt, self._attempts[key])), None)
        if asked is not None:
            self._keys.append(key)
        return asked

    def _record(self, place: int, given: GivenAnswer) -> None:
        key, moment = self._keys[place], now()
        if given.answer is None and key in self._new:
            return
        self._progress.record(
            Reviewed(
                quiz=key.quiz,
                question=key.question,
                attempt=self._attempts[key],
                score=given.mark.score,
                answer=given.answer,
                seconds=given.seconds,
                due=due_after(self._progress.events, key, given.mark.score, moment),
                time=moment,
            )
        )

    def _take_back(self, place: int) -> None:
        key = self._keys[place]
        if any(isinstance(each, Reviewed) and (each.quiz, each.question) == key for each in self._progress.events):
            self._progress.record(AnswerUndone(quiz=key.quiz, question=key.question))

    def _ask_again(self, place: int) -> DrawnQuestion | None:
        key = self._keys[place]
        if key in self._repeated:
            return None
        asked = self._draw(key)
        if asked is not None:
            self._repeated.add(key)
        return asked


# ------------------------------------------------------------ the questions


def _due(progress: Progress, questions: Collection[QuestionKey]) -> Due:
    """Return which of these questions are due."""
    found = due_at(progress.events, now())
    return Due(
        missed=tuple(key for key in found.missed if key in questions),
        due=tuple(key for key in found.due if key in questions),
        later={key: moment for key, moment in found.later.items() if key in questions},
        failed=found.failed & set(questions),
    )


def _questions(course: Course, progress: Progress) -> dict[QuestionKey, Askable]:
    """Return the questions of begun quizzes, the terms of their lessons, and the predictions that were made."""
    answered = history.past_answers(progress.events)
    begun = {key.quiz for key in answered}
    found: dict[QuestionKey, Askable] = {}
    for lesson in course.lessons:
        path = quiz_path(course, lesson)
        if lesson.slug in begun and path.is_file():
            found |= {QuestionKey(lesson.slug, each.id): each for each in load_quiz(path).questions}
    numbers = {lesson.number for lesson in course.lessons if lesson.slug in begun}
    for term in load_glossary(course.root):
        if term.lesson in numbers:
            question = glossary_question(term)
            found[QuestionKey(GLOSSARY, question.id)] = question
    return found | _questions_of_parts(course, {part for key in answered if (part := history.part_of(key))})


def _questions_of_parts(course: Course, parts: Collection[tuple[str, str]]) -> dict[QuestionKey, Askable]:
    """Return the questions of parts, which are given by the slugs of lesson and part."""
    if not parts:
        return {}
    from grader.course.lesson.load import load_part
    from grader.study.reader.questions import questions_of

    return {
        history.part_key(file.lesson_slug, file.slug, name): question
        for file in all_files(course)
        if (file.lesson_slug, file.slug) in parts
        for name, question in questions_of(load_part(course.root, file)).items()
    }


def _mistakes(progress: Progress) -> dict[QuestionKey, Askable]:
    """Return the questions about mistakes in the student's own code."""
    slips = load_slips(progress)
    if not slips:
        return {}
    from grader.study.slips.questions import slip_questions

    return {QuestionKey(history.SLIPS, name): question for name, question in slip_questions(slips).items()}


# ------------------------------------------------------------ the screen


def _show_score(session: QuizSession, done: EndReason, count: int) -> None:
    given = session.first_answers
    if given:
        say("", *heading("review", f"{points(session.score)} of {len(given)}"))
        show_missed(session)
        say("")
    if done is EndReason.INPUT_ENDED:
        say(*prose(f"The input ended after {len(given)} of {count} questions; their answers are kept.", 2), "")


def _lines_now(keys: Sequence[QuestionKey], why: str) -> list[str]:
    return _counted(keys, f"{why}, to be asked now")


def _lines_failed(due: Due) -> list[str]:
    """Return a line for each day and quiz with questions that were failed in the last review."""
    days: dict[date, list[QuestionKey]] = {}
    for key, moment in due.later.items():
        if key in due.failed:
            days.setdefault(moment.astimezone().date(), []).append(key)
    return [row for day, keys in days.items() for row in _counted(keys, f"failed or skipped, back {_day(day)}")]


def _counted(keys: Sequence[QuestionKey], text: str) -> list[str]:
    """Return a line for each quiz: how many of its questions there are, and a text about them."""
    lines = []
    for quiz, count in Counter(key.quiz for key in keys).items():
        head, *rest = wrap(f"{quiz}   {text}", min(columns(), COLUMNS) - 9)
        lines += [f"    {count:>3}  {head}", *(f"{'':9}{row}" for row in rest)]
    return lines


def _show_next(due: Due, is_more_due: bool) -> None:
    """Show when the next questions are due."""
    if is_more_due:
        say(step("now", "grade review"))
    if due.later:
        days = [moment.astimezone().date() for moment in due.later.values()]
        count = days.count(days[0])
        begin = "Next" if is_more_due else "Nothing is due now. Next"
        say(*prose(f"{begin}: {count} question{'s' if count > 1 else ''} {_day(days[0])}.", 2))
    elif not is_more_due:
        say(*prose("Nothing is due, because you have not answered a quiz yet.", 2), "", step("begin", "grade list"))


def _day(day: date) -> str:
    """Format a day, such as `tomorrow, on Sunday 29 November`."""
    days = (day - datetime.now().astimezone().date()).days
    when = "today" if days <= 0 else "tomorrow" if days == 1 else f"in {days} days"
    return f"{when}, on {day:%A} {day.day} {day:%B}"
