"""Finds what is meant by a number or by words: a lesson, a part of one, or a section of a lesson that is one text."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.course.lesson.files import OPENING, PartFile, all_files, opening, part_files, title
from grader.course.lessons import exact_lesson, find_lesson, lessons_of_words, sections
from grader.course.model import Course, Lesson


class Section(msgspec.Struct, frozen=True):
    """A section of a lesson of one text, by words of its heading."""

    file: PartFile
    words: str


Meant = Lesson | PartFile | Section


def find(course: Course, words: Sequence[str]) -> Meant:
    """What is meant by `1`, `1.3`, `0`, `transformer`, `attention masks`, `3 capacity`.

    UsageError, with the nearest name there is, where nothing is meant, or several.
    """
    name, *rest = words = " ".join(words).split() or [""]
    if number := re.fullmatch(r"0*(\d+)\.0*(\d+)", name):
        return _numbered(course, find_lesson(course, number[1]), int(number[2]))
    if name.casefold() in ("0", OPENING) and not rest:
        return _opening(course)
    if lesson := exact_lesson(course, name):
        return _within(course, lesson, rest) if rest else lesson
    lessons, parts = lessons_of_words(course, words), _matching(course, all_files(course), words)
    if len(lessons) == 1 and not (rest and parts):
        return lessons[0]
    if len(parts) == 1:
        return parts[0]
    if parts and not lessons:
        raise _several(course, words, parts)
    first = lessons_of_words(course, [name])
    if rest and len(first) == 1:
        return _within(course, first[0], rest)
    if lessons:
        return find_lesson(course, " ".join(words))
    known = [word for each in course.lessons for word in (*each.names, each.slug, each.short, each.title)]
    known += [title(file, course) for file in all_files(course) if not file.old]
    near = did_you_mean(" ".join(words), known) or did_you_mean(name, _words_of(known))
    raise UsageError(f"No lesson '{' '.join(words)}' in this course.{near or ' grade lesson --list has them all.'}")


def _opening(course: Course) -> PartFile:
    if file := opening(course):
        return file
    raise UsageError(f"This course has no opening; its lessons begin with {course.lessons[0].number}.")


def _numbered(course: Course, lesson: Lesson, number: int) -> PartFile:
    files = part_files(course, lesson)
    if 1 <= number <= len(files) and not files[0].old:
        return files[number - 1]
    if not files:
        raise not_written(course, lesson)
    there = "is one text" if files[0].old else f"has the parts {files[0].name} to {files[-1].name}"
    raise UsageError(f"There is no {lesson.number}.{number}: lesson {lesson.number} {there}.")


def _within(course: Course, lesson: Lesson, words: Sequence[str]) -> PartFile | Section:
    """The part, or the section, of a lesson: by its number, by words of its title, else by words of a heading in it."""
    files = part_files(course, lesson)
    if not files:
        raise not_written(course, lesson)
    if files[0].old:
        return Section(files[0], " ".join(words))
    if len(words) == 1 and words[0].isdecimal():
        return _numbered(course, lesson, int(words[0]))
    parts = _matching(course, files, words) or [file for file in files if _has_heading(file, words)]
    if len(parts) == 1:
        return parts[0]
    if parts:
        raise _several(course, words, parts)
    titles = [title(file, course) for file in files]
    near = did_you_mean(" ".join(words), titles) or f" It has: {', '.join(titles)}."
    raise UsageError(f"Lesson {lesson.number} has no part '{' '.join(words)}'.{near}")


def _matching(course: Course, files: Iterable[PartFile], words: Sequence[str]) -> list[PartFile]:
    """The parts whose title and slug have words that begin like these; the one of exactly this slug or title alone."""
    found = [file for file in files if not file.old and _begins(f"{title(file, course)} {file.slug}", words)]
    exact = [file for file in found if "-".join(words).casefold() in (file.slug, _slug(title(file, course)))]
    return exact or found


def _has_heading(file: PartFile, words: Sequence[str]) -> bool:
    return any(_begins(section.title, words) for section in sections(read_text(file.path)))


def _begins(text: str, words: Sequence[str]) -> bool:
    known, wanted = _words_of([text]), _words_of(words)
    return bool(wanted) and all(any(each.startswith(word) for each in known) for word in wanted)


def _words_of(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in re.findall(r"\w+", text.casefold())]


def _slug(text: str) -> str:
    return "-".join(_words_of([text]))


def _several(course: Course, words: Sequence[str], parts: Sequence[PartFile]) -> UsageError:
    several = " or ".join(f"{file.name} ({title(file, course)})" for file in parts)
    return UsageError(f"'{' '.join(words)}' can be {several}; name one of them.")


def not_written(course: Course, lesson: Lesson) -> UsageError:
    """The error for a lesson that has no text, or none yet."""
    if course.released:
        return UsageError(f"Lesson {lesson.number}, {lesson.title}, is not in this edition of the course.")
    where = f"lessons/{lesson.folder_name}"
    return UsageError(f"Lesson {lesson.number}, {lesson.title}, is not written yet: {where} has no part.")
