"""Every link of a part to another website has an entry in lessons/references.yaml."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.lesson.references import Reference, citations, load_references, reference_problems, references_path
from tests import small_lesson
from tests.small_lesson import edited, line_of, part_of

REFERENCES = """\
- link: https://arxiv.org/abs/1706.03762
  authors: Vaswani, Shazeer, Parmar et al.
  year: 2017
  title: Attention Is All You Need
- {link: "https://example.org/watch?v=1", authors: Example, title: A film}
"""
PAPER = "https://arxiv.org/abs/1706.03762"
FILM = "https://example.org/watch?v=1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small_lesson.make(tmp_path)
    references_path(tmp_path).write_text(REFERENCES)
    return tmp_path


def test_loads_references_by_their_links(root: Path) -> None:
    assert load_references(root) == {
        PAPER: Reference(
            link=PAPER, authors="Vaswani, Shazeer, Parmar et al.", year=2017, title="Attention Is All You Need"
        ),
        FILM: Reference(link=FILM, authors="Example", year=None, title="A film"),
    }


def test_a_course_without_the_file_has_no_references(tmp_path: Path) -> None:
    assert load_references(tmp_path) == {}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (f"- {{link: '{PAPER}', authors: A, title: B}}", f"6: the link {PAPER} has an entry already, in line 1."),
        (
            "- {link: 'http://example.org', authors: A, title: B}",
            "6: the link http://example.org does not begin with https://.",
        ),
        (
            "- {link: 'https://example.org#top', authors: A, title: B}",
            "6: the link https://example.org#top has a fragment; remove # and what follows it.",
        ),
        ("- {link: 'https://example.org', authos: A, title: B}", "6: unknown key 'authos'. Did you mean 'authors'?"),
        ("- {link: 'https://example.org', authors: A}", "6: 'title' is missing."),
    ],
)
def test_an_error_in_the_file_names_its_line(root: Path, more: str, sentence: str) -> None:
    references_path(root).write_text(REFERENCES + more)
    with pytest.raises(UsageError) as error:
        load_references(root)
    assert str(error.value).endswith(f"references.yaml:{sentence}")


def test_citations_are_the_links_to_other_websites_in_order(root: Path) -> None:
    text = edited(f"[paper]({PAPER})", f"[film]({FILM}#t=3), [code](../glossary.yaml) and [paper]({PAPER}#section-3)")
    text = text.replace("because: It is the sum of all.", "because: As in [a book](https://example.org/book).")
    part, _ = part_of(text, root)
    line = line_of(text, "[film]")
    assert list(citations(part)) == [
        (line, FILM),
        (line, PAPER),
        (line_of(text, "```question"), "https://example.org/book"),
    ]


def test_a_link_without_an_entry_is_reported_once(root: Path) -> None:
    other = "https://example.org/other"
    text = edited(f"[paper]({PAPER})", f"[paper]({PAPER}#top) or [this]({other}#a) or [this]({other})")
    part, _ = part_of(text, root)
    (problem,) = reference_problems(part, load_references(root))
    assert (problem.line, problem.sentence) == (
        line_of(text, "[this]"),
        f"the link {other} has no entry; add one to lessons/references.yaml.",
    )
