"""The files of a lesson: its parts, its quiz, and what can be read from a part without a Markdown parser."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.course.document import Document
from grader.course.model import Course, Lesson, Text, YamlStruct

OPENING = "opening"
QUIZ_FILE = "quiz.yaml"
_FILE = re.compile(r"(\d+)-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")
_PLAIN = re.compile(r"\ntitle: (?!null$)(\w[^\n:#]*)", re.IGNORECASE)
_DUE = re.compile(r"\n```(?:exercise|lab) +(\w+)[ \t]*$", re.MULTILINE)


class PartFile(msgspec.Struct, frozen=True):
    """The file of a part of a lesson, or of the opening."""

    lesson: int  # 0: the opening
    lesson_slug: str
    number: int  # from 1
    slug: str
    path: Path

    @property
    def name(self) -> str:
        """The name that `grade lesson` takes: 1.3, or 0 for the opening."""
        return f"{self.lesson}.{self.number}" if self.lesson else "0"


class FrontMatter(YamlStruct, frozen=True):
    """The keys between the two lines of dashes at the top of a part."""

    title: Text


def lesson_folder(course: Course, lesson: Lesson) -> Path:
    """Return the folder of the lesson's parts, pictures and quiz."""
    return course.root / "lessons" / lesson.folder_name


def quiz_path(course: Course, lesson: Lesson) -> Path:
    """Return the path of the lesson's quiz, which need not exist."""
    return lesson_folder(course, lesson) / QUIZ_FILE


def form_name(lesson: Lesson) -> str:
    """Return the file name of a quiz form, by which `grade batch` recognizes the lesson."""
    return f"quiz-{lesson.slug}.yaml"


def exam_form(course: Course, lesson: Lesson) -> Path | None:
    """Return the form that a student's edition has instead of the lesson's quiz, or None."""
    path = course.root / form_name(lesson)
    return path if course.released and path.is_file() else None


def opening(course: Course) -> PartFile | None:
    """Return the page before the first lesson, or None if the course has none."""
    path = course.root / "lessons" / f"{OPENING}.md"
    return PartFile(0, OPENING, 1, OPENING, path) if path.is_file() else None


def part_files(course: Course, lesson: Lesson) -> tuple[PartFile, ...]:
    """Return the files of a lesson's parts in order; none if it is not written yet.

    Raise UsageError if the numbers of the parts have a gap.
    """
    found = numbered_files(lesson_folder(course, lesson))
    for expected, (number, _, path) in enumerate(found, start=1):
        if number != expected:
            name = f"{expected}-{path.name.partition('-')[2]}"
            raise UsageError(f"{shown(path)}: parts are numbered from 1 without gaps; call this one {name}.")
    return tuple(PartFile(lesson.number, lesson.slug, number, slug, path) for number, slug, path in found)


def numbered_files(folder: Path) -> list[tuple[int, str, Path]]:
    """Return number, slug and path of all parts in the folder of a lesson, in order."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):  # not written yet
        return []
    return sorted((int(match[1]), match[2], folder / match[0]) for match in map(_FILE.fullmatch, names) if match)


def all_files(course: Course) -> Iterator[PartFile]:
    """Yield the files of the opening and of all parts, in reading order."""
    if first := opening(course):
        yield first
    for lesson in course.lessons:
        yield from part_files(course, lesson)


def front_matter(path: Path, text: str) -> tuple[FrontMatter, int]:
    """Return the front matter of a part and the number of lines it takes, dashes included."""
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), 0)
    if lines[0].rstrip() != "---" or not end:
        raise UsageError(f"{shown(path)}:1: a part begins with ---, a line `title: ...`, and --- again.")
    data = "\n".join(["", *lines[1:end]])
    if (plain := _PLAIN.fullmatch(data)) and plain[1].isprintable():  # needs no YAML, which takes 15 ms to import
        return FrontMatter(plain[1].rstrip()), end + 1
    return Document(path, data=data.encode()).convert(FrontMatter), end + 1


def part_title(file: PartFile) -> str:
    """Return the title in the front matter of a part."""
    return front_matter(file.path, read_text(file.path))[0].title


def due_in(file: PartFile) -> list[str]:
    """Return the names of the exercises and labs that are due in a part, in order."""
    return _DUE.findall(read_text(file.path))
