"""What a batch says on the terminal: what it found, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grader.base.text import clean_line
from grader.teach.batch.run import Tally
from grader.teach.gradebook.left_out import LeftOut
from grader.teach.handins.handin import Found, Ignored, Student

SHOWN = 10  # lines of a list


def found_lines(found: Found, lost: LeftOut, *, against_roster: bool) -> Iterator[str]:
    """What the submissions were taken for, and what is not graded: first whose work would be overlooked."""
    students = {student.id for handin in found.handins for student in handin.students}
    last = [handin for handin in found.handins if not handin.superseded]
    items = Counter(handin.item for handin in last)
    earlier = len(found.handins) - len(last)
    versions = f", and {_count(earlier, 'earlier version')}" if earlier else ""
    yield f"  {found.layout}: {_count(len(last), 'file')} of {_count(len(students), 'student')}{versions}"
    for item, count in sorted(items.items()):
        yield f"    {count:>6}  {item}"
    if lost.students:
        yield from ("", f"  {_count(len(lost.students), 'student')} of whom nothing is graded")
        for student, files in lost.students.items():
            more = f" (and {_count(len(files) - 1, 'more file')})" if len(files) > 1 else ""
            yield f"    {clean_line(student.name or student.id)}: {_ignored(files[0])}{more}"
    yield from _files_of("that cannot be read", lost.unread)
    yield from _files_of("not graded, beside another one for the same exercise or quiz", lost.copies)
    yield from _files_of("not graded", lost.rest)
    if against_roster:
        yield from _people("not on the roster, and graded all the same", found.unmatched)
        yield from _people("on the roster, and handed nothing in", found.missing)


def summary_lines(tally: Tally, seconds: float, out: Path, written: Iterable[str]) -> Iterator[str]:
    """What was done, how fast, and where it is; `written` are lines on files."""
    done = tally.graded + tally.reused
    counts = [f"{_count(tally.graded, 'grade')} measured"]
    if tally.reused:
        counts.append(f"{tally.reused} taken over, since nothing had changed")
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
    """What could not be graded because of the grader, one line each."""
    for fault in tally.faults:
        yield f"error: {clean_line(fault.student.id)}, {fault.item}: {clean_line(fault.message)}"


def _files_of(what: str, ignored: Sequence[Ignored]) -> Iterator[str]:
    """The first files; those of a group once."""
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
    """The first lines, how many more there are, and where."""
    every = list(lines)
    yield from every[:SHOWN]
    if len(every) > SHOWN:
        yield f"    and {len(every) - SHOWN} more{where}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
