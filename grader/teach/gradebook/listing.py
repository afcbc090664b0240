"""What `grade gradebook` shows of a class: everybody's points, without the results they come from."""

from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.left_out import NAMED, LeftOut, of_book
from grader.teach.gradebook.model import Item, Run, Struct
from grader.teach.handins.handin import Student

_COUNTS = {
    "last-on-time": "the last on time counts, or else the last",
    "last": "the last counts",
    "best": "the best counts",
}


class Cell(Struct, frozen=True, kw_only=True):
    """What one student has for one item."""

    final: float | None  # points
    error: str | None


class Listing(Struct, frozen=True, kw_only=True):
    """A class, and everybody's points by student and item."""

    course: str
    run: Run
    items: tuple[Item, ...]
    students: tuple[Student, ...]
    cells: dict[tuple[str, str], Cell]
    left_out: LeftOut
    notes: tuple[str, ...]  # what is to be known of the policies, a sentence each


def listing(book: StoredBook, files: dict[str, str]) -> Listing:
    """All points of a book. `files` are the names of the files that its policies came from."""
    cells: dict[tuple[str, str], Cell] = {}
    late = adjusted = timeless = several = 0
    large = []
    for entry, points in book.scores():
        cells[entry.student, entry.item] = Cell(final=points.final if points else None, error=entry.error)
        late += points is not None and points.late < 0
        adjusted += points is not None and points.adjustment != 0
        if points is not None and book.policy.large(entry.student, entry.item, points.max):
            large.append(f"{entry.student}, {entry.item}")
        several += entry.handed.versions > 1
        timeless += entry.handed.time is None and book.policy.due(entry.student, entry.item) is not None
    notes = []
    if name := files.get("late"):
        notes.append(f"{name}: {late} with points taken away for lateness.")
    if several:
        rule = "last" if book.policy.late is None else book.policy.late.counts
        notes.append(f"{several} of the grades have several versions: {_COUNTS[rule]}.")
    if name := files.get("extensions"):
        notes.append(f"{name}: its extensions are in force.")
    if timeless:
        notes.append(f"When {timeless} of the files were handed in is not known; they count as handed in on time.")
    if name := files.get("adjustments"):
        notes.append(f"{name}: {adjusted} adjusted.")
    if large:
        more = f" and {len(large) - NAMED} more" if len(large) > NAMED else ""
        notes.append(f"Adjusted by more than the item is worth: {'; '.join(large[:NAMED])}{more}.")
    if unused := len(book.policy.adjusted - cells.keys()):
        notes.append(f"{unused} of the adjustments are for what was not handed in, and do nothing.")
    return Listing(
        course=book.course,
        run=book.run,
        items=tuple(book.items),
        students=tuple(book.students),
        cells=cells,
        left_out=of_book(book),
        notes=tuple(notes),
    )
