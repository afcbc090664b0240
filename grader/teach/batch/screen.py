"""The screens of a batch: what it found, and how it ended."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grader.base.text import clean_line
from grader.teach.batch.run import Tally
from grader.teach.gradebook.ungraded import UngradedFiles
from grader.teach.handins.handin import Found, Ignored, Student

MAX_LINES = 10  # of a list


def found_lines(found: Found, ungraded: UngradedFiles, *, against_roster: bool) -> Iterator[str]:
    """Yield the counts of what was found, and what is not graded: first the students without any graded work."""
    students = {student.id for handin in found.handins for student in handin.students}
    last = [handin for handin in found.handins if not handin.superseded]
    items = Counter(handin.item for handin in last)
    earlier = len(found.handins) - len(last)
    versions = f", and {_count(earlier, 'earlier version')}" if earlier else ""
    yield f"  {found.layout}: {_count(len(last), 'file')} of {_count(len(students), 'student')}{versions}"
    for item, count in sorted(items.items()):
        yield f"    {count:>6}  {item}"
    if ungraded.students:
        yield from ("", f"  {_count(len(ungraded.students), 'student')} with nothing graded")
        for student, files in ungraded.students.items():
            more = f", and {_count(len(files) - 1, 'more file')}" if len(files) > 1 else ""
            yield f"    {clean_line(student.name or student.id)}: {_ignored(files[0])}{more}"
    yield from _files_of("that cannot be read", ungraded.unread)
    yield from _files_of("not graded, because another one for the same item is", ungraded.copies)
    yield from _files_of("not graded", ungraded.rest)
    if against_roster:
        yield from _people("not on the roster, but graded", found.unmatched)
        yield from _people("on the roster, but handed in nothing", found.missing)


def summary_lines(tally: Tally, seconds: float, out: Path, written: Iterable[str]) -> Iterator[str]:
    """Yield the counts and speed of a run, and where its output is; `written` are lines about files."""
    done = tally.graded + tally.reused
    counts = [f"{_count(tally.graded, 'grade')} measured"]
    if tally.reused:
        counts.append(f"{tally.reused} reused because nothing changed")
    if tally.done_before:
        counts.append(f"{tally.done_before} from before the interruption")
    if tally.faults:
        counts.append(f"{_count(len(tally.faults), 'fault')} of the grader")
    yield f"  {', '.join(counts)}"
    yield f"  {seconds:.1f} s, {done / seconds:.0f} per second" if done and seconds else f"  {seconds:.1f} s"
    yield ""
    yield from written
    yield from ("", f"  look at   grade gradebook {out}")


def fault_lines(tally: Tally) -> Iterator[str]:
    """Yield a line for each fault of the grader."""
    for fault in tally.faults:
        yield f"error: {clean_line(fault.student.id)}, {fault.item}: {clean_line(fault.message)}"


def _files_of(what: str, ignored: Sequence[Ignored]) -> Iterator[str]:
    """Yield the number of files and the first of them; a group's file counts once."""
    lines = dict.fromkeys(map(_ignored, ignored))
    if lines:
        yield from ("", f"  {_count(len(lines), 'file')} {what}")
        yield from _some((f"    {each}" for each in lines), "; not-graded.csv has all of them")


def _ignored(ignored: Ignored) -> str:
    return f"{clean_line(ignored.file)}: {clean_line(ignored.why)}"


def _people(what: str, students: list[Student]) -> Iterator[str]:
    if students:
        yield from ("", f"  {_count(len(students), 'student')} {what}")
        yield from _some(f"    {clean_line(each.name or each.id)}" for each in students)


def _some(lines: Iterable[str], where: str = "") -> Iterator[str]:
    """Yield the first lines, and how many more there are and where to find them."""
    every = list(lines)
    yield from every[:MAX_LINES]
    if len(every) > MAX_LINES:
        yield f"    and {len(every) - MAX_LINES} more{where}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
