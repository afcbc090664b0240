"""report.html: what an instructor wants to know of a class, in one file that needs nothing else."""

import statistics
from datetime import timedelta
from pathlib import Path

from grader.export.files import whole
from grader.export.page import page
from grader.export.plots import distribution, small_multiples
from grader.export.questions import EASY, FEWEST, HARD
from grader.export.statistics import summarise
from grader.gradebook.model import Book, Run
from grader.result import Isolation, Versions

NAME = "report.html"


def write_html(book: Book, out: Path) -> list[Path]:
    """Writes `report.html` in the folder `out`, and returns its path.

    UsageError where jinja2 or matplotlib is not installed, or where the file cannot be written.
    """
    summary = summarise(book)
    best = sum(item.max_score for item in book.items)
    known = [total for total in summary.totals if total.known]
    shares = [total.final / best for total in known] if best else []
    text = page(
        "report.html",
        book=book,
        run=book.run,
        summary=summary,
        best=best,
        shares=shares,
        mean=statistics.fmean(shares) if shares else None,
        median=statistics.median(shares) if shares else None,
        totals_plot=distribution(shares, "students") if shares else None,
        items_plot=small_multiples([each for each in summary.items if each.count]) if summary.grades else None,
        isolations=[(_held(isolation), count) for isolation, count in summary.isolations],
        versions=[(_software(versions), count) for versions, count in summary.versions],
        took=_took(book.run),
        fewest=FEWEST,
        easy=EASY,
        hard=HARD,
    )
    with whole(out / NAME) as file:
        file.write(text)
    return [out / NAME]


def _held(isolation: Isolation) -> str:
    """`confined (Landlock 7, seccomp, own user, fork)`"""
    facts = {
        f"Landlock {isolation.landlock}": isolation.landlock > 0,
        "seccomp": isolation.seccomp,
        "own user": isolation.own_uid,
        isolation.start: isolation.start != "none",
    }
    held = ", ".join(fact for fact, holds in facts.items() if holds)
    return f"{isolation.kind} ({held})" if held else isolation.kind


def _software(versions: Versions) -> str:
    torch = f"torch {versions.torch}, " if versions.torch else ""
    return f"archgrade {versions.archgrade}, {torch}Python {versions.python}"


def _took(run: Run) -> str:
    """How long the run took, `4 min 17 s`."""
    if run.ended is None:
        return "interrupted"
    minutes, seconds = divmod(round((run.ended - run.started) / timedelta(seconds=1)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
