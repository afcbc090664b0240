"""junit.xml in pytest's shape (xunit1), which GitLab, Jenkins and others show: a suite for each student."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from grader.base.files import open_atomic
from grader.base.result import Outcome
from grader.base.text import clean_line, xml_text
from grader.teach.formats.cases import STOPPED, Case, cases
from grader.teach.formats.files import remark
from grader.teach.formats.names import folder_name
from grader.teach.formats.table import number
from grader.teach.formats.view import by_student
from grader.teach.gradebook.left_out import of_book
from grader.teach.gradebook.model import Book, Grade
from grader.teach.handins.handin import Ignored, Student

GITLAB = 30 * 1024 * 1024  # bytes of the largest file that GitLab takes


def write_junit(book: Book, out: Path) -> list[Path]:
    """Writes junit.xml, one student at a time."""
    path = out / "junit.xml"
    lost = of_book(book).of_student
    with open_atomic(path) as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n')
        for student, grades in by_student(book):
            if grades:
                file.write(tostring(_suite(book, student, grades), encoding="unicode") + "\n")
            elif student.id in lost:
                file.write(tostring(_nothing_graded(book, student, lost[student.id]), encoding="unicode") + "\n")
        file.write("</testsuites>\n")
    if (size := path.stat().st_size) > GITLAB:
        remark(f"junit.xml has {size // 2**20} MiB, and GitLab reads at most 30; export each exercise by itself.")
    return [path]


def _suite(book: Book, student: Student, grades: list[Grade]) -> Element:
    of = [(grade, list(cases(grade))) for grade in grades]
    flat = [case for _, each in of for case in each]
    kinds = Counter(map(_kind, flat))
    suite = _empty_suite(book, student, len(flat), kinds, sum(case.seconds for case in flat))
    properties = SubElement(suite, "properties")
    for grade in grades:
        if grade.points:
            of_max = f"{number(grade.points.final)}/{number(grade.points.max)}"
            SubElement(properties, "property", name=f"points.{grade.item.id}", value=of_max)
    for grade, each in of:
        for case in each:
            suite.append(_testcase(grade, case))
    return suite


def _nothing_graded(book: Book, student: Student, files: Sequence[Ignored]) -> Element:
    """The suite of a student of whom nothing is graded: an error that says what was handed in, and why."""
    suite = _empty_suite(book, student, 1, {"error": 1}, 0.0)
    of = folder_name(student.id)
    case = SubElement(suite, "testcase", classname=of, name="submission", file=_line(files[0].file))
    message = f"Nothing is graded. {files[0].file}: {files[0].why}."
    told = "\n".join(f"{_line(each.file)}: {_line(each.why)}" for each in files)
    SubElement(case, "error", type=Outcome.UNREADABLE.value, message=_line(message)).text = told
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


def _testcase(grade: Grade, case: Case) -> Element:
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


def _kind(case: Case) -> str | None:
    """A wrong answer is a failure; code that did not come to one, and a fault of ours, is an error."""
    if case.outcome in (Outcome.PASSED, Outcome.SKIPPED):
        return "skipped" if case.outcome is Outcome.SKIPPED else None
    return "error" if case.outcome in STOPPED else "failure"


def _line(text: str) -> str:
    return xml_text(clean_line(text))
