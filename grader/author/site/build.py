"""Build the files of a course's site."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from grader.author.site import search
from grader.author.site.address import site_address
from grader.author.site.card import CARD, card
from grader.author.site.folder import require_site_folder, write_folder
from grader.author.site.pages import Pages
from grader.author.site.pdf import find_browser, lesson_pdfs
from grader.author.site.template import render
from grader.course.lesson.moving import moving_scripts
from grader.course.model import Course
from grader.show.pictures.graphics.colors import DARK, LIGHT


def write_site(course: Course, out: Path, *, pdf: bool = False, address: str | None = None) -> dict[str, int]:
    """Write the course's site to a folder, if asked with a PDF of each lesson; return the sizes in bytes, by path.

    With the `address` at which it will be published, pages name their own address and a picture for social networks.
    Raises UsageError if that is no address, if a file of the course is invalid, if the folder is not a site or cannot
    be written, or if no browser can print.
    """
    published = site_address(address) if address is not None else None
    require_site_folder(out)
    browser = find_browser() if pdf else None  # before the work
    site = site_files(course, published, pdf=pdf)
    if browser is not None:
        styles = {path: data for path, data in site.items() if path.endswith(".css")}
        site |= lesson_pdfs(course, browser, styles)
    write_folder(out, site)
    return {path: len(data) for path, data in site.items()}


def site_files(course: Course, address: str | None = None, *, pdf: bool = False) -> dict[str, bytes]:
    """Return the contents of the site's files, by path. With `pdf`, lessons link to PDF files, which are not made.

    The same arguments give the same bytes.
    """
    builder = Pages(course, pdf)
    pages = builder.all()
    papers = {"light": LIGHT.paper, "dark": DARK.paper}
    shared = {"site": builder, "papers": papers, "address": address, "card": CARD}
    site = {page.url: render("page.html", page=page, **shared).encode() for page in pages}
    site[search.NAME] = search.index(pages).encode()
    for path in builder.schemas:
        site[path.relative_to(course.root).as_posix()] = path.read_bytes()
    for path in moving_scripts(course.root).values():
        site[f"assets/moving/{path.name}"] = path.read_bytes()
    site |= _assets(files("grader.author.site") / "assets", "assets")
    return site | ({CARD: card(course)} if address is not None else {})


def _assets(folder: Traversable, name: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        path = f"{name}/{each.name}"
        found |= _assets(each, path) if each.is_dir() else {path: each.read_bytes()}
    return found
