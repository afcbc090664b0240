"""Lessons on paper: everything is open, and the answers are at the end."""

import shutil
from pathlib import Path

import pytest

from grader.author.site import pdf
from grader.author.site.build import write_site
from grader.author.site.model import pdf_url
from grader.author.site.printed import printed_lesson
from grader.base.errors import UsageError
from grader.course import Course, load_course
from grader.course.lesson.load import load_lesson
from tests.author.site.courses import make_course
from tests.parsed import Parsed


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return load_course(make_course(tmp_path / "course"))


def test_a_printed_lesson_is_open_and_ends_with_its_answers(course: Course) -> None:
    lesson = course.lessons[0]
    text = printed_lesson(course, lesson, load_lesson(course, lesson))
    body, answers = text.split("<h1>Answers</h1>")
    answers, references = answers.split("<h1>References</h1>")
    assert "Vaswani et al. (2017)" in references
    assert "3 + 6 + 9 is 18" in answers
    assert "3 + 6 + 9 is 18" not in body
    assert "tensor([3.,9.,18.])" in Parsed(text).text.replace(" ", "")
    assert body.count("<svg") > 0
    assert body.count("<details") == body.count(" open>") > 0
    assert "<form" not in text
    assert "<script" not in text
    assert body.count(">Question 1<") == answers.count("Question 1<") == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on this machine")
def test_a_browser_prints_each_lesson(course: Course, tmp_path: Path) -> None:
    sizes = write_site(course, tmp_path / "site", pdf=True)
    printed = sorted(path for path in sizes if path.endswith(".pdf"))
    written = [lesson for lesson in course.lessons if load_lesson(course, lesson)]
    assert printed == [pdf_url(lesson) for lesson in written]
    for path, lesson in zip(printed, written, strict=True):
        assert (tmp_path / "site" / path).read_bytes().startswith(b"%PDF-")
        page = tmp_path / "site/lessons" / lesson.folder_name / "index.html"
        assert f'href="../{Path(path).name}"' in page.read_text("utf-8")


def test_nothing_is_written_without_a_browser(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    with pytest.raises(UsageError, match="--pdf needs Chromium or Chrome, and neither is installed"):
        write_site(course, tmp_path / "site", pdf=True)
    assert not (tmp_path / "site").exists()


def test_a_browser_that_fails_is_named_with_its_reason(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "no-such-browser"
    browser.write_text("#!/bin/sh\necho 'out of paper' >&2\nexit 1\n")
    browser.chmod(0o755)
    monkeypatch.setattr(pdf, "BROWSERS", (str(browser),))
    with pytest.raises(UsageError, match=r"no-such-browser could not print 01-\S+: out of paper"):
        write_site(course, tmp_path / "site", pdf=True)
    assert not (tmp_path / "site").exists()
