"""The pages and links of a site."""

import posixpath

import msgspec

from grader.course.lesson.model import Part
from grader.course.model import Lesson


class Heading(msgspec.Struct, frozen=True):
    """A heading within a page; the headings directly below the title have level 2."""

    level: int
    text: str
    anchor: str


class SiteLink(msgspec.Struct, frozen=True):
    """A link to a page of the site."""

    url: str
    title: str


class SitePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the site. `body` is the HTML below the title; `url` is relative to the site's folder."""

    url: str
    title: str
    kind: str  # shown in search results: lesson, exercise, document
    body: str
    description: str = ""  # a sentence or two for search engines and social cards
    tab: str = ""  # the title in the browser's tab, where `title` is not unique
    headings: tuple[Heading, ...] = ()
    crumbs: tuple[SiteLink, ...] = ()  # the pages above it, starting with the home page
    above: str = ""  # a line above the title: `Part 2 of 5`
    facts: str = ""  # a line below the title: `about 10 minutes`
    previous: SiteLink | None = None
    following: SiteLink | None = None
    scripts: tuple[str, ...] = ()  # of its moving pictures, relative to the site's folder

    @property
    def address(self) -> str:
        """Its address below that of the site, which for a folder's index is the folder's."""
        return self.url.removesuffix("index.html")


def relative(url: str, page: str) -> str:
    """Return the URL of a file of the site as written on the page `page`; an anchor is kept."""
    path, mark, anchor = url.partition("#")
    return posixpath.relpath(path, posixpath.dirname(page) or ".") + mark + anchor


def pdf_url(lesson: Lesson) -> str:
    """Return the URL of a lesson's PDF file."""
    return f"lessons/{lesson.folder_name}.pdf"


def url_of(part: Part, lesson: Lesson) -> str:
    """Return the URL of a part of a lesson, such as `lessons/03-mixture-of-experts/2-one-expert.html`."""
    return f"lessons/{lesson.folder_name}/{part.number}-{part.slug}.html"
