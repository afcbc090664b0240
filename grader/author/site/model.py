"""What the site consists of."""

import posixpath

import msgspec

from grader.course.lesson.model import Part
from grader.course.model import Lesson


class Struct(msgspec.Struct, frozen=True):
    """Base of the site's parts."""


class Heading(Struct, frozen=True):
    """A heading within a page. `level` is 2 for those right below the title."""

    level: int
    text: str
    anchor: str


class Page(Struct, frozen=True, kw_only=True):
    """One page. `body` is what stands below the title, as HTML; `url` is its path from the site's folder."""

    url: str
    title: str
    kind: str  # what a search says it is: lesson, exercise, document
    body: str
    headings: tuple[Heading, ...] = ()
    crumbs: "tuple[Link, ...]" = ()  # the pages above it, from the home page on
    above: str = ""  # a line above the title: `Part 2 of 5`
    facts: str = ""  # a line below it: `about 10 minutes`
    previous: "Link | None" = None
    following: "Link | None" = None
    scripts: tuple[str, ...] = ()  # of the pictures that move, as paths from the site's folder


class Link(Struct, frozen=True):
    """A link to a page of the site."""

    url: str
    title: str


def relative(url: str, page: str) -> str:
    """How the page names another file of the site; an anchor is kept."""
    path, mark, anchor = url.partition("#")
    return posixpath.relpath(path, posixpath.dirname(page) or ".") + mark + anchor


def url_of(part: Part, lesson: Lesson) -> str:
    """Where a part of a lesson stands: `lessons/03-mixture-of-experts/2-one-expert.html`"""
    return f"lessons/{lesson.folder_name}/{part.number}-{part.slug}.html"
