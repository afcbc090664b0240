"""grade site: the course as pages."""

from pathlib import Path

import click

from grader.cli.screen import course_root, say
from grader.course import load_course


@click.command("site")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("site"),
    show_default=True,
    help="The folder to write to: empty, or a site that was written before.",
)
def command(out: Path) -> None:
    """The course as pages that open as files: lessons, statements of exercises, glossary, documents.

    They need no server, no network and no scripts, and have nothing of solutions or of the keys of quizzes.
    """
    from grader.author.site.packages import require_packages

    require_packages()
    from grader.author.site.build import write_site

    sizes = write_site(load_course(course_root()), out)
    pages = sum(path.endswith(".html") for path in sizes)
    say("", f"  {out / 'index.html'}   {pages} pages, {sum(sizes.values()) / 1024:.0f} KiB", "")
