"""Find a lesson, or a part of one, by a number or by words."""

import re
from collections.abc import Callable, Iterable, Sequence

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.course.lesson.files import OPENING, PartFile, all_files, due_in, opening, part_files, part_title
from grader.course.model import Course, Lesson

_SMALL = re.compile(  # words that many titles have, and that name none of them
    r"a|an|and|are|as|at|be|by|can|do|does|for|from|how|in|into|is|it|its|no|not|of|"
    r"on|or|that|the|their|them|then|they|to|too|us|vs|was|we|what|when|where|which|who|whom|whose|why|with|without"
)

Names = Callable[[PartFile], Sequence[str]]  # what a part may be called by


def find_lesson_or_part(course: Course, words: Sequence[str]) -> Lesson | PartFile:
    """Return the lesson or part named by words such as `1`, `1.3`, `0`, `transformer`, `1 masks`, `kv cache`.

    Raise UsageError, with the closest name, if nothing matches or several things do.
    """
    name, *rest = words = " ".join(words).split() or [""]
    if number := re.fullmatch(r"0*(\d+)\.0*(\d+)", name):
        return _numbered_part(course, find_lesson(course, number[1]), int(number[2]))
    if name.casefold() in ("0", OPENING) and not rest:
        return _require_opening(course)
    lesson = exact_lesson(course, name)
    if lesson and not rest:
        return lesson
    files = list(all_files(course))
    if rest and len(whole := _called(files, words, _titles)) == 1:
        return whole[0]
    if lesson:
        return _part_of(course, lesson, rest)
    lessons, parts = lessons_matching(course, words), _matching(files, words, _titles)
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
    return _part_with_exercise(course, files, words)


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
    known = [word for lesson in course.lessons for word in (lesson.slug, *_telling(_lesson_words(lesson)))]
    raise _no_lesson(name, did_you_mean(name.strip(), known))


def exact_lesson(course: Course, name: str) -> Lesson | None:
    """Return the lesson with this number, slug, folder or name, or None."""
    word = name.lower().strip()
    for lesson in course.lessons:
        if word in (str(lesson.number), f"{lesson.number:02}", lesson.slug, lesson.folder_name, *lesson.names):
            return lesson
    return None


def lessons_matching(course: Course, words: Sequence[str]) -> list[Lesson]:
    """Return the lessons in which every word begins a word of the title, slug, short title or a name."""
    return [lesson for lesson in course.lessons if _all_begin(_words_of(words), _lesson_words(lesson))]


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
    """Return the part of a lesson by its number, else by words of its title, of a heading or of an exercise in it."""
    files = part_files(course, lesson)
    if not files:
        raise not_written(course, lesson)
    if len(words) == 1 and words[0].isdecimal():
        return _numbered_part(course, lesson, int(words[0]))
    parts = _matching(files, words, _titles) or _matching(files, words, _headings) or _matching(files, words, due_in)
    if len(parts) == 1:
        return parts[0]
    if parts:
        raise _ambiguous(words, parts)
    titles = [part_title(file) for file in files]
    near = did_you_mean(" ".join(words), titles) or f" It has: {', '.join(titles)}."
    raise UsageError(f"Lesson {lesson.number} has no part '{' '.join(words)}'.{near}")


def _part_with_exercise(course: Course, files: Sequence[PartFile], words: Sequence[str]) -> PartFile:
    """Return the part in which the exercise of this name is due. Raise UsageError unless there is exactly one."""
    due = _matching(files, words, due_in)
    if len(due) == 1:
        return due[0]
    raise _ambiguous(words, due) if due else _no_lesson(" ".join(words), _nearest(course, files, words))


def _matching(files: Sequence[PartFile], words: Sequence[str], names: Names) -> list[PartFile]:
    """Return the parts that are called so, else those with a name in which every word begins a word."""
    wanted = _words_of(words)
    begin = (file for file in files if any(_all_begin(wanted, _words_of([name])) for name in names(file)))
    return _called(files, words, names) or [*begin]


def _called(files: Sequence[PartFile], words: Sequence[str], names: Names) -> list[PartFile]:
    """Return the parts with a name of exactly these words."""
    wanted = _words_of(words)
    return [file for file in files if any(wanted == _words_of([name]) for name in names(file))]


def _titles(file: PartFile) -> list[str]:
    return [part_title(file), file.slug]


def _headings(file: PartFile) -> list[str]:
    from grader.course.lesson.headings import sections  # markdown-it takes 30 ms to import, and few commands need it

    return [section.title for section in sections(read_text(file.path))]


def _all_begin(words: Sequence[str], known: Sequence[str]) -> bool:
    """Return whether each word begins a known one; words that tell nothing are ignored on both sides."""
    wanted = _telling(words)
    return bool(wanted) and all(any(each.startswith(word) for each in _telling(known)) for word in wanted)


def _telling(words: Iterable[str]) -> list[str]:
    return [word for word in words if not _SMALL.fullmatch(word)]


def _lesson_words(lesson: Lesson) -> list[str]:
    return _words_of([*lesson.names, lesson.slug, lesson.title, lesson.short])


def _words_of(texts: Iterable[str]) -> list[str]:
    """Return the words of texts in lower case; hyphens and underscores separate words."""
    return [word for text in texts for word in re.findall(r"[^\W_]+", text.casefold())]


def _nearest(course: Course, files: Sequence[PartFile], words: Sequence[str]) -> str:
    """Return a sentence with the closest name, or a word of one; "" if none is close."""
    known = [each for lesson in course.lessons for each in (*lesson.names, lesson.slug, lesson.short, lesson.title)]
    known += [each for file in files for each in (part_title(file), *due_in(file))]
    word = next(iter(_telling(_words_of(words))), "")
    return did_you_mean(" ".join(words), known) or did_you_mean(word, _telling(_words_of(known)))


def _no_lesson(name: str, near: str) -> UsageError:
    return UsageError(f"No lesson '{name}' in this course.{near or ' grade lesson --list shows them all.'}")


def _ambiguous(words: Sequence[str], parts: Sequence[PartFile]) -> UsageError:
    several = " or ".join(f"{file.name} ({part_title(file)})" for file in parts)
    return UsageError(f"'{' '.join(words)}' can be {several}; name one of them.")
