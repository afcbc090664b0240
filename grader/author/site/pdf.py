"""Print lessons as PDF files with Chromium or Chrome."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from grader.author.site.model import pdf_url
from grader.author.site.printed import FOLDER, printed_lesson
from grader.base.errors import UsageError
from grader.course.lesson.load import load_lesson
from grader.course.model import Course

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 300.0  # after which a browser is taken not to end


def find_browser() -> str:
    """Return the path of Chromium or Chrome. Raises UsageError if neither is installed."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise UsageError(
        "--pdf needs Chromium or Chrome, and neither is installed; you can print the pages from any browser."
    )


def lesson_pdfs(course: Course, browser: str, assets: dict[str, bytes]) -> dict[str, bytes]:
    """Return a PDF file of each lesson that has parts, by URL. `assets` are the style sheets of the site.

    Raises UsageError if the browser fails or a lesson is invalid.
    """
    pdfs: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path, data in assets.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(data)
        (Path(folder) / FOLDER).mkdir()
        for lesson in course.lessons:
            if parts := load_lesson(course, lesson):
                page = Path(folder, FOLDER, f"{lesson.folder_name}.html")
                page.write_text(printed_lesson(course, lesson, parts), "utf-8")
                pdfs[pdf_url(lesson)] = _print(browser, page, Path(folder))
    return pdfs


def _print(browser: str, page: Path, folder: Path) -> bytes:
    """Return a page as PDF."""
    pdf = page.with_suffix(".pdf")
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-pdf-header-footer",
        f"--user-data-dir={folder / 'profile'}",
        f"--print-to-pdf={pdf}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # its sandbox refuses to run as root
        page.as_uri(),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UsageError(f"{browser} did not print {page.stem} within {SECONDS:.0f} s.") from None
    if done.returncode or not pdf.is_file():
        last = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        raise UsageError(f"{browser} could not print {page.stem}: {last}")
    return pdf.read_bytes()
