"""Where the parts of a lesson lie, and the little that is known of them without a parser: title, exercises due."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.course.document import Document
from grader.course.lessons import lesson_folder, lesson_path
from grader.course.model import Course, Lesson, Struct, Text

OPENING = "opening"
_FILE = re.compile(r"(\d+)-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")
_DUE = re.compile(r"\n```(?:exercise|lab) +(\w+)[ \t]*$", re.MULTILINE)


class PartFile(msgspec.Struct, frozen=True):
    """The file of a part."""

    lesson: int  # 0: the opening
    lesson_slug: str
    number: int  # from 1
    slug: str
    path: Path
    old: bool = False  # a lesson of the old form, one text

    @property
    def name(self) -> str:
        """By which `grade lesson` opens it: 1.3, 0 for the opening, 4 for a lesson of one text."""
        return str(self.lesson) if self.old or not self.lesson else f"{self.lesson}.{self.number}"


class Head(Struct, frozen=True):
    """The front matter of a part."""

    title: Text


def opening(course: Course) -> PartFile | None:
    """The page before the first lesson, if the course has one."""
    path = course.root / "lessons" / f"{OPENING}.md"
    return PartFile(0, OPENING, 1, OPENING, path) if path.is_file() else None


def part_files(course: Course, lesson: Lesson) -> tuple[PartFile, ...]:
    """The files of a lesson's parts in order, none where it is not written yet. UsageError for a gap in the numbers."""
    folder = lesson_folder(course, lesson)
    files = ((path, _FILE.fullmatch(path.name)) for path in folder.glob("*.md"))
    found = sorted((int(match[1]), match[2], path) for path, match in files if match)
    for place, (number, _, path) in enumerate(found, start=1):
        if number != place:
            name = f"{place}-{path.name.partition('-')[2]}"
            raise UsageError(f"{shown(path)}: parts are numbered from 1 without gaps; call this one {name}.")
    old = lesson_path(course, lesson)
    if not found and old.is_file():
        return (PartFile(lesson.number, lesson.slug, 1, "lesson", old, old=True),)
    return tuple(PartFile(lesson.number, lesson.slug, number, slug, path) for number, slug, path in found)


def all_files(course: Course) -> Iterator[PartFile]:
    """The files of all parts in the order in which they are read."""
    if first := opening(course):
        yield first
    for lesson in course.lessons:
        yield from part_files(course, lesson)


def front_matter(path: Path, text: str) -> tuple[Head, int]:
    """What stands between the two lines of dashes at the top, and how many lines it takes with them."""
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), 0)
    if lines[0].rstrip() != "---" or not end:
        raise UsageError(f"{shown(path)}:1: a part begins with ---, a line `title: ...`, and --- again.")
    data = "\n".join(["", *lines[1:end]])
    return Document(path, data=data.encode()).convert(Head), end + 1


def title(file: PartFile, course: Course) -> str:
    """What a part is called."""
    if file.old:
        return course.lesson(file.lesson).title
    return front_matter(file.path, read_text(file.path))[0].title


def due_in(file: PartFile) -> list[str]:
    """The names of the exercises and labs that are due in a part, in order."""
    return _DUE.findall(read_text(file.path))
