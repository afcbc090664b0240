"""The class as `grade gradebook` shows it: all students' points, without the results behind them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.entries import GradebookEntry
from grader.teach.gradebook.model import BatchRun, Item, Points
from grader.teach.gradebook.policy import GradingPolicy
from grader.teach.gradebook.ungraded import NAMED, UngradedFiles, ungraded_in
from grader.teach.handins.handin import Student

_COUNTS = {
    "last-on-time": "the last on time counts, or else the last",
    "last": "the last counts",
    "best": "the best counts",
}


class ListingCell(msgspec.Struct, frozen=True, kw_only=True):
    """The points of one student for one item."""

    final: float | None  # None: the grader failed, and there is no earlier score
    error: str | None


class ClassListing(msgspec.Struct, frozen=True, kw_only=True):
    """A class, and everybody's points by student and item."""

    course: str
    run: BatchRun
    items: tuple[Item, ...]
    students: tuple[Student, ...]
    cells: dict[tuple[str, str], ListingCell]
    ungraded: UngradedFiles
    notes: tuple[str, ...]  # sentences about the policies


@dataclass
class _Counts:
    """What the notes of a listing count, one grade at a time: a class may be larger than memory."""

    late: int = 0
    adjusted: int = 0
    untimed: int = 0  # with a due date, but no known time
    several: int = 0  # with several versions
    large: list[str] = field(default_factory=list)  # with a large adjustment

    def add(self, policy: GradingPolicy, entry: GradebookEntry, points: Points | None) -> None:
        self.several += entry.handed.versions > 1
        self.untimed += entry.handed.time is None and policy.due(entry.student, entry.item) is not None
        if points is not None:
            self.late += points.late < 0
            self.adjusted += points.adjustment != 0
            if policy.has_large_adjustment(entry.student, entry.item, points.max):
                self.large.append(f"{entry.student}, {entry.item}")


def class_listing(book: StoredBook, files: dict[str, str]) -> ClassListing:
    """Return all points of a book. `files` are the names of the files of its policies."""
    cells: dict[tuple[str, str], ListingCell] = {}
    counts = _Counts()
    for entry, points in book.scores():
        cells[entry.student, entry.item] = ListingCell(final=points.final if points else None, error=entry.error)
        counts.add(book.policy, entry, points)
    unused = len(book.policy.adjusted - cells.keys())
    return ClassListing(
        course=book.course,
        run=book.run,
        items=tuple(book.items),
        students=tuple(book.students),
        cells=cells,
        ungraded=ungraded_in(book),
        notes=tuple(_notes(counts, book.policy, files, unused)),
    )


def _notes(counts: _Counts, policy: GradingPolicy, files: dict[str, str], unused: int) -> Iterator[str]:
    if name := files.get("late"):
        yield f"{name}: {counts.late} with points taken away for lateness."
    if counts.several:
        rule = "last" if policy.late is None else policy.late.counts
        yield f"{counts.several} of the grades have several versions: {_COUNTS[rule]}."
    if name := files.get("extensions"):
        yield f"{name}: its extensions are in force."
    if counts.untimed:
        yield f"{counts.untimed} of the files have no known time; they count as handed in on time."
    if name := files.get("adjustments"):
        yield f"{name}: {counts.adjusted} adjusted."
    if counts.large:
        more = f" and {len(counts.large) - NAMED} more" if len(counts.large) > NAMED else ""
        yield f"Adjusted by more than the item is worth: {'; '.join(counts.large[:NAMED])}{more}."
    if unused:
        yield f"{unused} of the adjustments are for missing work, and have no effect."
