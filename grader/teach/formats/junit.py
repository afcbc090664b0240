"""junit.xml in pytest's format (xunit1), for GitLab, Jenkins and others: a test suite for each student."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from grader.base.files import open_atomic
from grader.base.result import Outcome
from grader.base.text import clean_line, xml_text
from grader.show.numbers import format_points
from grader.teach.formats.cases import STOPPED, CaseResult, cases
from grader.teach.formats.files import print_note
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import grades_by_student
from grader.teach.gradebook.model import Book, Grade
from grader.teach.gradebook.ungraded import ungraded_in
from grader.teach.handins.handin import Ignored, Student

GITLAB_LIMIT = 30 * 1024 * 1024  # bytes of a file


def write_junit(book: Book, out: Path) -> list[Path]:
    """Write junit.xml, one student at a time."""
    path = out / "junit.xml"
    not_graded = ungraded_in(book).of_student
    with open_atomic(path) as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n')
        for student, grades in grades_by_student(book):
            if grades:
                file.write(tostring(_suite(book, student, grades), encoding="unicode") + "\n")
            elif student.id in not_graded:
                file.write(tostring(_nothing_graded(book, student, not_graded[student.id]), encoding="unicode") + "\n")
        file.write("</testsuites>\n")
    if (size := path.stat().st_size) > GITLAB_LIMIT:
        print_note(f"junit.xml has {size // 2**20} MiB, and GitLab reads at most 30; export each exercise separately.")
    return [path]


def _suite(book: Book, student: Student, grades: list[Grade]) -> Element:
    cases_of_grades = [(grade, list(cases(grade))) for grade in grades]
    all_cases = [case for _, each in cases_of_grades for case in each]
    kinds = Counter(map(_kind, all_cases))
    suite = _empty_suite(book, student, len(all_cases), kinds, sum(case.seconds for case in all_cases))
    properties = SubElement(suite, "properties")
    for grade in grades:
        if grade.points:
            points = f"{format_points(grade.points.final)}/{format_points(grade.points.max)}"
            SubElement(properties, "property", name=f"points.{grade.item.id}", value=points)
    for grade, each in cases_of_grades:
        for case in each:
            suite.append(_testcase(grade, case))
    return suite


def _nothing_graded(book: Book, student: Student, files: Sequence[Ignored]) -> Element:
    """Return the suite of a student with nothing graded: an error that lists the files and the reasons."""
    suite = _empty_suite(book, student, 1, {"error": 1}, 0.0)
    case = SubElement(
        suite, "testcase", classname=folder_name(student.id), name="submission", file=_line(files[0].file)
    )
    message = f"Nothing is graded. {files[0].file}: {files[0].why}."
    reasons = "\n".join(f"{_line(each.file)}: {_line(each.why)}" for each in files)
    SubElement(case, "error", type=Outcome.UNREADABLE.value, message=_line(message)).text = reasons
    return suite


def _empty_suite(book: Book, student: Student, tests: int, kinds: Mapping[str | None, int], seconds: float) -> Element:
    return Element(
        "testsuite",
        name=_line(student.name or student.id),
        tests=str(tests),
        failures=str(kinds.get("failure", 0)),
        errors=str(kinds.get("error", 0)),
        skipped=str(kinds.get("skipped", 0)),
        time=f"{seconds:.3f}",
        timestamp=book.run.started.isoformat(),
        hostname="localhost",
    )


def _testcase(grade: Grade, case: CaseResult) -> Element:
    element = Element(
        "testcase",
        classname=f"{folder_name(grade.student.id)}.{grade.item.id}",
        name=_line(case.id),
        file=_line(grade.handed.file),
        time=f"{case.seconds:.3f}",
    )
    if case.line is not None:
        element.set("line", str(case.line))
    kind = _kind(case)
    if kind == "skipped":
        SubElement(element, kind, type=case.outcome.value, message=_line(case.message))
    elif kind:
        SubElement(element, kind, type=case.outcome.value, message=_line(case.message)).text = xml_text(case.text)
    return element


def _kind(case: CaseResult) -> str | None:
    """Return the name of the element inside of a case, or None if it passed.

    A wrong answer is a failure. Code that returned no answer, or a fault of the grader, is an error.
    """
    if case.outcome in (Outcome.PASSED, Outcome.SKIPPED):
        return "skipped" if case.outcome is Outcome.SKIPPED else None
    return "error" if case.outcome in STOPPED else "failure"


def _line(text: str) -> str:
    return xml_text(clean_line(text))
