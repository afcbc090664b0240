"""Write junit.xml in pytest's format, and read it back with junitparser."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junitparser

from grader.base.text import clean
from grader.teach.formats import write
from grader.teach.formats.names import folder_name
from grader.teach.handins.handin import Ignored, IgnoredKind
from tests.teach.formats.books import ADA, BOB, EMPTY, MOE, QUIZ, book, grade, passed, quiz, sample_book
from tests.teach.formats.written import BYTES

XUNIT1 = {  # attributes that pytest writes with junit_family=xunit1
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "testcase": {"classname", "name", "file", "line", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "property": {"name", "value"},
    "properties": set(),
    "testsuites": set(),
}


def test_writes_outcomes_as_xunit1(tmp_path: Path) -> None:
    (path,) = write("junit", sample_book(), tmp_path)
    root = ElementTree.parse(path).getroot()
    for element in root.iter():
        assert set(element.attrib) <= XUNIT1[element.tag]
    found = {
        f"{each.get('classname')}.{each.get('name')}": [(child.tag, child.get("type")) for child in each]
        for each in root.iter("testcase")
    }
    assert len(found) == len(list(root.iter("testcase")))  # GitLab drops cases with duplicate names
    assert found["ada.moe_router.test_values"] == []
    assert found["bob.moe_router.test_values"] == [("failure", "wrong_values")]
    assert found["bob.moe_router.test_gradient"] == [("skipped", "skipped")]
    assert found["bob.rope.test_values"] == [("error", "crashed")]
    assert found["42.moe_router.test_values"] == [("error", "timeout")]
    assert found["42.rope.submission"] == [("error", "syntax_error")]
    assert found["hans.moe_router.submission"] == [("failure", "not_started")]
    assert found["ada.mixture-of-experts.question-2"] == [("failure", "failed")]
    assert found[f"{folder_name('Олена Ковальчук')}.moe_router.submission"] == [("error", "error")]
    late = next(each for each in root.iter("testcase") if each.get("line") == "7")
    assert (late.get("file"), late.get("time")) == ("submissions/42/moe_router.py", "5.000")


def test_junitparser_finds_the_same_counts(tmp_path: Path) -> None:
    (path,) = write("junit", sample_book(), tmp_path)
    read: Any = junitparser.JUnitXml.fromfile(str(path))
    for suite in read:
        counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert counts == (suite.tests, suite.failures, suite.errors, suite.skipped)
    read.update_statistics()
    assert (len(list(read)), read.tests, read.failures, read.errors, read.skipped) == (6, 24, 7, 4, 1)


def test_hostile_text_is_valid_xml_and_visible(tmp_path: Path) -> None:
    (path,) = write("junit", book(*sample_book().all_grades, grade(BYTES, QUIZ, quiz(0.0, 1.0, 0.0))), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert clean(text) == text
    assert "\ufffe" not in text
    assert r"\x1b[31m" in text
    assert len(ElementTree.fromstring(text)) == 7


def test_students_with_nothing_graded_have_an_error_with_the_reason(tmp_path: Path) -> None:
    lost = Ignored(file="in/bob/moe-router.py", why="named for no exercise", student=BOB)
    earlier = Ignored(file="in/gone/a.py", why="an earlier version", kind=IgnoredKind.EARLIER, student=EMPTY)
    of = book(grade(ADA, MOE, passed(MOE)), students=[BOB, EMPTY], ignored=[earlier, lost])
    (path,) = write("junit", of, tmp_path)
    suites = {suite.get("name"): suite for suite in ElementTree.parse(path).getroot()}
    assert list(suites) == [ADA.name, BOB.name]
    assert suites[BOB.name].attrib["errors"] == suites[BOB.name].attrib["tests"] == "1"
    error = suites[BOB.name].find("testcase/error")
    assert error is not None
    assert error.get("message") == "Nothing is graded. in/bob/moe-router.py: named for no exercise."
