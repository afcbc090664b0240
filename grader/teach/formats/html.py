"""report.html: what an instructor wants to know of a class, and a page with the work of each student."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from grader.base.files import open_atomic
from grader.base.result import Isolation, Versions
from grader.teach.formats.explained import Explained, explained
from grader.teach.formats.feedback import FOLDER as FEEDBACK
from grader.teach.formats.feedback import PAGE_NAME
from grader.teach.formats.names import folder_name
from grader.teach.formats.page import page
from grader.teach.formats.questions import EASY, FEWEST, HARD
from grader.teach.formats.statistics import summarise
from grader.teach.formats.summary import Summary
from grader.teach.formats.view import by_student, reasons
from grader.teach.gradebook.left_out import of_book
from grader.teach.gradebook.model import Book, Grade, Run
from grader.teach.handins.handin import Ignored, Student

NAME = "report.html"
WORK = "work"


class Work(NamedTuple):
    """What a student's page says of one exercise or quiz."""

    grade: Grade
    reasons: list[str]
    found: Explained | None
    code: list[str]  # lines


def write_html(book: Book, out: Path) -> list[Path]:
    """Writes `report.html` in the folder `out`, and `work/<student>.html`; returns their paths.

    They link to the pages of feedback that are there already. UsageError where jinja2 is not installed, or where a file
    cannot be written.
    """
    summary = summarise(book)
    feedback = {each.id for each in book.students if (out / _feedback(each)).is_file()}
    pages = [
        _write(out / _work(student), _work_page(book, student, grades, files, student.id in feedback))
        for student, grades, files in _handed_in(book)
    ]
    there = {path.name for path in pages}
    report = _report(book, summary, {each.id for each in book.students if _work(each).name in there}, feedback)
    return [_write(out / NAME, report), *pages]


def _write(path: Path, text: str) -> Path:
    with open_atomic(path) as file:
        file.write(text)
    return path


def _feedback(student: Student) -> Path:
    return Path(FEEDBACK, folder_name(student.id), PAGE_NAME)


def _work(student: Student) -> Path:
    return Path(WORK, f"{folder_name(student.id)}.html")


def _report(book: Book, summary: Summary, work: set[str], feedback: set[str]) -> str:
    best = sum(item.max_score for item in book.items)
    shares = [total.final / best for total in summary.totals if total.known] if best else []
    return page(
        "report.html",
        book=book,
        run=book.run,
        summary=summary,
        best=best,
        shares=shares,
        mean=statistics.fmean(shares) if shares else None,
        median=statistics.median(shares) if shares else None,
        tenths=tenths,
        work={each.id: _work(each).as_posix() for each in book.students if each.id in work},
        feedback={each.id: _feedback(each).as_posix() for each in book.students if each.id in feedback},
        isolations=[(_held(isolation), count) for isolation, count in summary.isolations],
        versions=[(_software(versions), count) for versions, count in summary.versions],
        took=_took(book.run),
        fewest=FEWEST,
        easy=EASY,
        hard=HARD,
    )


def _handed_in(book: Book) -> Iterator[tuple[Student, list[Grade], list[Ignored]]]:
    """Who handed something in, with the grades, and the files that are not graded; one student at a time."""
    lost = of_book(book)
    files: defaultdict[str, list[Ignored]] = defaultdict(list)
    for each in (*lost.overlooked, *lost.files):
        if each.student is not None:
            files[each.student.id].append(each)
    for student, grades in by_student(book):
        if grades or student.id in files:
            yield student, grades, files[student.id]


def _work_page(book: Book, student: Student, grades: Sequence[Grade], files: Sequence[Ignored], told: bool) -> str:
    return page(
        "work.html",
        course=book.course,
        run=book.run,
        student=student,
        works=[
            Work(
                grade=grade,
                reasons=reasons(grade),
                found=explained(grade.result) if grade.result else None,
                code=(book.work(grade.handed) or "").splitlines(),
            )
            for grade in grades
        ],
        files=files,
        feedback=f"../{_feedback(student).as_posix()}" if told else None,
    )


def tenths(shares: Sequence[float]) -> list[int]:
    """How many shares lie in each tenth from 0 to 1; each tenth has its lower end, the last one both."""
    heights = [0] * 10
    for share in shares:
        heights[min(max(int(share * 10 + 1e-9), 0), 9)] += 1
    return heights


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
