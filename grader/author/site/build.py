"""From a course to the files of its site."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from grader.author.site import search
from grader.author.site.folder import write_folder
from grader.author.site.pages import Pages
from grader.author.site.template import render
from grader.course.lesson.moving import moving_scripts
from grader.course.model import Course


def write_site(course: Course, out: Path) -> dict[str, int]:
    """Writes the course's site in a folder, and returns the sizes of its files in bytes.

    UsageError for what is wrong in the course's files, and where the folder is not ours or cannot be written.
    """
    site = site_files(course)
    write_folder(out, site)
    return {path: len(data) for path, data in site.items()}


def site_files(course: Course) -> dict[str, bytes]:
    """The files of the site, by their paths; the same course gives the same bytes."""
    made = Pages(course)
    pages = made.all()
    site = {page.url: render("page.html", page=page, site=made).encode() for page in pages}
    site[search.NAME] = search.index(pages).encode()
    for path in made.schemas:
        site[f"docs/{path.name}"] = path.read_bytes()
    for path in moving_scripts(course.root).values():
        site[f"assets/moving/{path.name}"] = path.read_bytes()
    return site | _assets(files("grader.author.site") / "assets", "assets")


def _assets(folder: Traversable, name: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        path = f"{name}/{each.name}"
        found |= _assets(each, path) if each.is_dir() else {path: each.read_bytes()}
    return found
