"""Build the pages of a course's site."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from grader.author.site.blocks import BlockWriter
from grader.author.site.formula import mathml
from grader.author.site.links import LinkMap
from grader.author.site.markdown import HtmlWriter, plain, split_title
from grader.author.site.model import SiteLink, SitePage, url_of
from grader.author.site.template import render
from grader.author.site.terms import GLOSSARY, TermFinder, TermMarker, anchor
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
INDEX = "docs/index.md"  # its text is on the page of documents instead of a list
OTHER_DOCUMENTS = ("CONTRIBUTING.md", "CHANGELOG.md")
WORK = "work.html"
OPENING = "opening.html"
MOVING = "assets/moving.js"  # shared by the scripts of moving pictures
STUDENTS = "For students"  # the section of README.md for the page "How to work here"


@dataclass
class Pages:
    """Builds the pages of a course. Raises UsageError if a file of the course is invalid."""

    course: Course

    def all(self) -> tuple[SitePage, ...]:
        """Return all pages, the home page first."""
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

    # The contents of the course

    @cached_property
    def lessons(self) -> tuple[tuple[Lesson, tuple[Part, ...]], ...]:
        """The lessons with their parts."""
        return tuple((lesson, load_lesson(self.course, lesson)) for lesson in self.course.lessons)

    @cached_property
    def menu(self) -> tuple[SiteLink, ...]:
        """The links in the menu of every page, for the pages that the course has."""
        links = (
            SiteLink(HOME, "Lessons"),
            SiteLink(EXERCISES, "Exercises"),
            SiteLink(GLOSSARY, "Glossary"),
            SiteLink(NOTATION, "Notation"),
            SiteLink(WORK, "How to work"),
            SiteLink(DOCUMENTS, "Documents"),
        )
        existing = {HOME, EXERCISES, *self.links.urls.values()} | ({DOCUMENTS} if self.documents else set())
        return tuple(link for link in links if link.url in existing)

    @cached_property
    def links(self) -> LinkMap:
        """The URL of each file that has a page."""
        urls = {part.path: url_of(part, lesson) for lesson, parts in self.lessons for part in parts}
        titles = {part.path: plain(part.title) for _, parts in self.lessons for part in parts}
        for lesson, parts in self.lessons:
            if parts:
                urls[f"lessons/{lesson.folder_name}"] = url_of(parts[0], lesson)
                titles[f"lessons/{lesson.folder_name}"] = lesson.title
        if self.opening:
            urls[self.opening.path] = OPENING
        for exercise in self.course.exercises:
            url = f"exercises/{exercise.id}.html"
            urls |= {f"exercises/{exercise.id}/README.md": url, f"exercises/{exercise.id}": url}
        urls |= {self._path(path): self._document_url(path) for path in self.documents}
        urls |= {path: path for path in map(self._path, self.schemas)}
        singles = {"lessons/glossary.yaml": GLOSSARY, "lessons/notation.yaml": NOTATION}
        urls |= {path: url for path, url in singles.items() if (self.course.root / path).is_file()}
        urls |= {"README.md": WORK} if self.how_to_work is not None else {}
        return LinkMap(urls, titles)

    @cached_property
    def opening(self) -> Part | None:
        """The page before the first lesson."""
        file = opening(self.course)
        return load_part(self.course.root, file) if file else None

    @cached_property
    def how_to_work(self) -> str | None:
        """The section of README.md for students, without its heading; None if there is none."""
        readme = self.course.root / "README.md"
        found = sections(read_text(readme)) if readme.is_file() else ()
        return next((each.text.partition("\n")[2] for each in found if each.title == STUDENTS), None)

    @cached_property
    def documents(self) -> tuple[Path, ...]:
        """The documents in docs and its subfolders, and those beside it."""
        others = (self.course.root / name for name in OTHER_DOCUMENTS)
        return (*self._files_in_docs("*.md"), *(path for path in others if path.is_file()))

    @cached_property
    def schemas(self) -> tuple[Path, ...]:
        """The JSON files that documents link to; they are copied unchanged."""
        return tuple(self._files_in_docs("*.json"))

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The glossary."""
        return load_glossary(self.course.root)

    @cached_property
    def _finder(self) -> TermFinder:
        return TermFinder(self.terms)

    @cached_property
    def reading(self) -> tuple[SiteLink, ...]:
        """The pages in reading order: the opening, then the parts of all lessons."""
        parts = [SiteLink(url_of(part, lesson), plain(part.title)) for lesson, parts in self.lessons for part in parts]
        return (*([SiteLink(OPENING, plain(self.opening.title))] if self.opening else []), *parts)

    @cached_property
    def first_pages(self) -> dict[int, str]:
        """The URL of the first part of each lesson that has parts, by the lesson's number."""
        return {lesson.number: url_of(parts[0], lesson) for lesson, parts in self.lessons if parts}

    # The pages

    def _home(self) -> SitePage:
        body = render("home.html", pages=self, page=HOME, minutes=_minutes)
        return SitePage(url=HOME, title=self.course.title, kind="home", body=body)

    def _work(self) -> Iterator[SitePage]:
        if self.how_to_work is not None:
            writer = self._writer(WORK, "README.md", formulas=False)
            body = writer.write(self.how_to_work)
            yield self._page(WORK, "How to work here", "document", body, writer)

    def _reading(self) -> Iterator[SitePage]:
        if self.opening:
            yield self._part(self.opening, OPENING, "Before the first lesson", ())
        for lesson, parts in self.lessons:
            for part in parts:
                above = f"Lesson {lesson.number}, {lesson.title}: part {part.number} of {len(parts)}"
                on_home = SiteLink(f"{HOME}#lesson-{lesson.number}", f"{lesson.number} {lesson.title}")
                yield self._part(part, url_of(part, lesson), above, (on_home,))

    def _part(self, part: Part, url: str, above: str, parents: tuple[SiteLink, ...]) -> SitePage:
        writer = self._writer(url, part.path)
        blocks = BlockWriter(self.course, part, writer)
        body = blocks.write(part.blocks)
        place = [link.url for link in self.reading].index(url)
        return SitePage(
            url=url,
            title=plain(part.title),
            kind="lesson",
            body=body,
            headings=tuple(writer.headings),
            crumbs=(SiteLink(HOME, "Lessons"), *parents),
            above=above,
            facts=f"about {_minutes([part])} to read",
            previous=self.reading[place - 1] if place else None,
            following=self.reading[place + 1] if place + 1 < len(self.reading) else None,
            scripts=tuple(dict.fromkeys([MOVING, *blocks.scripts])) if blocks.scripts else (),
        )

    def _exercises(self) -> SitePage:
        body = render("exercises.html", pages=self, page=EXERCISES)
        return SitePage(url=EXERCISES, title="Exercises", kind="list", body=body, crumbs=(SiteLink(HOME, "Lessons"),))

    def _exercise(self, exercise: Exercise) -> SitePage:
        path = f"exercises/{exercise.id}/README.md"
        url = self.links.urls[path]
        title, text, skipped_lines = split_title(read_text(exercise.statement))
        writer = self._writer(url, path)
        body = writer.write(text, skipped_lines + 1)
        first_page = self.first_pages.get(exercise.lesson)
        lesson = SiteLink(first_page, self.course.lesson(exercise.lesson).title) if first_page else None
        body += render("exercise.html", exercise=exercise, page=url, lesson=lesson, course=self.course)
        facts = f"level {exercise.level}, about {exercise.minutes} minutes, {exercise.points:g} points"
        return self._page(
            url,
            plain(title or exercise.title),
            "exercise",
            body,
            writer,
            crumbs=(SiteLink(HOME, "Lessons"), SiteLink(EXERCISES, "Exercises")),
            above=exercise.id,
            facts=facts,
        )

    def _glossary(self) -> Iterator[SitePage]:
        if self.terms:
            terms = sorted(self.terms, key=lambda term: term.term.casefold())
            body = render("glossary.html", terms=terms, anchor=anchor, pages=self, page=GLOSSARY)
            yield SitePage(
                url=GLOSSARY, title="Glossary", kind="glossary", body=body, crumbs=(SiteLink(HOME, "Lessons"),)
            )

    def _notation(self) -> Iterator[SitePage]:
        if letters := load_notation(self.course.root):
            path = notation_path(self.course.root)
            rows = [(letter, _formula(letter, path, place)) for place, letter in enumerate(letters)]
            body = render("notation.html", rows=rows)
            yield SitePage(
                url=NOTATION, title="Notation", kind="notation", body=body, crumbs=(SiteLink(HOME, "Lessons"),)
            )

    def _documents(self) -> Iterator[SitePage]:
        if not self.documents:
            return
        crumbs = (SiteLink(HOME, "Lessons"), SiteLink(DOCUMENTS, "Documents"))
        index = self.course.root / INDEX
        pages = [self._document(path, crumbs) for path in self.documents if path != index]
        if index in self.documents:
            yield self._document(index, crumbs[:1])
        else:
            folders = [(name, list(group)) for name, group in groupby(sorted(pages, key=_folder), key=_folder)]
            body = render("documents.html", folders=folders, page=DOCUMENTS)
            yield SitePage(url=DOCUMENTS, title="Documents", kind="list", body=body, crumbs=crumbs[:1])
        yield from pages

    def _document(self, path: Path, crumbs: tuple[SiteLink, ...]) -> SitePage:
        source = self._path(path)
        url = self.links.urls[source]
        title, text, skipped_lines = split_title(read_text(path))
        writer = self._writer(url, source, formulas=False, terms=False)
        body = writer.write(text, skipped_lines + 1)
        return self._page(url, plain(title or path.stem), "document", body, writer, crumbs=crumbs)

    def _page(
        self,
        url: str,
        title: str,
        kind: str,
        body: str,
        writer: HtmlWriter,
        *,
        crumbs: tuple[SiteLink, ...] = (SiteLink(HOME, "Lessons"),),
        above: str = "",
        facts: str = "",
    ) -> SitePage:
        headings = tuple(writer.headings)
        return SitePage(
            url=url, title=title, kind=kind, body=body, headings=headings, crumbs=crumbs, above=above, facts=facts
        )

    def _writer(self, url: str, source: str, *, formulas: bool = True, terms: bool = True) -> HtmlWriter:
        marker = TermMarker(self._finder if terms else TermFinder(()), url)
        return HtmlWriter(url, source, self.links, marker, formulas)

    def _files_in_docs(self, pattern: str) -> list[Path]:
        """Return the files in docs and its subfolders, except those in hidden folders."""
        folder = self.course.root / "docs"
        found = sorted(folder.rglob(pattern))
        return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]

    def _document_url(self, path: Path) -> str:
        name = self._path(path)
        return f"docs/{path.stem.lower()}.html" if name in OTHER_DOCUMENTS else name.removesuffix(".md") + ".html"

    def _path(self, path: Path) -> str:
        return path.relative_to(self.course.root).as_posix()


def _folder(page: SitePage) -> str:
    return posixpath.dirname(page.url)


def _minutes(parts: Sequence[Part]) -> str:
    total = sum(part.minutes for part in parts)
    return "1 minute" if total == 1 else f"{total} minutes"


def _formula(letter: Letter, path: Path, place: int) -> str:
    try:
        return mathml(letter.tex or letter.letter, display=False)
    except ValueError as error:
        raise Document(path, list).error((place,), f"the letter {letter.tex} cannot be typeset: {error}.") from None
