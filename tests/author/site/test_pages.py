"""Tests of the pages of a site and the links between them."""

import re
from pathlib import Path

import pytest

from grader.author.site.model import SitePage
from grader.author.site.pages import Pages
from grader.base.errors import UsageError
from grader.course import load_course
from grader.course.model import Course
from tests.author.site.courses import INDEX
from tests.paths import copy_toolbox


def rename(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def pages(course: Course) -> dict[str, SitePage]:
    return {page.url: page for page in Pages(course).all()}


def test_builds_a_page_for_everything_in_a_course(course: Path) -> None:
    assert list(pages(load_course(course))) == [
        "index.html",
        "work.html",
        "opening.html",
        "lessons/01-tools/index.html",
        "lessons/01-tools/1-masks.html",
        "lessons/01-tools/2-more.html",
        "lessons/02-moving/index.html",
        "lessons/02-moving/1-figures.html",
        "exercises/index.html",
        "exercises/toolbox.html",
        "glossary.html",
        "notation.html",
        "docs/index.html",
        "docs/a.html",
        "docs/parts/b.html",
        "docs/changelog.html",
    ]


def test_builds_a_site_of_a_course_with_only_exercises(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    (root / "lessons").mkdir(exist_ok=True)
    for path in (root / "lessons").rglob("*.*"):
        path.unlink()
    found = pages(load_course(root))
    assert list(found) == ["index.html", "exercises/index.html", "exercises/toolbox.html"]
    assert "not written yet" in found["index.html"].body


def test_the_home_page_shows_minutes_of_reading_and_of_exercises(course: Path) -> None:
    body = pages(load_course(course))["index.html"].body
    assert "<dt>Time</dt><dd>3 minutes to read, 5 minutes for the exercises</dd>" in body
    assert "2 parts, 2 minutes to read; 1 exercise, 5 minutes</p>" in body


def test_the_home_page_shows_the_picture_that_the_course_names(course: Path) -> None:
    page = pages(load_course(course))["index.html"]
    assert page.body.count("<figure") == 1
    assert 'data-name="still-masks" data-moving="masks"' in page.body
    assert page.scripts == ("assets/moving.js", "assets/moving/masks.js")
    rename(course / "course.yaml", "still-masks", "still-life")
    with pytest.raises(UsageError, match=r"course.yaml:2: lesson 2 has no picture 'still-life'"):
        pages(load_course(course))


def test_the_home_page_of_a_course_that_does_not_describe_itself_has_a_description(tmp_path: Path) -> None:
    page = pages(load_course(copy_toolbox(tmp_path / "course")))["index.html"]
    assert page.description == f"{page.title}: lessons to read, and exercises that are tested on your machine."


def test_a_lesson_has_a_page_with_its_outcomes_parts_exercises_and_quiz(course: Path) -> None:
    page = pages(load_course(course))["lessons/01-tools/index.html"]
    assert (page.title, page.tab, page.description) == ("Tools & masks", "Lesson 1 Tools & masks", "Which tools.")
    assert [link.url for link in page.crumbs] == ["index.html"]
    assert "<li>Hold a &lt;tool&gt;.</li>" in page.body
    assert re.findall(r'<a .*?href="(.*?)"', page.body) == [
        "1-masks.html",  # Start
        "1-masks.html",
        "2-more.html",
        "../../exercises/toolbox.html",
        "https://arxiv.org/abs/1706.03762",
    ]
    assert "<code>grade quiz 1</code>" in page.body
    (course / "lessons/01-tools/quiz.yaml").unlink()
    assert "grade quiz" not in pages(load_course(course))["lessons/01-tools/index.html"].body


def test_parts_link_to_the_previous_and_the_next_one(course: Path) -> None:
    found = pages(load_course(course))
    url = "opening.html"
    seen: list[str] = []
    while True:
        page = found[url]
        assert (page.previous.url if page.previous else None) == (seen[-1] if seen else None)
        seen.append(url)
        if page.following is None:
            break
        url = page.following.url
    assert seen == [url for url, page in found.items() if page.kind in ("lesson", "overview")]


def test_shows_breadcrumbs_and_facts_around_titles(course: Path) -> None:
    found = pages(load_course(course))
    part = found["lessons/01-tools/1-masks.html"]
    assert part.title == "Masks from T = 3 tokens"
    assert part.above == "Lesson 1, Tools & masks: part 1 of 2"
    assert [link.title for link in part.crumbs] == ["Lessons", "1 Tools & masks"]


def test_the_readmes_section_for_students_becomes_a_page(course: Path) -> None:
    page = pages(load_course(course))["work.html"]
    assert "grade exercise toolbox" in page.body
    assert "Nothing." not in page.body


def test_documents_of_a_subfolder_keep_their_folder(course: Path) -> None:
    found = pages(load_course(course))
    body = found["docs/parts/b.html"].body
    for href in ("../a.html#below", "more/inner.json", "../../lessons/01-tools/1-masks.html"):
        assert f'<a href="{href}"' in body
    assert "Back to the documents" in body  # there is no index.md
    assert '<a href="parts/b.html#c">' in found["docs/a.html"].body


def test_documents_are_listed_by_folder(course: Path) -> None:
    page = pages(load_course(course))["docs/index.html"]
    assert re.findall("<h2>.*</h2>|<a .*</a>", page.body) == [
        '<a href="a.html">A document</a>',
        '<a href="changelog.html">Changes</a>',
        "<h2>Parts</h2>",
        '<a href="parts/b.html">Another document</a>',
    ]


def test_an_index_of_documents_replaces_the_list(course: Path) -> None:
    (course / "docs/index.md").write_text(INDEX, "utf-8")
    (course / "CONTRIBUTING.md").write_text("# Contributing\n", "utf-8")
    found = pages(load_course(course))
    page = found["docs/index.html"]
    assert (page.title, page.kind) == ("The documents", "document")
    assert [link.url for link in page.crumbs] == ["index.html"]
    for href in ("a.html", "parts/b.html", "contributing.html"):
        assert f'<a href="{href}">' in page.body
    assert 'Back to <a href="../index.html">the documents</a>' in found["docs/parts/b.html"].body
    assert [page.url for page in Pages(load_course(course)).all()].count("docs/index.html") == 1


def test_converts_letters_of_the_notation_to_mathml(course: Path) -> None:
    assert pages(load_course(course))["notation.html"].body.count("<math") == 2
    path = course / "lessons/notation.yaml"
    path.write_text(path.read_text("utf-8").replace(r"\Delta", r"\Dleta"), "utf-8")
    with pytest.raises(UsageError, match=r"notation.yaml:3: the letter \\Dleta cannot be typeset"):
        pages(load_course(course))


def test_parts_and_lessons_end_with_what_they_cite(course: Path) -> None:
    found = pages(load_course(course))
    entry = 'Vaswani et al. (2017). <a href="https://arxiv.org/abs/1706.03762">Attention &amp; all</a>'
    permalink = '<a class="permalink" href="#references" aria-label="Link to this section"></a>'
    for url, link in (("lessons/01-tools/1-masks.html", permalink), ("lessons/01-tools/index.html", "")):
        heading = f'<h2 id="references">References{link}</h2>'
        assert f'{heading}\n<ul class="references">\n<li>{entry}</li>\n</ul>' in found[url].body
        assert "Not cited" not in found[url].body
    assert found["lessons/01-tools/1-masks.html"].headings[-1].text == "References"
    for url in ("lessons/01-tools/2-more.html", "lessons/02-moving/index.html"):
        assert "References" not in found[url].body


def test_figures_have_numbers_and_addresses(course: Path) -> None:
    body = pages(load_course(course))["lessons/01-tools/1-masks.html"].body
    assert re.findall('<figure class="picture" id="(.*?)"', body) == ["figure-1.1", "figure-1.2"]
    assert '<figcaption><a class="number" href="#figure-1.2">Figure 1.2</a> Three tokens.</figcaption>' in body
