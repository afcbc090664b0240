"""Write annotations, summary and outputs of a GitHub job, with hostile text escaped."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from grader.base.text import clean_line
from grader.teach.formats import write
from grader.teach.formats.github import MAX_ANNOTATIONS, annotation_commands, escape_markdown, format_summary
from grader.teach.handins.handin import Student
from tests.teach.formats.books import ADA, BOB, EVIL, HANS, HOSTILE, ITEMS, MOE, ROPE, book, grade, passed, sample_book

COMMAND = re.compile(r"::error (?P<properties>[^\n]*?)::(?P<data>.*)")


def unescaped(text: str) -> str:
    for code, char in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(code, char)
    return text


def test_annotations_cannot_be_forged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write("github", book(*[each for each in sample_book().all_grades if each.student is EVIL]), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # one for each failing test, and nothing that the student added
    found = COMMAND.fullmatch(lines[0])
    assert found is not None
    properties = dict(each.split("=", 1) for each in found["properties"].split(","))
    assert set(properties) == {"file", "title"}
    assert unescaped(properties["title"]) == f"{clean_line(HOSTILE)}: moe_router, values"
    assert unescaped(found["data"]) == clean_line(" ".join(HOSTILE.split()))
    assert "%0A" not in lines[0]  # "%0A" in the student's words is %250A


def test_annotates_the_worst_failures_and_counts_the_others() -> None:
    lines = annotation_commands(sample_book())
    assert len(lines) == MAX_ANNOTATIONS + 1
    assert [line.count("The grader is at fault.") for line in lines[:3]] == [1, 1, 0]
    assert "file=submissions/42/moe_router.py,line=7,title=" in "".join(lines)
    assert lines[-1] == "::error title=archgrade::and 3 more; the summary has every student"
    assert annotation_commands(book(grade(ADA, MOE, passed(MOE)))) == []


@pytest.mark.parametrize(
    "text", [HOSTILE, "a|b", "`x`", "</table>", "[x](http://x)", "![x](y)", "*a* _b_ ~c~ #d &lt; \\"]
)
def test_hostile_markdown_is_only_text(text: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(f"| a |\n|---|\n| {escape_markdown(text)} |\n")
    cells = re.findall(r"<td>(.*?)</td>", html, re.DOTALL)
    unquoted = cells[0].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert unquoted == clean_line(text)
    assert len(cells) == 1
    assert "<" not in cells[0]


def test_appends_the_summary_and_sets_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, output = tmp_path / "summary", tmp_path / "output"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    of = book(grade(ADA, MOE, passed(MOE)), grade(ADA, ROPE, passed(ROPE), late=-0.3))
    (path,) = write("github", of, tmp_path / "out")
    assert target.read_text() == "before\n" + path.read_text()
    assert "| Ada Lovelace | 4 | – | 2.7 | 6.7 |" in path.read_text()
    assert output.read_text() == "score=6.7\nmax-score=10\n"


def test_the_mean_ignores_students_without_a_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    unknown = grade(BOB, MOE, None, error="The judge ended.")
    write("github", book(grade(ADA, ROPE, passed(ROPE)), unknown, students=[HANS]), tmp_path / "out")
    write("github", book(unknown), tmp_path / "out")
    assert output.read_text() == "score=3\nmax-score=10\nscore=\nmax-score=10\n"


def test_the_summary_stays_below_the_limit_of_github() -> None:
    students = [Student(id=str(number), name=f"{number} " + "x" * 1000) for number in range(1500)]
    of = book(students=students, items=ITEMS)
    text = format_summary(of, 1024 * 1024)
    assert 900_000 < len(text.encode()) <= 1024 * 1024
    rows = text.count("\n| ") - 2  # without the header rows
    assert f"{1500 - rows} more students are left out" in text
    assert format_summary(of, 10) == ""
