"""Write feedback pages: their content, and that nothing of other students is in them."""

import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.base.result import Failure, Outcome, Output, Raised
from grader.show.layout import paint
from grader.teach.formats.explanation import MAX_COLUMNS
from grader.teach.formats.feedback import exercise_screen, write_feedback
from grader.teach.formats.names import folder_name
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Student
from tests.parsed import Parsed
from tests.teach.formats import books
from tests.teach.formats.class_of import class_of


def feedback(book: Book, student: Student, folder: Path) -> tuple[str, str]:
    """Return a student's page as HTML and as Markdown."""
    written = write_feedback(book, folder)
    own = folder / "feedback" / folder_name(student.id)
    assert {own / "feedback.html", own / "feedback.md"} <= set(written)
    return tuple((own / f"feedback.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))  # type: ignore[return-value]


def shown(markdown: str) -> list[str]:
    """Return the screens in a Markdown page, as a Markdown parser finds them."""
    return [token.content for token in MarkdownIt("commonmark").parse(markdown) if token.type == "fence"]


def test_every_student_has_both_pages(tmp_path: Path) -> None:
    book = class_of(12)
    written = write_feedback(book, tmp_path)
    names = [folder_name(student.id) for student in book.students]
    assert written == [tmp_path / "feedback" / name / f"feedback.{kind}" for name in names for kind in ("html", "md")]
    assert all(path.is_file() for path in written)


def test_markdown_has_the_screen_of_the_terminal(tmp_path: Path) -> None:
    _, markdown = feedback(books.sample_book(), books.BOB, tmp_path)
    screen = "".join(paint(line, 77, color=False) + "\n" for line in exercise_screen(books.wrong_values()))
    for line in ("✗ values", "logits [T=2, E=3]", "0.7310", "keep their share.", "1 test needs values to pass"):
        assert line in screen
    assert screen in shown(markdown)[0]


def test_only_tensors_are_preformatted_in_html(tmp_path: Path) -> None:
    html, _ = feedback(books.sample_book(), books.BOB, tmp_path)
    drawn = "".join(re.findall(r"<pre.*?</pre>", html, re.DOTALL))
    said = "".join(re.findall(r"<p[ >].*?</p>", html, re.DOTALL))
    for words in ("logits [T=2, E=3]", "0.7310"):
        assert words in drawn
        assert words not in said
    for words in ("and those you drop keep their share.", "1 test needs values to pass", "The tolerance is rtol"):
        assert words in said
        assert words not in drawn


def test_preformatted_text_fits_a_phone(tmp_path: Path) -> None:
    html, _ = feedback(books.sample_book(), books.BOB, tmp_path)
    drawn = re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)
    assert drawn
    assert max(len(re.sub("<[^>]*>", "", line)) for each in drawn for line in each.split("\n")) <= MAX_COLUMNS


def test_points_are_shown_once_beside_the_title(tmp_path: Path) -> None:
    html, _ = feedback(books.sample_book(), books.ADA, tmp_path)
    assert Parsed(html).text.count("Top-k routing moe_router 4 of 4 points") == 1
    assert "Top-k routing: 4 of 4" not in Parsed(html).text


def test_every_failing_test_is_explained() -> None:
    failing = [
        books.case(f"test_{name}", Outcome.EXCEPTION, failure=Failure(f"The reason of {name}."))
        for name in ("one", "two", "three")
    ]
    screen = "\n".join(paint(line, 77, color=False) for line in exercise_screen(books.result(books.MOE, *failing)))
    assert [word for word in ("one", "two", "three") if f"The reason of {word}." in screen] == ["one", "two", "three"]


def test_shows_lateness_and_adjustments_with_reasons(tmp_path: Path) -> None:
    html, markdown = feedback(books.sample_book(), books.ADA, tmp_path)
    text = Parsed(html).text
    assert "Rotary positions 3 -0.3 2.7 3" in text
    assert "1 day late: 10 % of 3 points." in text
    assert "total 9.2 10" in text
    assert "| Rotary positions | 3 | -0.3 |  | 2.7 | 3 |" in markdown
    assert "| total |  |  |  | 9.2 | 10 |" in markdown
    assert "1 day late: 10 % of 3 points." in shown(markdown)[-1]


def test_a_quiz_shows_wrong_answers(tmp_path: Path) -> None:
    missed = replace(books.quiz(1.0, 0.5, 0.0), questions=books.quiz(1.0, 0.5, 0.0).questions[:2])
    html, _ = feedback(books.book(books.grade(books.ADA, books.QUIZ, missed)), books.ADA, tmp_path)
    text = Parsed(html).text
    assert "✓ question-1 Routing 1" in text
    assert "✗ question-2 Routing Your answer: 2 0.5" in text
    assert "1.5 of 2" in text


def test_says_that_nothing_was_handed_in(tmp_path: Path) -> None:
    html, markdown = feedback(books.sample_book(), books.EMPTY, tmp_path)
    assert Parsed(html).text.count("Nothing was handed in.") == 3
    assert len(shown(markdown)) == 3


def test_does_not_quote_faults_of_the_grader(tmp_path: Path) -> None:
    for student, sentence in ((books.OLENA, "not of your code"), (books.HANS, "which is not your fault")):
        for page in feedback(books.sample_book(), student, tmp_path):
            assert sentence in " ".join(page.split())
            assert "signal 9" not in page


def test_a_reused_result_does_not_name_the_other_student(tmp_path: Path) -> None:
    """A reused result may name the file of the student who handed in the same bytes first."""
    result = replace(books.syntax_error(), file="submissions/ada/rope.py")
    raised = Raised("SyntaxError", "bad", (books.frame("submissions/ada/rope.py", 3, "f(x"),))
    result = replace(result, exception=raised, output=Output("in submissions/ada/rope.py"))
    book = books.book(
        books.grade(books.ADA, books.MOE, books.passed(books.MOE)), books.grade(books.BOB, books.ROPE, result)
    )
    for page in feedback(book, books.BOB, tmp_path):
        assert "ada" not in page.lower()
        assert "rope.py:3" in page


def test_pages_of_a_class_name_one_student_each(tmp_path: Path) -> None:
    book = class_of(30)
    write_feedback(book, tmp_path)
    ids = [student.id for student in book.students]
    for student in book.students:
        for path in (tmp_path / "feedback" / folder_name(student.id)).iterdir():
            words = re.sub(r"sha256 \w+", "", path.read_text(encoding="utf-8"))
            assert [each for each in ids if re.search(rf"_{each}_|\b{each}\b", words)] in ([], [student.id])
            assert "submissions.zip" not in words


@pytest.mark.parametrize("student", [books.EVIL, books.EMOJI, books.HANS], ids=["evil", "emoji", "two lines"])
def test_hostile_text_is_only_text(student: Student, tmp_path: Path) -> None:
    html, markdown = feedback(books.sample_book(), student, tmp_path)
    parsed = Parsed(html)
    assert not {"script", "img", "link"} & set(parsed.tags)
    assert not re.search(r"https?:|@import|url\(", html)
    assert parsed.tags["h1"] == 1
    assert parsed.tags["h2"] == 3
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffe]", html + markdown)
    tokens = MarkdownIt("commonmark").parse(markdown)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2", "h2", "h2"]
    inline = [child.type for token in tokens for child in token.children or []]
    assert set(inline) <= {"text", "softbreak", "text_special"}
    assert not [token for token in tokens if token.type == "html_block"]


@pytest.mark.parametrize("words", ["```", "````\n# forged", "~~~", "  ```\n| a |", "`" * 40])
def test_output_cannot_end_its_code_block(words: str, tmp_path: Path) -> None:
    failing = books.case("test_values", Outcome.FAILED, 4.0, failure=Failure(words), output=Output(words))
    book = books.book(books.grade(books.ADA, books.MOE, books.result(books.MOE, failing)))
    _, markdown = feedback(book, books.ADA, tmp_path)
    assert len(shown(markdown)) == 3
    assert "forged" not in re.sub(r"(`{3,})text\n.*?\n\1\n", "", markdown, flags=re.DOTALL)


def test_the_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_feedback(class_of(4), tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_only_one_student_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """The next student's grades are read after the pages of the previous one were written."""
    book: Any = class_of(6)
    seen: list[int] = []

    class Watched:
        course, run, items, students = book.course, book.run, book.items, book.students
        graded, ignored = frozenset(each.id for each in students), ()
        work, given = book.work, book.given

        def grades(self) -> Any:
            before = None
            for grade in book.grades():
                if grade.student != before:
                    seen.append(len(list(tmp_path.glob("feedback/*/feedback.md"))))
                    before = grade.student
                yield grade

    write_feedback(Watched(), tmp_path)
    assert seen == [0, *range(len(seen) - 1)]


def test_an_unwritable_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file")
    with pytest.raises(UsageError, match="cannot be written"):
        write_feedback(books.sample_book(), tmp_path)
