"""The lessons as texts: finding one by a word, and its sections."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course.model import Course, Lesson

_HEADING = re.compile(r"^(#{1,3}) +(.+?) *#*$")
_PART = re.compile(r"(\d+)-.+\.md")
_FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)
_FENCE = re.compile(r"^ {0,3}(```|~~~)")


class Section(msgspec.Struct, frozen=True):
    """A heading and what stands below it, the sections within it included."""

    title: str
    level: int  # 1: the lesson itself
    text: str  # Markdown, from the heading on


def lesson_folder(course: Course, lesson: Lesson) -> Path:
    """Where the lesson's parts, pictures and quiz lie."""
    return course.root / "lessons" / lesson.folder_name


def lesson_path(course: Course, lesson: Lesson) -> Path:
    """The lesson's text."""
    return lesson_folder(course, lesson) / "lesson.md"


def lesson_text(folder: Path) -> str | None:
    """All texts of a lesson as one: those of its parts in order, or `lesson.md`; None where nothing is written."""
    parts = sorted((int(match[1]), path) for path in folder.glob("*.md") if (match := _PART.fullmatch(path.name)))
    paths = [path for _, path in parts] or [path for path in (folder / "lesson.md",) if path.is_file()]
    texts = [_FRONT_MATTER.sub("", path.read_text("utf-8"), count=1) for path in paths]
    return "\n".join(texts) if texts else None


def quiz_path(course: Course, lesson: Lesson) -> Path:
    """The lesson's quiz."""
    return lesson_folder(course, lesson) / "quiz.yaml"


def form_name(lesson: Lesson) -> str:
    """What the file of a form of the lesson's quiz is called, by which `grade batch` knows it."""
    return f"quiz-{lesson.slug}.yaml"


def exam_form(course: Course, lesson: Lesson) -> Path | None:
    """The form that a student's edition has in the place of a lesson's quiz; None where it has none."""
    path = course.root / form_name(lesson)
    return path if course.released and path.is_file() else None


def find_lesson(course: Course, name: str) -> Lesson:
    """The lesson that is meant by a number, a slug, one of its names, or a word that only its title has.

    UsageError where none is meant, or several.
    """
    if lesson := exact_lesson(course, name):
        return lesson
    found = lessons_of_words(course, name.split())
    if len(found) == 1:
        return found[0]
    if found:
        several = " or ".join(f"'{lesson.slug}' ({lesson.number})" for lesson in found)
        raise UsageError(f"'{name}' can be {several}; name one of them.")
    known = [*(lesson.slug for lesson in course.lessons), *(n for lesson in course.lessons for n in _words(lesson))]
    near = did_you_mean(name.strip(), known) or " grade list has them all."
    raise UsageError(f"No lesson '{name}' in this course.{near}")


def exact_lesson(course: Course, name: str) -> Lesson | None:
    """The lesson of this number, slug, folder or name."""
    word = name.lower().strip()
    for lesson in course.lessons:
        if word in (str(lesson.number), f"{lesson.number:02}", lesson.slug, lesson.folder_name, *lesson.names):
            return lesson
    return None


def lessons_of_words(course: Course, words: Sequence[str]) -> list[Lesson]:
    """The lessons of which each of these begins a word: of the title, the slug, the short name or a name."""
    if not words:
        return []
    return [
        lesson
        for lesson in course.lessons
        if all(any(known.startswith(word.lower()) for known in _words(lesson)) for word in words)
    ]


def _words(lesson: Lesson) -> list[str]:
    return [*lesson.names, *re.findall(r"\w+", f"{lesson.slug} {lesson.title} {lesson.short}".lower())]


def sections(text: str) -> tuple[Section, ...]:
    """The sections of a Markdown text, in order; headings within code blocks are none."""
    lines = text.split("\n")
    starts: list[tuple[int, int, str]] = []
    fence = None
    for number, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = None if fence == mark[1] else fence or mark[1]
        elif fence is None and (heading := _HEADING.match(line)):
            starts.append((number, len(heading[1]), heading[2]))
    found = []
    for place, (start, level, title) in enumerate(starts):
        end = next((n for n, other, _ in starts[place + 1 :] if other <= level), len(lines))
        found.append(Section(title, level, "\n".join(lines[start:end]).strip() + "\n"))
    return tuple(found)


def find_section(text: str, name: str, where: str) -> Section:
    """The section whose heading is, starts with, or has `name`. UsageError where there is none."""
    wanted = " ".join(name.lower().split())
    below = [section for section in sections(text) if section.level > 1]
    for fits in (str.__eq__, str.startswith, lambda title, word: word in title):
        for section in below:
            if wanted and fits(section.title.lower(), wanted):
                return section
    near = did_you_mean(wanted, [section.title.lower() for section in below])
    headings = ", ".join(section.title for section in below)
    raise UsageError(f"{where} has no section '{name}'.{near or f' It has: {headings}.'}")
