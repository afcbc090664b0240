"""Check lessons: their code prints what they show, their pictures are current, and their text follows the rules."""

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
from grader.course.lesson.measures import LessonMeasures, measure, measure_problems
from grader.course.lesson.model import Part
from grader.course.lesson.modules import module_problems, modules_before
from grader.course.lesson.notation import load_notation, notation_problems
from grader.course.lesson.pictures import pictures_path
from grader.course.lesson.problem import Problem
from grader.course.lesson.references import cited_in, load_references, reference_problems, references_path
from grader.course.lesson.source import code_cells, source, syntax_problems
from grader.course.lesson.terms import TermIndex, bold_problems, first_uses, term_problems
from grader.course.lesson.update import with_outputs
from grader.engine.judge.materials import MIB
from grader.engine.judge.messages import PartResult, PartScript, PicturesDrawn, RunLessons
from grader.engine.pool.client import Judges
from grader.engine.pool.single_runs import run_lessons

SECONDS = 60.0  # time limit for the code of a part
MEMORY = 2048 * MIB
SEEDS = (0, 1)  # a part must print the same with each
OPENING = 0  # the number of the page before the first lesson


@dataclass
class Chapter:
    """A lesson, or the page before the first lesson, with the parts that could be read."""

    number: int
    folder: Path  # of its pictures
    parts: list[Part] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # of the parts that could not be read

    @property
    def pictures(self) -> Path | None:
        """The file with the functions that compute its pictures, if it exists."""
        path = pictures_path(self.folder)
        return path if path.is_file() else None


@dataclass(frozen=True)
class LessonVerdict:
    """The outcome of checking one lesson."""

    number: int  # 0: the page before the first
    parts: int
    blocks: int  # of code
    pictures: int
    measures: LessonMeasures
    problems: tuple[Problem, ...]
    changed: tuple[Path, ...]  # files that were updated


@dataclass
class _Runs:
    """The results of running the code of lessons, by the paths of the files."""

    parts: dict[str, PartResult] = field(default_factory=dict)
    pictures: dict[Path, PicturesDrawn] = field(default_factory=dict)


def lessons_with_parts(course: Course) -> list[int]:
    """Return the numbers of the lessons that have parts, with 0 for the page before the first lesson."""
    return [number for number in (OPENING, *(lesson.number for lesson in course.lessons)) if _files(course, number)]


def check_lessons(
    course: Course, numbers: Sequence[int], progress: Callable[[int, int], None], *, update: bool = False
) -> Iterator[LessonVerdict]:
    """Check the lessons with these numbers; with `update`, first write their outputs and pictures.

    Calls `progress` with the number of files that have been run and their total.
    Raises UsageError if a file other than a part of a lesson is invalid, or if a file cannot be written.
    """
    rules = _Rules(course, last=max(numbers))
    chapters = [_load(course, number) for number in numbers]
    runs = _run(course, chapters, rules.parts, progress)
    for chapter in chapters:
        changed = tuple(_write(course, chapter, runs)) if update else ()
        current = _load(course, chapter.number) if changed else chapter
        painted = runs.pictures.get(pictures_path(current.folder))
        problems = {*_problems(course, current, runs), *rules.problems(current)}
        yield LessonVerdict(
            number=current.number,
            parts=len(current.parts),
            blocks=sum(len(code_cells(part)[0]) for part in current.parts),
            pictures=len(painted.pictures) if painted else 0,
            measures=measure(current.parts),
            problems=tuple(sorted(problems)),
            changed=changed,
        )


class _Rules:
    """The rules for the text of lessons, which depend on other files of the course and on earlier lessons."""

    def __init__(self, course: Course, last: int):
        """Load the glossary, the notation, the references and all lessons up to `last`."""
        self._course = course
        self._terms = load_glossary(course.root)
        self._names = TermIndex(self._terms)
        self._letters = load_notation(course.root)
        self._references = load_references(course.root)
        numbers = lessons_with_parts(course)
        self._explained = {number for number in numbers if number != OPENING}
        chapters = [_load(course, number) for number in numbers if number <= last]
        self.parts = [part for chapter in chapters for part in chapter.parts]  # in reading order
        self._uses = first_uses(self.parts, self._names)
        self._cited = {reference.link for reference in cited_in(self.parts, self._references)}
        self._end = numbers[-1]  # the lesson with which everything that is cited is known
        self._complete = not any(chapter.problems for chapter in chapters)

    def problems(self, chapter: Chapter) -> Iterator[Problem]:
        """Yield the problems of a lesson's text."""
        for part in chapter.parts:
            yield from text_problems(part, read_text(self._course.root / part.path), self._course)
            yield from notation_problems(part, self._letters)
            yield from term_problems(part, self._uses, self._explained)
            if self._references:
                yield from reference_problems(part, self._references)
            if self._terms:
                yield from bold_problems(part, self._names)
        yield from id_problems(chapter.parts)
        if chapter.number != OPENING:
            yield from measure_problems(chapter.parts, self._name(chapter.folder), self._course.standards)
        paths = {part.path for part in chapter.parts}
        yield from (problem for problem in module_problems(self.parts) if problem.path in paths)
        if not chapter.problems:  # otherwise the term may be in a part that could not be read
            for term in self._terms:
                if term.lesson == chapter.number and term not in self._uses:
                    what = f"lesson {term.lesson} should explain the term '{term.term}', but does not contain it."
                    yield Problem(self._name(glossary_path(self._course.root)), 0, what)
        if chapter.number == self._end and self._complete:
            for link in self._references:
                if link not in self._cited:
                    what = f"no part links to {link}; remove its entry."
                    yield Problem(self._name(references_path(self._course.root)), 0, what)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._course.root).as_posix()


def _files(course: Course, number: int) -> list[PartFile]:
    """Return the parts of a lesson, without those of the old form. Raises UsageError if a number is missing."""
    if number == OPENING:
        first = opening(course)
        return [first] if first else []
    return [*part_files(course, course.lesson(number))]


def _load(course: Course, number: int) -> Chapter:
    if number == OPENING:
        chapter = Chapter(number, course.root / "lessons")
    else:
        chapter = Chapter(number, lesson_folder(course, course.lesson(number)))
    for file in _files(course, number):
        try:
            chapter.parts.append(load_part(course.root, file))
        except UsageError as error:
            chapter.problems.append(_problem_of_error(course, file.path, error))
    return chapter


def _problem_of_error(course: Course, path: Path, error: UsageError) -> Problem:
    """Convert an error about a file, with or without a line number, to a problem."""
    text = str(error).removeprefix(f"{shown(path)}:")
    line, colon, sentence = text.partition(": ")
    where = path.relative_to(course.root).as_posix()
    return Problem(where, int(line), sentence) if colon and line.isdecimal() else Problem(where, 0, text.strip())


def _run(
    course: Course, chapters: Sequence[Chapter], earlier: Sequence[Part], progress: Callable[[int, int], None]
) -> _Runs:
    """Run the code of all parts that have valid Python code, and the functions that compute pictures.

    `earlier` are all parts up to the last chapter, whose modules may be imported.
    """
    parts = [
        part for chapter in chapters for part in chapter.parts if code_cells(part)[0] and not any(syntax_problems(part))
    ]
    pictures = [chapter.pictures for chapter in chapters if chapter.pictures]
    runs = _Runs()
    if not parts and not pictures:
        return runs
    scripts = tuple(
        PartScript(tuple(source(part, seed) for seed in SEEDS), modules_before(part, earlier)) for part in parts
    )
    lessons = RunLessons(scripts, tuple(map(str, pictures)), SECONDS, MEMORY)
    results: list[PartResult | PicturesDrawn] = []
    with Judges() as judges:
        for result in run_lessons(judges, lessons, forbidden=course.folders):
            results.append(result)
            progress(len(results), len(parts) + len(pictures))
    for part, ran in zip(parts, results, strict=False):
        assert isinstance(ran, PartResult)
        runs.parts[part.path] = ran
    for path, painted in zip(pictures, results[len(parts) :], strict=True):
        assert isinstance(painted, PicturesDrawn)
        runs.pictures[path] = painted
    return runs


def _write(course: Course, chapter: Chapter, runs: _Runs) -> Iterator[Path]:
    """Write the outputs and pictures of a lesson and yield the files that changed."""
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
    complete = not chapter.problems
    yield from picture_problems(course.root, chapter.folder, chapter.parts, painted, complete=complete)
