"""grade review: brings questions back."""

from collections.abc import Collection, Sequence, Set
from datetime import date, datetime

import click

from grader.cli.quiz import STOPPED_SHORT, points, show_missed, take
from grader.cli.screen import bold, course_root, prose, say, step
from grader.course import Course, load_lessons
from grader.course.glossary import load_glossary
from grader.course.lesson.files import all_files, quiz_path
from grader.course.progress import AnswerUndone, Progress, Reviewed, now
from grader.quiz import history
from grader.quiz.attempt import drawn
from grader.quiz.cards import card
from grader.quiz.draw import Asked
from grader.quiz.history import GLOSSARY, Key
from grader.quiz.load import load_quiz
from grader.quiz.model import Askable
from grader.quiz.review import Due, due_after, due_at
from grader.quiz.session import Done, Given, Session

MOST = 20  # questions of one review unless said otherwise
NEW_TERMS = 5  # terms of the glossary that are met for the first time in one


@click.command("review")
@click.option("--plain", is_flag=True, help="Plain lines, answers from standard input.")
@click.option("--n", "count", metavar="N", default=MOST, show_default=True, type=click.IntRange(min=1), help="At most.")
@click.option("--list", "only_list", is_flag=True, help="Say what is due and when the next is, and ask nothing.")
@click.pass_context
def command(ctx: click.Context, plain: bool, count: int, only_list: bool) -> None:
    """Ask again what was missed and what is due, of quizzes and of what you predicted while reading, and a few terms of
    the lessons whose quizzes you have begun.

    What you know comes back after days, then weeks, then months; what you do not know, once more at the end, and
    tomorrow.
    """
    root = course_root()
    course = load_lessons(root)
    progress = Progress.load(root)
    known = _known(course, progress)
    due = due_at(progress.events, now())
    missed = [key for key in due.missed if key in known]
    again = [key for key in due.due if key in known]
    new = [key for key in known if key.quiz == GLOSSARY and key not in history.asked(progress.events)][:NEW_TERMS]
    say("", f"  {bold('review')}   {len(missed)} missed, {len(again)} due, {len(new)} new terms", "")
    if listed := [*_now(missed, "missed"), *_now(again, "due"), *_failed(due)]:
        say(*listed, "")
    keys = [*missed, *again, *new][:count]
    if only_list or not keys:
        _say_next(due, bool(keys))
        return
    session = _session(keys, set(new), known, progress, history.student_salt(root))
    done = take(session, plain, quiet=False)
    given = session.first_times
    if done is not Done.STOPPED or given:
        say("", f"  {bold('review')}   {points(session.score)} of {len(given)}")
        show_missed(session)
        say("")
    if done is Done.ENDED:
        say(*prose(f"The input ended after {len(given)} of {len(keys)} questions; these are kept.", 2), "")
    left = due_at(progress.events, now())
    if listed := _failed(left):
        say(*listed, "")
    _say_next(left, any(key in known for key in (*left.missed, *left.due)))
    if done is Done.ENDED:
        ctx.exit(STOPPED_SHORT)


def _known(course: Course, progress: Progress) -> dict[Key, Askable]:
    """The questions of the quizzes that were begun, and the terms of these lessons."""
    begun = {key.quiz for key in history.asked(progress.events)}
    found: dict[Key, Askable] = {}
    for lesson in course.lessons:
        path = quiz_path(course, lesson)
        if lesson.slug in begun and path.is_file():
            found |= {Key(lesson.slug, each.id): each for each in load_quiz(path).questions}
    numbers = {lesson.number for lesson in course.lessons if lesson.slug in begun}
    for term in load_glossary(course.root):
        if term.lesson in numbers:
            question = card(term)
            found[Key(GLOSSARY, question.id)] = question
    return found | _of_parts(course, {part for key in history.asked(progress.events) if (part := history.part_of(key))})


def _of_parts(course: Course, parts: Collection[tuple[str, str]]) -> dict[Key, Askable]:
    """The questions of parts, by the slugs of lesson and part."""
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


def _session(keys: Sequence[Key], new: Set[Key], known: dict[Key, Askable], progress: Progress, salt: str) -> Session:
    """The questions, each drawn anew: its attempt is how often it was asked, with this time.

    What was not known is asked once more at the end. Terms that are new and skipped stay new.
    """
    times = {key: len(each) for key, each in history.asked(progress.events).items()}
    asked, kept = [], []
    repeated: set[Key] = set()

    def draw(key: Key) -> Asked | None:
        times[key] = times.get(key, 0) + 1
        return next(iter(drawn([known[key]], salt, times[key])), None)

    for key in keys:
        if (each := draw(key)) is not None:
            asked.append(each)
            kept.append(key)

    def record(place: int, given: Given) -> None:
        key, moment = kept[place], now()
        if given.answer is None and key in new:
            return
        progress.record(
            Reviewed(
                quiz=key.quiz,
                question=key.question,
                attempt=times[key],
                score=given.mark.score,
                answer=given.answer,
                seconds=given.seconds,
                due=due_after(progress.events, key, given.mark.score, moment),
                time=moment,
            )
        )

    def take_back(place: int) -> None:
        key = kept[place]
        if any(isinstance(e, Reviewed) and (e.quiz, e.question) == key for e in progress.events):
            progress.record(AnswerUndone(quiz=key.quiz, question=key.question))

    def again(place: int) -> Asked | None:
        key = kept[place]
        if key in repeated or (each := draw(key)) is None:
            return None
        repeated.add(key)
        kept.append(key)
        return each

    return Session("review", asked, record, kind="review", take_back=take_back, again=again)


def _now(keys: Sequence[Key], why: str) -> list[str]:
    """What can be asked now, by quiz."""
    return [f"    {count:>3}  {quiz}   {why}, to be asked now" for quiz, count in _by_quiz(keys).items()]


def _failed(due: Due) -> list[str]:
    """What was not known in the last review, by quiz and by the day on which it comes back."""
    days: dict[date, list[Key]] = {}
    for key, moment in due.later.items():
        if key in due.failed:
            days.setdefault(moment.astimezone().date(), []).append(key)
    return [
        f"    {count:>3}  {quiz}   failed or skipped, back {_day(day)}"
        for day, keys in days.items()
        for quiz, count in _by_quiz(keys).items()
    ]


def _by_quiz(keys: Sequence[Key]) -> dict[str, int]:
    return {quiz: sum(key.quiz == quiz for key in keys) for quiz in dict.fromkeys(key.quiz for key in keys)}


def _say_next(due: Due, more: bool) -> None:
    """When something is due next."""
    if more:
        say(step("now", "grade review"))
    if due.later:
        days = [moment.astimezone().date() for moment in due.later.values()]
        count = days.count(days[0])
        begin = "Next" if more else "Nothing is due now. Next"
        say(f"  {begin}: {count} question{'s' if count > 1 else ''} {_day(days[0])}.")
    elif not more:
        say("  Nothing is due, since no quiz was answered yet.", "", step("begin", "grade list"))


def _day(day: date) -> str:
    """`tomorrow, on Sunday 29 November`"""
    days = (day - datetime.now().astimezone().date()).days
    when = "today" if days <= 0 else "tomorrow" if days == 1 else f"in {days} days"
    return f"{when}, on {day:%A} {day.day} {day:%B}"
