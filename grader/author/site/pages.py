"""The pages of a course's site, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from grader.author.site.blocks import Blocks
from grader.author.site.formula import mathml
from grader.author.site.links import Links
from grader.author.site.markdown import Writer, plain, split_title
from grader.author.site.model import Link, Page, url_of
from grader.author.site.template import render
from grader.author.site.terms import GLOSSARY, Definitions, Terms, anchor
from grader.base.files import read_text
from grader.course.document import Document
from grader.course.glossary import Term, load_glossary
from grader.course.lesson.files import opening
from grader.course.lesson.headings import sections
from grader.course.lesson.load import load_lesson, load_part
from grader.course.lesson.model import Part
from grader.course.lesson.notation import Letter, load_notation, notation_path
from grader.course.model import Course, Exercise, Lesson

HOME = "index.html"
EXERCISES = "exercises/index.html"
NOTATION = "notation.html"
DOCUMENTS = "docs/index.html"
WORK = "work.html"
OPENING = "opening.html"
MOVING = "assets/moving.js"  # what the scripts of moving pictures share
STUDENTS = "For students"  # the section of README.md that says how to work here


@dataclass
class Pages:
    """Makes the pages of a course. UsageError for what is wrong in its files."""

    course: Course

    def all(self) -> tuple[Page, ...]:
        """All pages, the home page first."""
        return (
            self._home(),
            *self._work(),
            *self._reading(),
            self._exercises(),
            *map(self._exercise, self.course.exercises),
            *self._glossary(),
            *self._notation(),
            *self._documents(),
        )

    # What there is

    @cached_property
    def lessons(self) -> tuple[tuple[Lesson, tuple[Part, ...]], ...]:
        """The lessons with their parts."""
        return tuple((lesson, load_lesson(self.course, lesson)) for lesson in self.course.lessons)

    @cached_property
    def menu(self) -> tuple[Link, ...]:
        """The pages that every page leads to, if the course has them."""
        wanted = (
            Link(HOME, "Lessons"),
            Link(EXERCISES, "Exercises"),
            Link(GLOSSARY, "Glossary"),
            Link(NOTATION, "Notation"),
            Link(WORK, "How to work"),
            Link(DOCUMENTS, "Documents"),
        )
        have = {HOME, EXERCISES, *self.links.places.values()} | ({DOCUMENTS} if self.documents else set())
        return tuple(link for link in wanted if link.url in have)

    @cached_property
    def links(self) -> Links:
        """Which file has which page."""
        places = {part.path: url_of(part, lesson) for lesson, parts in self.lessons for part in parts}
        if self.opening:
            places[self.opening.path] = OPENING
        for exercise in self.course.exercises:
            url = f"exercises/{exercise.id}.html"
            places |= {f"exercises/{exercise.id}/README.md": url, f"exercises/{exercise.id}": url}
        places |= {self._path(path): f"docs/{path.stem.lower()}.html" for path in self.documents}
        places |= {self._path(path): f"docs/{path.name}" for path in self.schemas}
        singles = {"lessons/glossary.yaml": GLOSSARY, "lessons/notation.yaml": NOTATION}
        places |= {path: url for path, url in singles.items() if (self.course.root / path).is_file()}
        places |= {"README.md": WORK} if self.how_to_work is not None else {}
        return Links(places)

    @cached_property
    def opening(self) -> Part | None:
        """The page before the first lesson."""
        file = opening(self.course)
        return load_part(self.course.root, file) if file else None

    @cached_property
    def how_to_work(self) -> str | None:
        """The section of README.md for students, below its heading; None where a course has none."""
        readme = self.course.root / "README.md"
        found = sections(read_text(readme)) if readme.is_file() else ()
        return next((each.text.partition("\n")[2] for each in found if each.title == STUDENTS), None)

    @cached_property
    def documents(self) -> tuple[Path, ...]:
        """The documents for instructors and authors."""
        contributing = self.course.root / "CONTRIBUTING.md"
        return (*sorted((self.course.root / "docs").glob("*.md")), *([contributing] if contributing.is_file() else []))

    @cached_property
    def schemas(self) -> tuple[Path, ...]:
        """Files that documents lead to, and that are copied as they are."""
        return tuple(sorted((self.course.root / "docs").glob("*.json")))

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The glossary."""
        return load_glossary(self.course.root)

    @cached_property
    def _finder(self) -> Terms:
        return Terms(self.terms)

    @cached_property
    def reading(self) -> tuple[Link, ...]:
        """What is read one after the other: the opening, and the parts of all lessons."""
        parts = [Link(url_of(part, lesson), plain(part.title)) for lesson, parts in self.lessons for part in parts]
        return (*([Link(OPENING, plain(self.opening.title))] if self.opening else []), *parts)

    @cached_property
    def first_pages(self) -> dict[int, str]:
        """Where each lesson that is written begins, by its number."""
        return {lesson.number: url_of(parts[0], lesson) for lesson, parts in self.lessons if parts}

    # The pages

    def _home(self) -> Page:
        body = render("home.html", pages=self, page=HOME, minutes=_minutes)
        return Page(url=HOME, title=self.course.title, kind="home", body=body)

    def _work(self) -> Iterator[Page]:
        if self.how_to_work is not None:
            writer = self._writer(WORK, "README.md", formulas=False)
            body = writer.write(self.how_to_work)
            yield self._page(WORK, "How to work here", "document", body, writer)

    def _reading(self) -> Iterator[Page]:
        if self.opening:
            yield self._part(self.opening, OPENING, "Before the first lesson", ())
        for lesson, parts in self.lessons:
            for part in parts:
                above = f"Lesson {lesson.number}, {lesson.title}: part {part.number} of {len(parts)}"
                in_map = Link(f"{HOME}#lesson-{lesson.number}", f"{lesson.number} {lesson.title}")
                yield self._part(part, url_of(part, lesson), above, (in_map,))

    def _part(self, part: Part, url: str, above: str, within: tuple[Link, ...]) -> Page:
        writer = self._writer(url, part.path, formulas=True)
        blocks = Blocks(self.course, part, writer)
        body = blocks.write(part.blocks)
        place = [link.url for link in self.reading].index(url)
        return Page(
            url=url,
            title=plain(part.title),
            kind="lesson",
            body=body,
            headings=tuple(writer.headings),
            crumbs=(Link(HOME, "Lessons"), *within),
            above=above,
            facts=f"about {_minutes([part])} to read",
            previous=self.reading[place - 1] if place else None,
            following=self.reading[place + 1] if place + 1 < len(self.reading) else None,
            scripts=tuple(dict.fromkeys([MOVING, *blocks.moved])) if blocks.moved else (),
        )

    def _exercises(self) -> Page:
        body = render("exercises.html", pages=self, page=EXERCISES)
        return Page(url=EXERCISES, title="Exercises", kind="list", body=body, crumbs=(Link(HOME, "Lessons"),))

    def _exercise(self, exercise: Exercise) -> Page:
        path = f"exercises/{exercise.id}/README.md"
        url = self.links.places[path]
        title, text, taken = split_title(read_text(exercise.statement))
        writer = self._writer(url, path, formulas=False)
        body = writer.write(text, taken + 1)
        begins = self.first_pages.get(exercise.lesson)
        where = Link(begins, self.course.lesson(exercise.lesson).title) if begins else None
        body += render("exercise.html", exercise=exercise, page=url, lesson=where, course=self.course)
        facts = f"level {exercise.level}, about {exercise.minutes} minutes, {exercise.points:g} points"
        return self._page(
            url,
            plain(title or exercise.title),
            "exercise",
            body,
            writer,
            crumbs=(Link(HOME, "Lessons"), Link(EXERCISES, "Exercises")),
            above=exercise.id,
            facts=facts,
        )

    def _glossary(self) -> Iterator[Page]:
        if self.terms:
            terms = sorted(self.terms, key=lambda term: term.term.casefold())
            body = render("glossary.html", terms=terms, anchor=anchor, pages=self, page=GLOSSARY)
            yield Page(url=GLOSSARY, title="Glossary", kind="glossary", body=body, crumbs=(Link(HOME, "Lessons"),))

    def _notation(self) -> Iterator[Page]:
        if letters := load_notation(self.course.root):
            path = notation_path(self.course.root)
            rows = [(letter, _formula(letter, path, place)) for place, letter in enumerate(letters)]
            body = render("notation.html", rows=rows)
            yield Page(url=NOTATION, title="Notation", kind="notation", body=body, crumbs=(Link(HOME, "Lessons"),))

    def _documents(self) -> Iterator[Page]:
        if not self.documents:
            return
        crumbs = (Link(HOME, "Lessons"), Link(DOCUMENTS, "Documents"))
        pages = [self._document(path, crumbs) for path in self.documents]
        body = render("documents.html", documents=pages, page=DOCUMENTS)
        yield Page(url=DOCUMENTS, title="Documents", kind="list", body=body, crumbs=crumbs[:1])
        yield from pages

    def _document(self, path: Path, crumbs: tuple[Link, ...]) -> Page:
        source = self._path(path)
        url = self.links.places[source]
        title, text, taken = split_title(read_text(path))
        writer = self._writer(url, source, formulas=False, terms=False)
        body = writer.write(text, taken + 1)
        return self._page(url, plain(title or path.stem), "document", body, writer, crumbs=crumbs)

    def _page(
        self,
        url: str,
        title: str,
        kind: str,
        body: str,
        writer: Writer,
        *,
        crumbs: tuple[Link, ...] = (Link(HOME, "Lessons"),),
        above: str = "",
        facts: str = "",
    ) -> Page:
        headings = tuple(writer.headings)
        return Page(
            url=url, title=title, kind=kind, body=body, headings=headings, crumbs=crumbs, above=above, facts=facts
        )

    def _writer(self, url: str, source: str, *, formulas: bool, terms: bool = True) -> Writer:
        definitions = Definitions(self._finder if terms else Terms(()), url)
        return Writer(url, source, self.links, definitions, formulas)

    def _path(self, path: Path) -> str:
        return path.relative_to(self.course.root).as_posix()


def _minutes(parts: Sequence[Part]) -> str:
    total = sum(part.minutes for part in parts)
    return "1 minute" if total == 1 else f"{total} minutes"


def _formula(letter: Letter, path: Path, place: int) -> str:
    try:
        return mathml(letter.tex or letter.letter, display=False)
    except ValueError as error:
        raise Document(path, list).error((place,), f"the letter {letter.tex} cannot be typeset: {error}.") from None
