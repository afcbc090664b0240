"""grade quiz: take the quiz of a lesson."""

import json
import shutil
import sys
from pathlib import Path

import click
import msgspec

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import LessonName
from grader.cli.numbers import WholeNumber
from grader.cli.screen import COLUMNS, bold, course_root, interactive, say, step
from grader.course import Course, Lesson, load_lessons
from grader.course.lesson.files import PartFile, exam_form, part_files, part_title, quiz_path
from grader.course.lesson.find import find_lesson, part_with_section
from grader.course.progress import Progress
from grader.quiz import history
from grader.quiz.attempt import Attempt, attempt_from_form, new_attempt, resume_attempt
from grader.quiz.draw import DrawnQuestion
from grader.quiz.form import submit_answers
from grader.quiz.load import load_quiz
from grader.quiz.model import LEVELS, Quiz
from grader.quiz.plain_mode import ask_plainly, given_lines, plain_text, right_lines
from grader.quiz.result import QuizResult
from grader.quiz.session import EndReason, QuizSession
from grader.show.numbers import format_points
from grader.show.symbols import FAILED, NOT_STARTED, stream_encoding, writable

INPUT_ENDED = 1  # exit code: the input ended before the last question


@click.command("quiz")
@click.argument("name", type=LessonName())
@click.option("--plain", is_flag=True, help="Print plain lines, and read the answers from standard input.")
@click.option("--exam", is_flag=True, help="Give no feedback until the end.")
@click.option("--n", "count", metavar="N", type=WholeNumber(min=1), help="Ask N questions.")
@click.option("--only", type=click.Choice(["missed"]), help="Ask only the questions that you missed last time.")
@click.option("--seed", metavar="S", help="Draw the questions with this seed instead of your own.")
@click.option("--new", is_flag=True, help="Start a new attempt, even if an earlier one is unfinished.")
@click.option(
    "--answers", metavar="FILE", type=click.Path(path_type=Path), help="Score the answers in a form, without asking."
)
@click.option("--export-form", "form", metavar="FILE", type=click.Path(path_type=Path), help="Write an empty form.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
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
    """Take the quiz of lesson NAME, which is its number or a word such as moe.

    Every answer is saved immediately. A quiz that you stopped continues where you left it.
    """
    root = course_root()
    course = load_lessons(root)
    lesson = find_lesson(course, name)
    quiz = load_quiz(quiz_file(course, lesson))
    progress = Progress.load(root)
    if form is not None:
        _export(form, lesson, quiz, progress, seed if seed is not None else history.student_salt(root))
        return
    salt = history.student_salt(root)
    if answers is not None:
        _show_result(course, _score_form(answers, lesson, quiz, progress, salt), as_json)
        return
    is_new = new or exam or count or only or seed is not None
    attempt = (None if is_new else resume_attempt(lesson.slug, quiz, progress, salt)) or new_attempt(
        lesson.slug, quiz, progress, salt, seed=seed, count=count, only="missed" if only else None, exam=exam
    )
    done = run_session(attempt.session, plain, as_json)
    if done is EndReason.FINISHED:
        attempt.finish()
    if done is EndReason.FINISHED or as_json:
        _show_result(course, attempt, as_json)
    else:
        _show_unfinished(attempt, done)
    if done is EndReason.INPUT_ENDED:
        ctx.exit(INPUT_ENDED)


def run_session(session: QuizSession, plain: bool, quiet: bool) -> EndReason:
    """Ask the questions of a session in the terminal, or in plain lines if there is none.

    With `quiet`, plain lines go to standard error.
    """
    if not plain and not quiet and interactive():
        from grader.quiz.terminal import ask_in_terminal

        return ask_in_terminal(session)
    return ask_plainly(session, _read_line, _say_on_stderr if quiet else say, columns())


def _read_line() -> str | None:
    """Return the next line of standard input; None at its end, and q on Ctrl-C."""
    if sys.stdin is None:  # the process was started with a closed stdin
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
        click.echo(writable(line.rstrip(), stream_encoding(sys.stderr)), err=True)


def quiz_file(course: Course, lesson: Lesson) -> Path:
    """Return the file of a lesson's quiz. Raises UsageError if it has none."""
    path = quiz_path(course, lesson)
    if path.is_file():
        return path
    if (form := exam_form(course, lesson)) is not None:
        raise UsageError(
            f"The quiz of lesson {lesson.number}, {lesson.title}, is an exam: write your answers into {shown(form)}, "
            "and hand in that file."
        )
    if course.released:
        raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz in this edition of the course.")
    others = [each.slug for each in course.lessons if quiz_path(course, each).is_file()]
    hint = f"These lessons have one: {', '.join(others)}." if others else "No lesson of this course has one yet."
    raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz: there is no {shown(path)}. {hint}")


def _export(path: Path, lesson: Lesson, quiz: Quiz, progress: Progress, salt: str) -> None:
    from grader.quiz.attempt import draw_questions
    from grader.quiz.form import form_text, write_form

    number = history.last_attempt(progress.events, lesson.slug) + 1
    asked = draw_questions(quiz.questions, salt, number)
    write_form(path, form_text(lesson.slug, quiz.title, salt, number, asked))
    say("", f"  {bold(quiz.title)}   {len(asked)} questions in {path}", "")
    say(step("then", f"grade quiz {lesson.slug} --answers {path}"))


def _score_form(path: Path, lesson: Lesson, quiz: Quiz, progress: Progress, salt: str) -> Attempt:
    """Score a form. It is recorded if it was drawn for this student and its number was not used yet."""
    from grader.quiz.form import answers_of, read_form

    document, form = read_form(path)
    if form.quiz != lesson.slug:
        raise document.error(("quiz",), f"these are answers to the quiz '{form.quiz}', not to '{lesson.slug}'.")
    attempt = attempt_from_form(lesson.slug, quiz, progress, salt, form.salt or "", form.attempt)
    answers = answers_of(form, document, attempt.session.questions)
    attempt.start()
    submit_answers(attempt.session, answers)
    attempt.finish()
    return attempt


def _show_unfinished(attempt: Attempt, done: EndReason) -> None:
    session = attempt.session
    answered = sum(given.answer is not None for given in session.answers.values())
    saved = f"{answered} of {len(session.questions)} questions are answered and saved."
    why = "The input ended." if done is EndReason.INPUT_ENDED else "Stopped."
    say("", *plain_text(f"{why} {saved}", 2, columns()), "")
    say(step("go on", f"grade quiz {attempt.slug}", f"the {session.kind}, attempt {attempt.started.attempt}"))


# ------------------------------------------------------------ the result


def _show_result(course: Course, attempt: Attempt, as_json: bool) -> None:
    result = attempt.result()
    if as_json:
        say(json.dumps(msgspec.to_builtins(result), ensure_ascii=False, indent=2))
        return
    title = attempt.quiz.title
    head = f"{title}   {attempt.session.kind}, attempt {result.attempt}"
    score = f"{format_points(result.score)} of {format_points(result.max_score)}"
    say("", f"  {bold(title)}{head[len(title) :]}{score:>{max(columns() - 2 - len(head), len(score) + 3)}}", "")
    for level in LEVELS:
        rows = [each for each in result.questions if each.level == level]
        if rows:
            earned = sum(each.score for each in rows)
            full = round(20 * earned / len(rows))
            say(f"    {level:<10} {'█' * full}{'░' * (20 - full)}   {points(earned)} of {len(rows)}")
    missed = show_missed(attempt.session)
    say("")
    for i, part in enumerate(_parts_to_reread(course, result)):
        say(step("" if i else "reread", f"grade lesson {part.name}", part_title(part)))
    if missed:
        say(step("again", f"grade quiz {attempt.slug} --only missed"))
    say(step("later", "grade review", "when they are due"))


def show_missed(session: QuizSession) -> int:
    """Show wrong answers with the right ones, then skipped questions; return the number of both."""
    width = columns()
    missed = [
        (session.questions[i], given) for i, given in sorted(session.first_answers.items()) if given.mark.score < 1
    ]
    skipped = [asked for asked, given in missed if given.answer is None]
    for asked, given in missed:
        if given.answer is not None:
            say("", *_question(click.style(FAILED, fg="red"), asked, width))
            say(*given_lines(asked, given.answer, width), *right_lines(asked, width))
            if session.is_exam:
                for reason in (*given.mark.feedback, asked.question.explanation):
                    say(*plain_text(reason, 4, width))
    if skipped:
        say("", f"  {len(skipped)} skipped", "")
    for asked in skipped:
        say(*_question(NOT_STARTED, asked, width))
    return len(missed)


def _question(mark: str, asked: DrawnQuestion, width: int) -> list[str]:
    """Format a question and its mark."""
    first, *rest = plain_text(asked.question.question, 4, width)
    return [f"  {mark} {first.strip()}", *rest]


def _parts_to_reread(course: Course, result: QuizResult) -> list[PartFile]:
    """Return the parts that missed questions are about, the most points lost first."""
    files = part_files(course, find_lesson(course, result.quiz))
    lost: dict[PartFile, float] = {}
    for each in result.questions:
        if each.score < 1 and (part := part_with_section(files, each.section)) is not None:
            lost[part] = lost.get(part, 0) + 1 - each.score
    return sorted(lost, key=lambda part: -lost[part])


def columns() -> int:
    """Return the maximum width of a line."""
    return max(min(COLUMNS, shutil.get_terminal_size().columns), 20)


def points(score: float) -> str:
    """Format points, such as `9`, `8.5` and `8.67`."""
    return f"{round(score, 2):g}"
