"""Find a lesson, or a part of one, by a number or by words."""

import re
from collections.abc import Iterable, Sequence

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.course.lesson.files import OPENING, PartFile, all_files, opening, part_files, part_title
from grader.course.model import Course, Lesson


def find_lesson_or_part(course: Course, words: Sequence[str]) -> Lesson | PartFile:
    """Return the lesson or part named by words such as `1`, `1.3`, `0`, `transformer`, `1 masks`, `3 capacity`.

    Raise UsageError, with the closest name, if nothing matches or several things do.
    """
    name, *rest = words = " ".join(words).split() or [""]
    if number := re.fullmatch(r"0*(\d+)\.0*(\d+)", name):
        return _numbered_part(course, find_lesson(course, number[1]), int(number[2]))
    if name.casefold() in ("0", OPENING) and not rest:
        return _require_opening(course)
    if lesson := exact_lesson(course, name):
        return _part_of(course, lesson, rest) if rest else lesson
    lessons, parts = lessons_matching(course, words), _matching(all_files(course), words)
    if len(lessons) == 1 and not (rest and parts):
        return lessons[0]
    if len(parts) == 1:
        return parts[0]
    if parts and not lessons:
        raise _ambiguous(words, parts)
    first = lessons_matching(course, [name])
    if rest and len(first) == 1:
        return _part_of(course, first[0], rest)
    if lessons:
        return find_lesson(course, " ".join(words))
    known = [word for each in course.lessons for word in (*each.names, each.slug, each.short, each.title)]
    known += [part_title(file) for file in all_files(course)]
    near = did_you_mean(" ".join(words), known) or did_you_mean(name, _words_of(known))
    raise UsageError(f"No lesson '{' '.join(words)}' in this course.{near or ' grade lesson --list has them all.'}")


def find_lesson(course: Course, name: str) -> Lesson:
    """Return the lesson with this number, slug or name, else the only one whose title has the words.

    Raise UsageError if no lesson matches, or several do.
    """
    if lesson := exact_lesson(course, name):
        return lesson
    found = lessons_matching(course, name.split())
    if len(found) == 1:
        return found[0]
    if found:
        several = " or ".join(f"'{lesson.slug}' ({lesson.number})" for lesson in found)
        raise UsageError(f"'{name}' can be {several}; name one of them.")
    known = [word for lesson in course.lessons for word in (lesson.slug, *_lesson_words(lesson))]
    near = did_you_mean(name.strip(), known) or " grade list has them all."
    raise UsageError(f"No lesson '{name}' in this course.{near}")


def exact_lesson(course: Course, name: str) -> Lesson | None:
    """Return the lesson with this number, slug, folder or name, or None."""
    word = name.lower().strip()
    for lesson in course.lessons:
        if word in (str(lesson.number), f"{lesson.number:02}", lesson.slug, lesson.folder_name, *lesson.names):
            return lesson
    return None


def lessons_matching(course: Course, words: Sequence[str]) -> list[Lesson]:
    """Return the lessons in which every word begins a word of the title, slug, short title or a name."""
    return [lesson for lesson in course.lessons if _all_begin(words, _lesson_words(lesson))]


def part_with_section(files: Sequence[PartFile], name: str) -> PartFile | None:
    """Return the part that has the section which `find_section` finds by this name among all, or None."""
    from grader.course.lesson.headings import find_section, sections

    found = [(file, section) for file in files for section in sections(read_text(file.path))]
    try:
        wanted = find_section([section for _, section in found], name)
    except UsageError:
        return None
    return next(file for file, section in found if section is wanted)


def not_written(course: Course, lesson: Lesson) -> UsageError:
    """Return the error for a lesson without text."""
    if course.released:
        return UsageError(f"Lesson {lesson.number}, {lesson.title}, is not in this edition of the course.")
    where = f"lessons/{lesson.folder_name}"
    return UsageError(f"Lesson {lesson.number}, {lesson.title}, is not written yet: {where} has no part.")


def _require_opening(course: Course) -> PartFile:
    if file := opening(course):
        return file
    raise UsageError(f"This course has no opening; its lessons begin with {course.lessons[0].number}.")


def _numbered_part(course: Course, lesson: Lesson, number: int) -> PartFile:
    files = part_files(course, lesson)
    if not files:
        raise not_written(course, lesson)
    if not 1 <= number <= len(files):
        names = f"{files[0].name} to {files[-1].name}"
        raise UsageError(f"There is no {lesson.number}.{number}: lesson {lesson.number} has the parts {names}.")
    return files[number - 1]


def _part_of(course: Course, lesson: Lesson, words: Sequence[str]) -> PartFile:
    """Return the part of a lesson by its number, else by words of its title, else by words of a heading in it."""
    files = part_files(course, lesson)
    if not files:
        raise not_written(course, lesson)
    if len(words) == 1 and words[0].isdecimal():
        return _numbered_part(course, lesson, int(words[0]))
    parts = _matching(files, words) or [file for file in files if _has_heading(file, words)]
    if len(parts) == 1:
        return parts[0]
    if parts:
        raise _ambiguous(words, parts)
    titles = [part_title(file) for file in files]
    near = did_you_mean(" ".join(words), titles) or f" It has: {', '.join(titles)}."
    raise UsageError(f"Lesson {lesson.number} has no part '{' '.join(words)}'.{near}")


def _matching(files: Iterable[PartFile], words: Sequence[str]) -> list[PartFile]:
    """Return the parts in which every word begins a word of title or slug; an exact title or slug wins alone."""
    wanted = _words_of(words)
    found = [file for file in files if _all_begin(wanted, _words_of([part_title(file), file.slug]))]
    slug = "-".join(words).casefold()
    exact = [file for file in found if slug in (file.slug, "-".join(_words_of([part_title(file)])))]
    return exact or found


def _has_heading(file: PartFile, words: Sequence[str]) -> bool:
    from grader.course.lesson.headings import sections  # markdown-it takes 30 ms to import, and few commands need it

    wanted = _words_of(words)
    return any(_all_begin(wanted, _words_of([section.title])) for section in sections(read_text(file.path)))


def _all_begin(words: Sequence[str], known: Sequence[str]) -> bool:
    """Return whether there are words, and each begins a known word; case is ignored."""
    return bool(words) and all(any(each.startswith(word.lower()) for each in known) for word in words)


def _lesson_words(lesson: Lesson) -> list[str]:
    return [*lesson.names, *_words_of([lesson.slug, lesson.title, lesson.short])]


def _words_of(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in re.findall(r"\w+", text.casefold())]


def _ambiguous(words: Sequence[str], parts: Sequence[PartFile]) -> UsageError:
    several = " or ".join(f"{file.name} ({part_title(file)})" for file in parts)
    return UsageError(f"'{' '.join(words)}' can be {several}; name one of them.")
