"""Build the pages of a course's site."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from msgspec import structs

from grader.author.site.blocks import BlockWriter
from grader.author.site.citations import CitationMarker
from grader.author.site.formula import mathml
from grader.author.site.links import LinkMap
from grader.author.site.markdown import HtmlWriter, plain, split_title
from grader.author.site.model import SiteLink, SitePage, pdf_url, url_of
from grader.author.site.overview import Overview, duration, overview
from grader.author.site.search import REFERENCES
from grader.author.site.sections import description
from grader.author.site.template import render
from grader.author.site.terms import GLOSSARY, TermFinder, TermMarker, anchor
from grader.base.files import read_text
from grader.course.document import Document
from grader.course.glossary import Term, load_glossary
from grader.course.lesson.files import opening
from grader.course.lesson.headings import sections
from grader.course.lesson.load import load_part
from grader.course.lesson.model import Figure, Part
from grader.course.lesson.notation import Letter, load_notation, notation_path
from grader.course.lesson.references import Reference, cited_in, load_references
from grader.course.load import COURSE_FILE
from grader.course.model import Course, Exercise

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
    pdf: bool = False  # link to a PDF of each lesson

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
    def lessons(self) -> tuple[Overview, ...]:
        """The lessons with their parts and exercises."""
        return tuple(overview(self.course, lesson) for lesson in self.course.lessons)

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
        urls = {part.path: url_of(part, each.lesson) for each in self.lessons for part in each.parts}
        titles = {part.path: plain(part.title) for each in self.lessons for part in each.parts}
        for each in self.lessons:
            if each.parts:
                urls[f"lessons/{each.lesson.folder_name}"] = each.url
                titles[f"lessons/{each.lesson.folder_name}"] = each.lesson.title
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
    def references(self) -> dict[str, Reference]:
        """What the lessons cite, by link."""
        return load_references(self.course.root)

    @cached_property
    def _finder(self) -> TermFinder:
        return TermFinder(self.terms)

    @cached_property
    def reading(self) -> tuple[SiteLink, ...]:
        """The pages in reading order: the opening, then each lesson's page and its parts."""
        links = [SiteLink(OPENING, plain(self.opening.title))] if self.opening else []
        for each in self.lessons:
            if each.parts:
                links.append(SiteLink(each.url, f"Lesson {each.name}"))
                links += [SiteLink(url_of(part, each.lesson), plain(part.title)) for part in each.parts]
        return tuple(links)

    @cached_property
    def lesson_pages(self) -> dict[int, str]:
        """The URL of the page of each lesson that has parts, by the lesson's number."""
        return {each.lesson.number: each.url for each in self.lessons if each.parts}

    # The pages

    def _home(self) -> SitePage:
        scripts, figure = self._front_picture()
        body = render("home.html", pages=self, page=HOME, duration=duration, figure=figure)
        short = f"{self.course.title}: lessons to read, and exercises that are tested on your machine."
        about = self.course.front.about if self.course.front else short
        return SitePage(url=HOME, title=self.course.title, kind="home", body=body, description=about, scripts=scripts)

    def _front_picture(self) -> tuple[tuple[str, ...], str]:
        """Return the scripts and the HTML of the home page's picture; of none, if the course or edition has none."""
        picture = self.course.front.picture if self.course.front else None
        if picture is None:
            return (), ""
        parts = [part for each in self.lessons if each.lesson.number == picture.lesson for part in each.parts]
        if not parts:
            return (), ""
        for part in parts:
            for block in part.blocks:
                if isinstance(block, Figure) and block.name == picture.name:
                    blocks = BlockWriter(self.course, part, self._writer(HOME, part.path))
                    html = blocks.write([structs.replace(block, after=None)])
                    return _with_shared(blocks.scripts), html
        sentence = f"lesson {picture.lesson} has no picture '{picture.name}'."
        raise Document(self.course.root / COURSE_FILE).error(("front", "picture"), sentence)

    def _work(self) -> Iterator[SitePage]:
        if self.how_to_work is not None:
            writer = self._writer(WORK, "README.md", formulas=False)
            body = writer.write(self.how_to_work)
            yield self._page(WORK, "How to work here", "document", body, writer)

    def _reading(self) -> Iterator[SitePage]:
        if self.opening:
            yield self._part(self.opening, OPENING, "Before the first lesson", plain(self.opening.title), ())
        for each in self.lessons:
            if each.parts:
                yield self._lesson(each)
            for part in each.parts:
                number = f"{each.lesson.number}.{part.number}"
                above = f"Lesson {each.lesson.number}, {each.lesson.title}: part {part.number} of {len(each.parts)}"
                tab = f"{number} {plain(part.title)}"
                yield self._part(part, url_of(part, each.lesson), above, tab, (SiteLink(each.url, each.name),))

    def _lesson(self, each: Overview) -> SitePage:
        pdf = pdf_url(each.lesson) if self.pdf else None
        cited = cited_in(each.parts, self.references)
        body = render("lesson.html", each=each, page=each.url, duration=duration, pdf=pdf, references=cited)
        previous, following = self._around(each.url)
        return SitePage(
            url=each.url,
            title=each.lesson.title,
            tab=f"Lesson {each.name}",
            kind="overview",
            body=body,
            description=each.lesson.summary or description(body),
            crumbs=(SiteLink(HOME, "Lessons"),),
            above=f"Lesson {each.lesson.number}",
            previous=previous,
            following=following,
        )

    def _around(self, url: str) -> tuple[SiteLink | None, SiteLink | None]:
        """Return the pages before and after one in reading order."""
        place = [link.url for link in self.reading].index(url)
        return (self.reading[place - 1] if place else None, next(iter(self.reading[place + 1 :]), None))

    def _part(self, part: Part, url: str, above: str, tab: str, parents: tuple[SiteLink, ...]) -> SitePage:
        writer = self._writer(url, part.path)
        blocks = BlockWriter(self.course, part, writer)
        body = blocks.write(part.blocks)
        if cited := cited_in([part], self.references):
            body += writer.write(f"## {REFERENCES}") + render("references.html", references=cited)
        previous, following = self._around(url)
        return SitePage(
            url=url,
            title=plain(part.title),
            tab=tab,
            kind="lesson",
            body=body,
            description=description(body),
            headings=tuple(writer.headings),
            crumbs=(SiteLink(HOME, "Lessons"), *parents),
            above=above,
            facts=f"about {duration(part.minutes)} to read",
            previous=previous,
            following=following,
            scripts=_with_shared(blocks.scripts),
        )

    def _exercises(self) -> SitePage:
        body = render("exercises.html", pages=self, page=EXERCISES)
        return self._single(EXERCISES, "Exercises", "list", body)

    def _single(self, url: str, title: str, kind: str, body: str) -> SitePage:
        """Return a page of which there is one in the course."""
        crumbs = (SiteLink(HOME, "Lessons"),)
        return SitePage(url=url, title=title, kind=kind, body=body, description=description(body), crumbs=crumbs)

    def _exercise(self, exercise: Exercise) -> SitePage:
        path = f"exercises/{exercise.id}/README.md"
        url = self.links.urls[path]
        title, text, skipped_lines = split_title(read_text(exercise.statement))
        writer = self._writer(url, path)
        body = writer.write(text, skipped_lines + 1)
        lesson_page = self.lesson_pages.get(exercise.lesson)
        lesson = SiteLink(lesson_page, self.course.lesson(exercise.lesson).title) if lesson_page else None
        body += render("exercise.html", exercise=exercise, page=url, lesson=lesson, course=self.course)
        facts = f"level {exercise.level}, about {exercise.minutes} minutes, {exercise.points:g} points"
        title = plain(title or exercise.title)
        return self._page(
            url,
            title,
            "exercise",
            body,
            writer,
            tab=f"{title} ({exercise.id})",
            crumbs=(SiteLink(HOME, "Lessons"), SiteLink(EXERCISES, "Exercises")),
            above=exercise.id,
            facts=facts,
        )

    def _glossary(self) -> Iterator[SitePage]:
        if self.terms:
            terms = sorted(self.terms, key=lambda term: term.term.casefold())
            letters = [(letter, list(group)) for letter, group in groupby(terms, key=lambda term: term.term[0].upper())]
            body = render("glossary.html", letters=letters, anchor=anchor, pages=self, page=GLOSSARY)
            yield self._single(GLOSSARY, "Glossary", "glossary", body)

    def _notation(self) -> Iterator[SitePage]:
        if letters := load_notation(self.course.root):
            path = notation_path(self.course.root)
            rows = [(letter, _formula(letter, path, place)) for place, letter in enumerate(letters)]
            body = render("notation.html", rows=rows)
            yield self._single(NOTATION, "Notation", "notation", body)

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
            yield self._single(DOCUMENTS, "Documents", "list", body)
        yield from pages

    def _document(self, path: Path, crumbs: tuple[SiteLink, ...]) -> SitePage:
        source = self._path(path)
        url = self.links.urls[source]
        title, text, skipped_lines = split_title(read_text(path))
        writer = self._writer(url, source, formulas=False, terms=False)
        body = writer.write(text, skipped_lines + 1)
        title = plain(title or path.stem)
        return self._page(url, title, "document", body, writer, tab=f"{title} – Documents", crumbs=crumbs)

    def _page(
        self,
        url: str,
        title: str,
        kind: str,
        body: str,
        writer: HtmlWriter,
        *,
        tab: str = "",
        crumbs: tuple[SiteLink, ...] = (SiteLink(HOME, "Lessons"),),
        above: str = "",
        facts: str = "",
    ) -> SitePage:
        return SitePage(
            url=url,
            title=title,
            tab=tab,
            kind=kind,
            body=body,
            description=description(body),
            headings=tuple(writer.headings),
            crumbs=crumbs,
            above=above,
            facts=facts,
        )

    def _writer(self, url: str, source: str, *, formulas: bool = True, terms: bool = True) -> HtmlWriter:
        marker = TermMarker(self._finder if terms else TermFinder(()), url)
        return HtmlWriter(url, source, self.links, marker, CitationMarker(self.references), formulas)

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


def _with_shared(scripts: list[str]) -> tuple[str, ...]:
    """Return the scripts of moving pictures, each once, after what they share."""
    return tuple(dict.fromkeys([MOVING, *scripts])) if scripts else ()


def _formula(letter: Letter, path: Path, place: int) -> str:
    try:
        return mathml(letter.tex or letter.letter, display=False)
    except ValueError as error:
        raise Document(path, list).error((place,), f"the letter {letter.tex} cannot be typeset: {error}.") from None
