"""Write report.html: its numbers and links, and hostile text in it."""

import builtins
import re
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.base.result import Diagnosis, Outcome
from grader.teach.formats import page as pages
from grader.teach.formats.feedback import write_feedback
from grader.teach.formats.html import count_tenths, write_html
from grader.teach.formats.names import folder_name
from grader.teach.formats.statistics import summarize
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Student
from tests.parsed import Parsed
from tests.teach.formats import books
from tests.teach.formats.class_of import class_of
from tests.teach.similarity.code import OWN


def report(book: Book, folder: Path) -> str:
    path, *_ = write_html(book, folder)
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


def work(book: Book, student: Student, folder: Path) -> str:
    """Return the page with a student's work."""
    write_html(book, folder)
    return (folder / "work" / f"{folder_name(student.id)}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [0, 1, 3, 40])
def test_pages_are_complete_and_link_only_to_each_other(size: int, tmp_path: Path) -> None:
    book = class_of(size)
    write_feedback(book, tmp_path)
    write_html(book, tmp_path)
    ids = {path: Parsed(path.read_text(encoding="utf-8")).values("id") for path in tmp_path.rglob("*.html")}
    for path in ids:
        text = path.read_text(encoding="utf-8")
        parsed = Parsed(text)
        assert text.startswith("<!DOCTYPE html>")
        assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)
        assert parsed.tags["script"] == parsed.tags["link"] == parsed.tags["img"] == 0
        assert len(ids[path]) == len(set(ids[path]))
        assert re.search(r"<body>\s*<header>.*</header>\s*<main>.*</main>\s*</body>", text, re.DOTALL)
        assert parsed.tags["main"] == 1
        headings = re.findall(r"<th\b( scope=\"(?:col|row)\")?[^>]*>(.*?)</th>", text, re.DOTALL)
        assert all(scope and words for scope, words in headings)
        for reference in parsed.values("href"):
            page, _, place = reference.partition("#")
            target = (path.parent / page).resolve() if page else path
            assert not place or place in ids[target]
            assert target in ids
        assert not parsed.values("src")


def test_histograms_have_their_numbers_as_labels(tmp_path: Path) -> None:
    parsed = Parsed(report(class_of(40), tmp_path))
    labels = [label for label in parsed.values("aria-label") if "Histogram" in label]
    assert len(labels) == 13  # the totals, ten exercises and two quizzes
    assert parsed.values("role") == ["img"] * 13
    assert sum(map(int, re.findall(r"\d+", labels[0].partition(":")[2]))) == int(re.findall(r"\d+", labels[0])[0])


def test_shares_are_counted_in_tenths() -> None:
    assert count_tenths([0.0, 0.05, 0.1, 0.29999999999, 0.95, 1.0, 1.2]) == [2, 1, 0, 1, 0, 0, 0, 0, 0, 3]


def test_the_table_of_the_class_has_all_students(tmp_path: Path) -> None:
    """The table has students without submissions as well, and cells that can be read without their color."""
    book = books.sample_book()
    write_feedback(book, tmp_path)
    text = report(book, tmp_path)
    matrix = text[text.index('<table class="matrix">') : text.index("</table>", text.index('<table class="matrix">'))]
    rows = [Parsed(row).text for row in re.findall("<tr>.*?</tr>", matrix, re.DOTALL)[1:-1]]
    assert len(rows) == len(book.students)
    assert "Ada Lovelace ada ✓ 4 2.5 2.7 late 9.2 feedback" in rows
    assert "Nothing Handed In gone – – – 0 feedback" in rows
    assert next(row for row in rows if "Zoë" in row).endswith("1 – ✗ 0 syntax error 1 feedback")
    assert 'href="work/bob.html#item-moe_router"' in matrix
    assert 'href="feedback/bob/feedback.html"' in matrix


def test_missing_pages_are_not_linked(tmp_path: Path) -> None:
    text = report(books.sample_book(), tmp_path)
    assert "feedback/" not in text
    assert "work/gone.html" not in text


def test_a_page_of_work_shows_the_code_and_its_file(tmp_path: Path) -> None:
    parsed = Parsed(work(books.sample_book(), books.BOB, tmp_path))
    assert parsed.tags["script"] == 0
    assert "submissions/bob/moe_ router.py" in parsed.text.replace("moe_router.py", "moe_ router.py")
    assert "return logits.topk(k) # </pre><script>alert(1)</script>" in parsed.text
    assert "Adjusted: a test was unclear." in parsed.text
    assert "those you drop keep their share." in parsed.text


def test_links_to_failures_without_a_known_mistake(tmp_path: Path) -> None:
    text = report(books.sample_book(), tmp_path)
    parsed = Parsed(text).text
    assert "Of 4 submissions that ran and did not pass, 1 has exactly the results of a known mistake." in parsed
    assert "2 failed for an unknown reason; read these first:" in parsed
    assert "1 mistake that one student made" in parsed
    assert 'href="work/42.html#item-moe_router"' in text


def test_similar_submissions_are_only_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books.MemoryBook, "work", lambda book, handed: OWN)
    book = books.book(*(books.grade(each, books.MOE, books.passed(books.MOE)) for each in (books.ADA, books.BOB)))
    pages = [*write_feedback(book, tmp_path), *write_html(book, tmp_path)]
    named = next(Parsed(path.read_text(encoding="utf-8")).text for path in pages if path.name == "report.html")
    assert "a reason to compare them and no proof of copying" in named
    assert 'Ada Lovelace, Bob "Bobby" Tables, Jr. identical files' in named
    for path in pages:
        if path.name != "report.html":
            assert "no proof of copying" not in path.read_text(encoding="utf-8")


def test_empty_sections_are_left_out(tmp_path: Path) -> None:
    book = books.book(books.grade(books.ADA, books.MOE, books.passed(books.MOE)), items=(books.MOE,))
    text = report(book, tmp_path)
    for section in ("faults", "left-out", "questions", "outcomes", "changes"):
        assert f'id="{section}"' not in text
        assert f'href="#{section}"' not in text
    assert "<dt>late</dt>" not in text


def test_the_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    assert report(class_of(40), tmp_path / "one") == report(class_of(40), tmp_path / "two")


def test_reports_a_class_without_submissions(tmp_path: Path) -> None:
    nothing = books.book(students=[books.ADA, books.BOB])
    text = Parsed(report(nothing, tmp_path)).text
    assert "Nobody handed in anything that could be graded." in text
    assert "handed in nothing 2" in text
    assert "no code was run" in text


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    words = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[31m\u202e&amp;'
    evil = Student(id=words, name=words)
    item = books.MOE
    failing = books.case("test_values", Outcome.WRONG_VALUES, 3.0, name=words, description=words)
    found = Diagnosis(words, words, words, "test_values", 1)
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


def test_reports_the_numbers_of_the_sample_book(tmp_path: Path) -> None:
    text = Parsed(report(books.sample_book(), tmp_path)).text
    assert "softmax_all 1 of 5" in text
    assert "Students left out because a grade is unknown: 1." in text
    assert "The judge ended by signal 9. 2" in text
    assert "out of time 1" in text
    assert "sum 17.5 −0.3 +0.5 17.7" in text


def test_computes_the_numbers_of_three_students(tmp_path: Path) -> None:
    """Ada passes both exercises, one of them late; Bob has 1 of 4 points and a known mistake; Zoë has a timeout."""
    book = books.book(
        books.grade(books.ADA, books.MOE, books.passed(books.MOE), late=-0.4),
        books.grade(books.ADA, books.ROPE, books.passed(books.ROPE)),
        books.grade(books.BOB, books.MOE, books.wrong_values(), adjustment=0.5),
        books.grade(books.EMOJI, books.MOE, books.timeout()),
        students=[books.EMPTY],
    )
    found = summarize(book)
    assert [student.id for student in found.absent] == ["gone"]
    assert {total.student.id: total.final for total in found.totals} == {"ada": 6.6, "bob": 1.5, "42": 1.0}
    moe = next(each for each in found.items if each.item.id == "moe_router")
    assert sorted(moe.shares) == [0.25, 0.25, 1.0]
    assert (moe.count, moe.passed, moe.mean, moe.median) == (3, 1, 0.5, 0.25)
    tests = [(test.id, test.passed, test.failed, test.not_run, test.rate) for test in moe.tests]
    assert tests == [
        ("test_gradient", 0, 0, 3, 0.0),
        ("test_values", 1, 2, 0, 1 / 3),
        ("test_shape", 3, 0, 0, 1.0),
    ]
    assert [test.rate_of_reached for test in moe.tests] == [None, 1 / 3, 1.0]
    assert [(each.name, [who.id for who in each.students]) for each in found.mistakes] == [("softmax_all", ["bob"])]
    assert (found.diagnosed, found.not_passed, found.grades) == (1, 2, 4)
    assert {each.outcome: len(each.submissions) for each in found.outcomes} == {
        Outcome.WRONG_VALUES: 1,
        Outcome.TIMEOUT: 1,
    }
    assert {change.submission.student.id for change in found.changes} == {"ada", "bob"}
    assert "They have 30\N{NO-BREAK SPACE}% of 10 points on average" in report(book, tmp_path)


def test_a_missing_jinja2_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "jinja2":
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")
        return real(name, *rest, **more)

    pages._environment.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"jinja2, which is not installed: pip install 'archgrade\[report\]'"):
        write_html(books.sample_book(), tmp_path)
    assert not list(tmp_path.iterdir())
