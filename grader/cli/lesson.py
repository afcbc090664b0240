"""grade lesson: shows a lesson, or a section of one."""

import click

from grader.cli.markdown import show
from grader.cli.screen import bold, course_root, dim, say, step
from grader.course import Course, load_course
from grader.course.lessons import find_lesson, find_section, lesson_folder, lesson_text
from grader.errors import UsageError

WORDS_A_MINUTE = 200


@click.command("lesson")
@click.argument("name", required=False)
@click.argument("section", nargs=-1)
def command(name: str | None, section: tuple[str, ...]) -> None:
    """Read lesson NAME: its number, or a word such as moe. With SECTION only that section; without NAME the list."""
    course = load_course(course_root())
    if name is None:
        _list(course)
        return
    lesson = find_lesson(course, name)
    folder = lesson_folder(course, lesson)
    text = lesson_text(folder)
    if text is None:
        raise UsageError(f"Lesson {lesson.number}, {lesson.title}, is not written yet: there is no text in {folder}.")
    if section:
        text = find_section(text, " ".join(section), f"Lesson {lesson.number}").text
    show(text)


def _list(course: Course) -> None:
    say("")
    for lesson in course.lessons:
        text = lesson_text(lesson_folder(course, lesson))
        remark = "not written yet" if text is None else _reading_time(text)
        say(f"  {lesson.number:>2}  {bold(f'{lesson.title:<44}')} {dim(remark)}")
    say("", step("read", f"grade lesson {course.lessons[0].number}"))


def _reading_time(text: str) -> str:
    minutes = max(1, round(len(text.split()) / WORDS_A_MINUTE))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
