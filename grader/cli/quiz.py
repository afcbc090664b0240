"""grade quiz: takes the quiz of a lesson."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import click
import msgspec

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import LessonName
from grader.cli.screen import COLUMNS, bold, course_root, interactive, number, say, step
from grader.course import Course, Lesson, load_lessons
from grader.course.lesson.files import exam_form, quiz_path
from grader.course.lesson.find import find_lesson
from grader.course.progress import Progress
from grader.quiz import history
from grader.quiz.attempt import Attempt, begin, resume
from grader.quiz.draw import Asked
from grader.quiz.load import load_quiz
from grader.quiz.model import LEVELS, Quiz
from grader.quiz.plain import answer_in_words, ask_plainly, plain_text, right_lines
from grader.quiz.result import QuizResult
from grader.quiz.session import Done, Session
from grader.show.marks import FAILED, NOT_STARTED, encoding_of, writable

STOPPED_SHORT = 1  # exit code: the input ended before the last question


@click.command("quiz")
@click.argument("name", type=LessonName())
@click.option("--plain", is_flag=True, help="Plain lines, answers from standard input.")
@click.option("--exam", is_flag=True, help="No feedback until the end.")
@click.option("--n", "count", metavar="N", type=click.IntRange(min=1), help="Ask so many of the questions.")
@click.option("--only", type=click.Choice(["missed"]), help="Ask those that were missed last time.")
@click.option("--seed", metavar="S", help="Draw by this word instead of by yours.")
@click.option("--new", is_flag=True, help="Begin anew, whatever was stopped.")
@click.option("--answers", metavar="FILE", type=click.Path(path_type=Path), help="Score a form, and ask nothing.")
@click.option("--export-form", "form", metavar="FILE", type=click.Path(path_type=Path), help="Write an empty form.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (docs/quizzes.md).")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    plain: bool,
    exam: bool,
    count: int | None,
    only: str | None,
    seed: str | None,
    new: bool,
    answers: Path | None,
    form: Path | None,
    as_json: bool,
) -> None:
    """Take the quiz of lesson NAME: its number, or a word such as moe.

    Every answer is kept when it is given. A quiz that was stopped goes on where it was.
    """
    root = course_root()
    course = load_lessons(root)
    lesson = find_lesson(course, name)
    quiz = load_quiz(quiz_of(course, lesson))
    progress = Progress.load(root)
    if form is not None:
        _export(form, lesson, quiz, progress, seed if seed is not None else history.student_salt(root))
        return
    salt = history.student_salt(root)
    if answers is not None:
        attempt = _scored(answers, lesson, quiz, progress, salt)
        _show(attempt, as_json)
        return
    anew = new or exam or count or only or seed is not None
    attempt = (None if anew else resume(lesson.slug, quiz, progress, salt)) or begin(
        lesson.slug, quiz, progress, salt, seed=seed, count=count, only="missed" if only else None, exam=exam
    )
    done = take(attempt.session, plain, as_json)
    if done is Done.FINISHED:
        attempt.finish()
    elif not as_json:
        _stopped(ctx, attempt, done)
        return
    _show(attempt, as_json)
    if done is Done.ENDED:
        ctx.exit(STOPPED_SHORT)


def take(session: Session, plain: bool, quiet: bool) -> Done:
    """Asks in the terminal, or in plain lines where there is none.

    With `quiet`, plain lines go to standard error.
    """
    if not plain and not quiet and interactive():
        from grader.quiz.terminal import ask_in_terminal

        return ask_in_terminal(session)
    return ask_plainly(session, _read, _say_on_stderr if quiet else say, columns())


def _read() -> str | None:
    """The next line of the input; None at its end. Ctrl-C stops like q."""
    if sys.stdin is None:  # it was closed before we began
        return None
    try:
        line = sys.stdin.buffer.readline()
    except (OSError, ValueError):
        return None
    except KeyboardInterrupt:
        return "q"
    return line.decode("utf-8", "replace") if line else None


def _say_on_stderr(*lines: str) -> None:
    for line in lines:
        click.echo(writable(line.rstrip(), encoding_of(sys.stderr)), err=True)


def quiz_of(course: Course, lesson: Lesson) -> Path:
    """The file of a lesson's quiz. UsageError where it has none."""
    path = quiz_path(course, lesson)
    if path.is_file():
        return path
    if (form := exam_form(course, lesson)) is not None:
        raise UsageError(
            f"The quiz of lesson {lesson.number}, {lesson.title}, is an exam: write your answers into {shown(form)}, "
            "and hand that file in."
        )
    if course.released:
        raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz in this edition of the course.")
    others = [each.slug for each in course.lessons if quiz_path(course, each).is_file()]
    told = f"Quizzes there are of {', '.join(others)}." if others else "No lesson of this course has one yet."
    raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz: there is no {shown(path)}. {told}")


def _export(path: Path, lesson: Lesson, quiz: Quiz, progress: Progress, salt: str) -> None:
    from grader.quiz.attempt import drawn
    from grader.quiz.form import form_text, write_form

    number = history.attempts(progress.events, lesson.slug) + 1
    asked = drawn(quiz.questions, salt, number)
    write_form(path, form_text(lesson.slug, quiz.title, salt, number, asked))
    say("", f"  {bold(quiz.title)}   {len(asked)} questions in {path}", "")
    say(step("then", f"grade quiz {lesson.slug} --answers {path}"))


def _scored(path: Path, lesson: Lesson, quiz: Quiz, progress: Progress, salt: str) -> Attempt:
    """The attempt that a form is. It is recorded if it is the student's own, and the first with its number."""
    from grader.quiz.attempt import of_form
    from grader.quiz.form import answers_of, give, read_form

    document, form = read_form(path)
    if form.quiz != lesson.slug:
        raise document.error(("quiz",), f"these are answers to the quiz '{form.quiz}', not to '{lesson.slug}'.")
    attempt = of_form(lesson.slug, quiz, progress, salt, form.salt or "", form.attempt)
    answers = answers_of(form, document, attempt.session.asked)
    attempt.start()
    give(attempt.session, answers)
    attempt.finish()
    return attempt


def _stopped(ctx: click.Context, attempt: Attempt, done: Done) -> None:
    session = attempt.session
    answered = sum(given.answer is not None for given in session.given.values())
    kept = f"{answered} of {len(session.asked)} questions are answered and kept."
    how = "The input ended." if done is Done.ENDED else "Stopped."
    say("", *plain_text(f"{how} {kept}", 2, columns()), "")
    say(step("go on", f"grade quiz {attempt.slug}", f"the {session.kind}, attempt {attempt.started.attempt}"))
    if done is Done.ENDED:
        ctx.exit(STOPPED_SHORT)


# ------------------------------------------------------------ the end of a quiz


def _show(attempt: Attempt, as_json: bool) -> None:
    result = attempt.result()
    if as_json:
        say(json.dumps(msgspec.to_builtins(result), ensure_ascii=False, indent=2))
        return
    title = attempt.quiz.title
    head = f"{title}   {attempt.session.kind}, attempt {result.attempt}"
    score = f"{points(result.score)} of {number(result.max_score)}"
    say("", f"  {bold(title)}{head[len(title) :]}{score:>{max(columns() - 2 - len(head), len(score) + 3)}}", "")
    for level in LEVELS:
        rows = [each for each in result.questions if each.level == level]
        if rows:
            earned = sum(each.score for each in rows)
            full = round(20 * earned / len(rows))
            say(f"    {level:<10} {'█' * full}{'░' * (20 - full)}   {points(earned)} of {len(rows)}")
    wrong = show_missed(attempt.session)
    _read_again(attempt.slug, result)
    say("")
    if wrong:
        say(step("again", f"grade quiz {attempt.slug} --only missed"))
    say(step("later", "grade review", "when they are due"))


def show_missed(session: Session) -> int:
    """Says what was missed and what would have been right, then what was skipped; how many that are."""
    width = columns()
    missed = [(session.asked[i], given) for i, given in sorted(session.first_times.items()) if given.mark.score < 1]
    skipped = [asked for asked, given in missed if given.answer is None]
    for asked, given in missed:
        if given.answer is not None:
            say("", *_question(click.style(FAILED, fg="red"), asked, width))
            answer = answer_in_words(asked, given.answer)
            say(*plain_text(f"Your answer: {answer}", 4, width), *right_lines(asked, width))
            if session.exam:
                for reason in (*given.mark.feedback, asked.question.explanation):
                    say(*plain_text(reason, 4, width))
    if skipped:
        say("", f"  {len(skipped)} skipped", "")
    for asked in skipped:
        say(*_question(NOT_STARTED, asked, width))
    return len(missed)


def _question(mark: str, asked: Asked, width: int) -> list[str]:
    """A question after its mark, in full."""
    first, *rest = plain_text(asked.question.question, 4, width)
    return [f"  {mark} {first.strip()}", *rest]


def _read_again(slug: str, result: QuizResult) -> None:
    """Commands that show what the missed questions are about."""
    lost: dict[str, float] = {}
    for each in result.questions:
        if each.score < 1:
            lost[each.section] = lost.get(each.section, 0) + 1 - each.score
    if not lost:
        return
    say("", "  read again")
    for section in sorted(lost, key=lambda each: -lost[each]):
        say(f"    grade lesson {slug} {shlex.join(section.lower().split())}")


def columns() -> int:
    """How wide a line may be."""
    return max(min(COLUMNS, shutil.get_terminal_size().columns), 20)


def points(score: float) -> str:
    """`9`, `8.5`, `8.67`"""
    return f"{round(score, 2):g}"
