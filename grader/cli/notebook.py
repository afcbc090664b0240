"""grade notebook: write a part of a lesson as a notebook."""

from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.files import writing
from grader.cli.names import PartName
from grader.cli.screen import course_root, say, step
from grader.course import Course, load_course
from grader.course.lesson.find import find_lesson, not_written
from grader.course.lesson.load import load_lesson
from grader.course.lesson.model import Part
from grader.study.notebook.colab import locate_on_github
from grader.study.notebook.writer import notebook_of


@click.command("notebook")
@click.argument("name", metavar="PART", type=PartName())
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="File to write.  [default: named after PART]"
)
@click.option(
    "--repository",
    metavar="URL",
    help="Add a badge that opens the notebook in Colab, once you have pushed it to this repository of the course: "
    "https://github.com/OWNER/REPO, or https://github.com/OWNER/REPO/tree/BRANCH if the branch is not main.",
)
def command(name: str, out: Path | None, repository: str | None) -> None:
    """Write PART of a lesson, such as 1.3, as a notebook for Jupyter or Colab.

    An existing file is not overwritten, because it may contain your answers.
    """
    course = load_course(course_root())
    part = _part(course, name)
    path = out or Path(f"{part.id}-{part.slug}.ipynb")
    published = locate_on_github(repository, path, course.root) if repository else None
    text = notebook_of(course, part, published)
    with writing(path):
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            raise UsageError(f"{path} already exists; name another file with --out FILE.") from None
    say("", f"  {path}", "", step("open", f"jupyter lab {path}"))


def _part(course: Course, name: str) -> Part:
    """Return the part that `1.3` or `moe.2` names. Raises UsageError if it names a lesson or an unknown part."""
    word, _, number = name.rpartition(".")
    lesson = find_lesson(course, word or number)
    parts = load_lesson(course, lesson)
    if not parts:
        raise not_written(course, lesson)
    found = [part for part in parts if word and str(part.number) == number]
    if not found:
        known = ", ".join(part.id for part in parts)
        raise UsageError(f"'{name}' is not a part of the lesson; its parts are {known}.")
    return found[0]
