"""grade site: write the course as a static website."""

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
    help="New or empty folder, or a site that grade site wrote.",
)
@click.option("--pdf", is_flag=True, help="Also print each lesson as a PDF, with Chromium or Chrome.")
@click.option(
    "--address",
    metavar="URL",
    help="Where the site will be published, for its canonical addresses and social cards.",
)
def command(out: Path, pdf: bool, address: str | None) -> None:
    """Write the course as a static website: lessons, statements of exercises, glossary and documents.

    The pages open as files, without a server, a network or scripts. They contain no solutions and no quiz answers.
    What a page remembers of its reader stays in the reader's browser.
    """
    from grader.author.site.packages import require_packages

    require_packages()
    from grader.author.site.build import write_site

    sizes = write_site(load_course(course_root()), out, pdf=pdf, address=address)
    pages = sum(path.endswith(".html") for path in sizes)
    pdfs = sum(path.endswith(".pdf") for path in sizes)
    also = f", {pdfs} PDF files" if pdfs else ""
    say("", f"  {out / 'index.html'}   {pages} pages{also}, {sum(sizes.values()) / 1024:.0f} KiB", "")
