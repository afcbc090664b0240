"""Proves that lessons are good: their code prints what they show, their pictures are what is computed, rules hold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.author.check.outputs import output_problems, printed_by
from grader.author.check.pictures import picture_problems, write_pictures
from grader.base.errors import UsageError
from grader.base.files import read_text, shown, write_bytes
from grader.course import Course
from grader.course.glossary import glossary_path, load_glossary
from grader.course.lesson.check import id_problems, text_problems
from grader.course.lesson.files import PartFile, lesson_folder, opening, part_files
from grader.course.lesson.load import load_part
from grader.course.lesson.model import Part
from grader.course.lesson.notation import load_notation, notation_problems
from grader.course.lesson.pictures import pictures_path
from grader.course.lesson.problem import Problem
from grader.course.lesson.source import code_cells, source, syntax_problems
from grader.course.lesson.terms import TermIndex, bold_problems, first_uses, term_problems
from grader.course.lesson.update import with_outputs
from grader.engine.judge.materials import MIB
from grader.engine.judge.messages import Painted, PartRan, PartScript, RunLessons
from grader.engine.pool.client import Judges

SECONDS = 60.0  # for the code of a part
MEMORY = 2048 * MIB
SEEDS = (0, 1)  # a part prints the same on both
OPENING = 0  # the number of the page before the first lesson


@dataclass
class Chapter:
    """A lesson, or the page before the first, as far as it can be read; `folder` is where its pictures lie."""

    number: int
    folder: Path
    parts: list[Part] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def pictures(self) -> Path | None:
        """The file with the functions that compute its pictures."""
        path = pictures_path(self.folder)
        return path if path.is_file() else None


@dataclass(frozen=True)
class LessonVerdict:
    """What was proved of one lesson."""

    number: int  # 0: the page before the first
    parts: int
    blocks: int  # of code
    pictures: int
    problems: tuple[Problem, ...]
    changed: tuple[Path, ...]  # files that were written anew


@dataclass
class _Runs:
    """What came of the code of lessons, by the files' paths."""

    parts: dict[str, PartRan] = field(default_factory=dict)
    pictures: dict[Path, Painted] = field(default_factory=dict)


def with_parts(course: Course) -> list[int]:
    """The numbers of the lessons that have parts, 0 among them where there is a page before the first."""
    return [number for number in (OPENING, *(lesson.number for lesson in course.lessons)) if _files(course, number)]


def check_lessons(
    course: Course, numbers: Sequence[int], progress: Callable[[int, int], None], *, update: bool = False
) -> Iterator[LessonVerdict]:
    """Proves the lessons of these numbers; with `update`, writes first what they print and draw.

    `progress` hears how many parts and files with pictures have been run, and of how many.
    Raises UsageError for what cannot be read or written and is no part of a lesson.
    """
    rules = _Rules(course, upto=max(numbers))
    chapters = [_read(course, number) for number in numbers]
    runs = _run(course, chapters, progress)
    for chapter in chapters:
        changed = tuple(_write(course, chapter, runs)) if update else ()
        read = _read(course, chapter.number) if changed else chapter
        painted = runs.pictures.get(pictures_path(read.folder))
        problems = {*_problems(course, read, runs), *rules.problems(read)}
        yield LessonVerdict(
            number=read.number,
            parts=len(read.parts),
            blocks=sum(len(code_cells(part)[0]) for part in read.parts),
            pictures=len(painted.drawings) if painted else 0,
            problems=tuple(sorted(problems)),
            changed=changed,
        )


class _Rules:
    """The rules for texts, with what they need to know of the course: its terms, its letters, and what comes before."""

    def __init__(self, course: Course, upto: int):
        """`upto`: the last lesson that is proved. UsageError for glossary and notation."""
        self._course = course
        self._terms = load_glossary(course.root)
        self._names = TermIndex(self._terms)
        self._letters = load_notation(course.root)
        numbers = with_parts(course)
        self._explained = {number for number in numbers if number != OPENING}
        before = (part for number in numbers if number <= upto for part in _read(course, number).parts)
        self._uses = first_uses(before, self._names)

    def problems(self, chapter: Chapter) -> Iterator[Problem]:
        """All that is wrong with the text of a lesson."""
        for part in chapter.parts:
            yield from text_problems(part, read_text(self._course.root / part.path), self._course)
            yield from notation_problems(part, self._letters)
            yield from term_problems(part, self._uses, self._explained)
            if self._terms:
                yield from bold_problems(part, self._names)
        yield from id_problems(chapter.parts)
        if not chapter.problems:  # else the term may be in what could not be read
            glossary = glossary_path(self._course.root).relative_to(self._course.root).as_posix()
            for term in self._terms:
                if term.lesson == chapter.number and term not in self._uses:
                    what = f"lesson {term.lesson} is to explain the term '{term.term}', which does not stand there."
                    yield Problem(glossary, 0, what)


def _files(course: Course, number: int) -> list[PartFile]:
    """The parts of a lesson. UsageError where a number is left out."""
    if number == OPENING:
        first = opening(course)
        return [first] if first else []
    return [*part_files(course, course.lesson(number))]


def _read(course: Course, number: int) -> Chapter:
    if number == OPENING:
        chapter = Chapter(number, course.root / "lessons")
    else:
        chapter = Chapter(number, lesson_folder(course, course.lesson(number)))
    for file in _files(course, number):
        try:
            chapter.parts.append(load_part(course.root, file))
        except UsageError as error:
            chapter.problems.append(_problem(course, file.path, error))
    return chapter


def _problem(course: Course, path: Path, error: UsageError) -> Problem:
    """The problem of which the error about a file speaks."""
    text = str(error).removeprefix(f"{shown(path)}:")
    line, colon, sentence = text.partition(": ")
    where = path.relative_to(course.root).as_posix()
    return Problem(where, int(line), sentence) if colon and line.isdecimal() else Problem(where, 0, text.strip())


def _run(course: Course, chapters: Sequence[Chapter], progress: Callable[[int, int], None]) -> _Runs:
    """Runs the code of all parts that are Python and have any, and that of the pictures."""
    parts = [
        part for chapter in chapters for part in chapter.parts if code_cells(part)[0] and not any(syntax_problems(part))
    ]
    pictures = [chapter.pictures for chapter in chapters if chapter.pictures]
    runs = _Runs()
    if parts or pictures:
        scripts = tuple(PartScript(tuple(source(part, seed) for seed in SEEDS)) for part in parts)
        lessons = RunLessons(scripts, tuple(map(str, pictures)), SECONDS, MEMORY)
        said: list[PartRan | Painted] = []
        with Judges() as judges:
            for message in judges.run_lessons(lessons, forbidden=course.folders):
                said.append(message)
                progress(len(said), len(parts) + len(pictures))
        for part, ran in zip(parts, said, strict=False):
            assert isinstance(ran, PartRan)
            runs.parts[part.path] = ran
        for path, painted in zip(pictures, said[len(parts) :], strict=True):
            assert isinstance(painted, Painted)
            runs.pictures[path] = painted
    return runs


def _write(course: Course, chapter: Chapter, runs: _Runs) -> Iterator[Path]:
    """Writes outputs and pictures; yields the files that were changed."""
    for part in chapter.parts:
        if part.path in runs.parts:
            path = course.root / part.path
            data = path.read_bytes()
            text = with_outputs(data.decode(), code_cells(part)[0], printed_by(runs.parts[part.path].runs[0]))
            if text.encode() != data:
                yield write_bytes(path, text.encode())
    if chapter.pictures:
        yield from write_pictures(chapter.folder, runs.pictures[chapter.pictures])


def _problems(course: Course, chapter: Chapter, runs: _Runs) -> Iterator[Problem]:
    yield from chapter.problems
    for part in chapter.parts:
        yield from syntax_problems(part)
        if part.path in runs.parts:
            yield from output_problems(part, runs.parts[part.path])
    painted = runs.pictures.get(pictures_path(chapter.folder))
    whole = not chapter.problems
    yield from picture_problems(course.root, chapter.folder, chapter.parts, painted, whole=whole)
