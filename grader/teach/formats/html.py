"""The instructor's report on a class, report.html, and a page with the work of each student."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from grader.base.files import open_atomic
from grader.base.result import Isolation, Versions
from grader.teach.formats.explanation import ResultExplanation, explain_result
from grader.teach.formats.feedback import FOLDER as FEEDBACK
from grader.teach.formats.feedback import PAGE_NAME
from grader.teach.formats.names import folder_name
from grader.teach.formats.page import render_page
from grader.teach.formats.questions import EASY, HARD, MIN_ANSWERS
from grader.teach.formats.statistics import summarize
from grader.teach.formats.summary import ClassSummary
from grader.teach.formats.view import explain_points, grades_by_student
from grader.teach.gradebook.model import BatchRun, Book, Grade
from grader.teach.gradebook.ungraded import ungraded_in
from grader.teach.handins.handin import Ignored, Student

NAME = "report.html"
WORK = "work"


class GradedWork(NamedTuple):
    """A student's work on one exercise or quiz, as the page shows it."""

    grade: Grade
    reasons: list[str]
    explanation: ResultExplanation | None
    code: list[str]  # lines


def write_html(book: Book, out: Path) -> list[Path]:
    """Write `report.html` and `work/<student>.html` in the folder `out`, and return their paths.

    They link to the feedback pages that already exist. Raises UsageError if jinja2 is not installed, or if a file
    cannot be written.
    """
    summary = summarize(book)
    feedback = {each.id for each in book.students if (out / _feedback_path(each)).is_file()}
    pages = [
        _write(out / _work_path(student), _work_page(book, student, grades, files, student.id in feedback))
        for student, grades, files in _handed_in(book)
    ]
    names = {path.name for path in pages}
    work = {each.id for each in book.students if _work_path(each).name in names}
    report = _report(book, summary, work, feedback)
    return [_write(out / NAME, report), *pages]


def _write(path: Path, text: str) -> Path:
    with open_atomic(path) as file:
        file.write(text)
    return path


def _feedback_path(student: Student) -> Path:
    return Path(FEEDBACK, folder_name(student.id), PAGE_NAME)


def _work_path(student: Student) -> Path:
    return Path(WORK, f"{folder_name(student.id)}.html")


def _report(book: Book, summary: ClassSummary, work: set[str], feedback: set[str]) -> str:
    max_score = sum(item.max_score for item in book.items)
    shares = [total.final / max_score for total in summary.totals if total.is_known] if max_score else []
    return render_page(
        "report.html",
        book=book,
        run=book.run,
        summary=summary,
        max_score=max_score,
        shares=shares,
        mean=statistics.fmean(shares) if shares else None,
        median=statistics.median(shares) if shares else None,
        tenths=count_tenths,
        work={each.id: _work_path(each).as_posix() for each in book.students if each.id in work},
        feedback={each.id: _feedback_path(each).as_posix() for each in book.students if each.id in feedback},
        isolations=[(_describe_isolation(isolation), count) for isolation, count in summary.isolations],
        versions=[(_describe_versions(versions), count) for versions, count in summary.versions],
        duration=_duration(book.run),
        min_answers=MIN_ANSWERS,
        easy=EASY,
        hard=HARD,
    )


def _handed_in(book: Book) -> Iterator[tuple[Student, list[Grade], list[Ignored]]]:
    """Yield each student who handed something in, with the grades and the files that were not graded."""
    left_out = ungraded_in(book)
    files: defaultdict[str, list[Ignored]] = defaultdict(list)
    for each in (*left_out.overlooked, *left_out.files):
        if each.student is not None:
            files[each.student.id].append(each)
    for student, grades in grades_by_student(book):
        if grades or student.id in files:
            yield student, grades, files[student.id]


def _work_page(
    book: Book, student: Student, grades: Sequence[Grade], files: Sequence[Ignored], has_feedback: bool
) -> str:
    return render_page(
        "work.html",
        course=book.course,
        run=book.run,
        student=student,
        works=[
            GradedWork(
                grade=grade,
                reasons=explain_points(grade),
                explanation=explain_result(grade.result) if grade.result else None,
                code=(book.work(grade.handed) or "").splitlines(),
            )
            for grade in grades
        ],
        files=files,
        feedback=f"../{_feedback_path(student).as_posix()}" if has_feedback else None,
    )


def count_tenths(shares: Sequence[float]) -> list[int]:
    """Count the shares in each tenth from 0 to 1. A tenth includes its lower bound, and the last one also 1."""
    counts = [0] * 10
    for share in shares:
        counts[min(max(int(share * 10 + 1e-9), 0), 9)] += 1
    return counts


def _describe_isolation(isolation: Isolation) -> str:
    """Return a description such as `confined (Landlock 7, seccomp, own user, fork)`."""
    features = {
        f"Landlock {isolation.landlock}": isolation.landlock > 0,
        "seccomp": isolation.seccomp,
        "own user": isolation.own_uid,
        isolation.start: isolation.start != "none",
    }
    active = ", ".join(feature for feature, is_active in features.items() if is_active)
    return f"{isolation.kind} ({active})" if active else isolation.kind


def _describe_versions(versions: Versions) -> str:
    torch = f"torch {versions.torch}, " if versions.torch else ""
    return f"archgrade {versions.archgrade}, {torch}Python {versions.python}"


def _duration(run: BatchRun) -> str:
    """Return how long a run took, such as `4 min 17 s`."""
    if run.ended is None:
        return "interrupted"
    minutes, seconds = divmod(round((run.ended - run.started) / timedelta(seconds=1)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
