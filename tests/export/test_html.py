"""report.html: its numbers, and that nothing a stranger wrote can be more than text in it."""

import builtins
import re
from pathlib import Path
from typing import Any

import pytest

from grader.errors import UsageError
from grader.export import page as pages
from grader.export.html import write_html
from grader.export.statistics import summarise
from grader.gradebook.model import Book
from grader.result import Outcome
from grader.submission.handin import Student
from tests.export import books
from tests.export.class_of import class_of
from tests.parsed import Parsed


def report(book: Book, folder: Path) -> str:
    (path,) = write_html(book, folder)
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [0, 1, 3, 40])
def test_a_page_is_whole_and_needs_nothing_else(size: int, tmp_path: Path) -> None:
    text = report(class_of(size), tmp_path)
    parsed = Parsed(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)
    assert parsed.tags["script"] == parsed.tags["link"] == parsed.tags["img"] == 0
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    references = parsed.values("href") + re.findall(r"url\((.*?)\)", text)
    assert all(each.startswith("#") and each[1:] in ids for each in references)
    assert not parsed.values("src")


def test_plots_have_a_name_and_their_text_is_text(tmp_path: Path) -> None:
    parsed = Parsed(report(class_of(40), tmp_path))
    assert parsed.tags["svg"] == 2
    assert parsed.values("role") == ["img", "img"]
    assert all("Histogram" in label for label in parsed.values("aria-label")[1:])
    assert "causal_mask" in "".join(parsed.words)
    assert parsed.tags["text"] > 20
    assert "#0101" not in "".join(parsed.values("style"))  # every colour is the page's


def test_the_same_book_is_the_same_bytes(tmp_path: Path) -> None:
    assert report(class_of(40), tmp_path / "one") == report(class_of(40), tmp_path / "two")


def test_nobody_handed_anything_in(tmp_path: Path) -> None:
    nothing = books.book(students=[books.ADA, books.BOB])
    text = Parsed(report(nothing, tmp_path)).text
    assert "Nobody handed anything in." in text
    assert "handed nothing in 2" in text
    assert "No code was run." in text


def test_nothing_of_a_stranger_is_obeyed(tmp_path: Path) -> None:
    words = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[31m\u202e&amp;'
    evil = Student(id=words, name=words)
    item = books.MOE
    failing = books.case("test_values", Outcome.WRONG_VALUES, 3.0, name=words, description=words)
    found = books.Diagnosis(words, words, words, "test_values", 1)
    of = books.result(item, failing, diagnoses=(found,))
    book = books.book(
        books.grade(evil, item, of, late=-1.0, reasons=(words,), error=words), course=words, run=books.run(layout=words)
    )
    text = report(book, tmp_path)
    parsed = Parsed(text)
    assert parsed.tags["script"] == parsed.tags["img"] == 0
    assert "onerror" not in dict(parsed.attributes)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert parsed.text.count("<script>alert(1)</script>") >= 8
    assert "\\x1b[31m\\u202e&amp;" in parsed.text


def test_the_sample_book(tmp_path: Path) -> None:
    text = Parsed(report(books.sample_book(), tmp_path)).text
    assert "softmax_all in moe_router 1 of 5" in text
    assert "Left out, since a grade could not be measured: 1." in text
    assert "The judge ended by signal 9. 2" in text
    assert "out of time 1" in text
    assert "sum 17.5 −0.3 +0.5 17.7" in text


def test_numbers_of_a_class_of_three(tmp_path: Path) -> None:
    """Ada passes both exercises, one of them late; Bob has 1 of 4 points by a known mistake; Zoë ran out of time."""
    book = books.book(
        books.grade(books.ADA, books.MOE, books.passed(books.MOE), late=-0.4),
        books.grade(books.ADA, books.ROPE, books.passed(books.ROPE)),
        books.grade(books.BOB, books.MOE, books.wrong_values(), adjustment=0.5),
        books.grade(books.EMOJI, books.MOE, books.timeout()),
        students=[books.EMPTY],
    )
    found = summarise(book)
    assert [student.id for student in found.absent] == ["gone"]
    assert {total.student.id: total.final for total in found.totals} == {"ada": 6.6, "bob": 1.5, "42": 1.0}
    moe = next(each for each in found.items if each.item.id == "moe_router")
    assert sorted(moe.shares) == [0.25, 0.25, 1.0]
    assert (moe.count, moe.passed, moe.mean, moe.median) == (3, 1, 0.5, 0.25)
    tests = [(test.id, test.passed, test.failed, test.not_run, test.rate) for test in moe.tests]
    assert tests == [
        ("test_values", 1, 2, 0, 1 / 3),
        ("test_shape", 3, 0, 0, 1.0),
        ("test_gradient", 0, 0, 3, None),
    ]
    assert [(each.name, [who.id for who in each.students]) for each in found.mistakes] == [("softmax_all", ["bob"])]
    assert (found.diagnosed, found.not_passed, found.grades) == (1, 2, 4)
    assert {each.outcome: len(each.submissions) for each in found.endings} == {
        Outcome.WRONG_VALUES: 1,
        Outcome.TIMEOUT: 1,
    }
    assert {change.submission.student.id for change in found.changes} == {"ada", "bob"}
    assert "Of 10 points they have 30\N{NO-BREAK SPACE}% on average" in report(book, tmp_path)


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named '{package}'", name=package)
        return real(name, *rest, **more)

    pages._environment.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=rf"{package}, which is not installed: pip install 'archgrade\[report\]'"):
        write_html(books.sample_book(), tmp_path)
    assert not list(tmp_path.iterdir())
