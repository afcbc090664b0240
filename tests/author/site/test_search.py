"""Tests of the search index."""

import json

from grader.author.site.model import SitePage
from grader.author.site.search import index

BODY = """
<p>Before <a class="term">a</a><span class="definition" role="tooltip" id="t"><b>a</b> secret<br>word</span>
heading.</p>
<h2 id="one">One <code>x</code></h2>
<p>First</p><p>second &amp; third. <math alttext="z &lt; 2"><mi>z</mi></math></p>
<h3 id="two">Two</h3>
<table><tr><td>a</td><td>b</td></tr></table>
<h2 id="cited">References</h2>
<ul><li>Nobody. Nothing</li></ul>
"""


def page(kind: str) -> SitePage:
    return SitePage(url="docs/a.html", title="A", kind=kind, body=BODY)


def test_splits_a_page_into_sections_by_headings() -> None:
    script = index([page("document")])
    assert script.startswith("var siteSections = [")
    assert json.loads(script.removeprefix("var siteSections = ").removesuffix(";\n")) == [
        ["docs/a.html", "A", "", "document", "Before a heading."],
        ["docs/a.html#one", "A", "One x", "document", "First second & third. z < 2"],
        ["docs/a.html#two", "A", "Two", "document", "a b"],
    ]


def test_the_first_section_of_an_exercise_has_its_name() -> None:
    exercise = SitePage(url="exercises/rope.html", title="Turned", kind="exercise", body="<p>Turn.</p>", above="rope")
    assert '["exercises/rope.html","Turned","rope","exercise","Turn."]' in index([exercise])


def test_skips_lists_of_pages() -> None:
    assert index([page("home"), page("list")]) == "var siteSections = [];\n"
