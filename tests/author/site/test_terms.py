"""Tests of finding and marking terms of the glossary."""

import pytest

from grader.author.site.terms import TermFinder, TermMarker
from grader.course.glossary import Term

TERMS = TermFinder(
    [
        Term(term="token", definition="A <piece>.", lesson=1),
        Term(term="causal mask", also=("look-ahead mask",), definition="It hides.", lesson=1),
        Term(term="mixture of experts", also=("MoE",), uk="суміш експертів", definition="Many.", lesson=2),
        Term(term="expert", definition="One of many.", lesson=2),
    ]
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A token.", ["token"]),
        ("Tokens begin a sentence.", ["token"]),
        ("The tokeniser and detokened.", []),
        ("a causal\nmask", ["causal mask"]),
        ("a Look-ahead mask", ["causal mask"]),
        ("a mixture of experts", ["mixture of experts"]),
        ("the experts", ["expert"]),
        ("MoE, not moe", ["mixture of experts"]),
        ("per-token", []),
    ],
)
def test_finds_terms_by_their_names(text: str, names: list[str]) -> None:
    assert [term.term for _, _, term in TERMS.find(text)] == names


def test_finds_nothing_without_terms() -> None:
    assert list(TermFinder(()).find("a token")) == []


def test_defines_only_the_first_occurrence_of_each_term() -> None:
    definitions = TermMarker(TERMS, "lessons/1/part.html")
    first, second = definitions.mark("A token & more."), definitions.mark("Tokens < experts.")
    assert first.startswith('A <a class="term" href="../../glossary.html#term-token" aria-describedby="about-')
    assert "<b>token</b> A &lt;piece&gt;.</span> &amp; more." in first
    assert second.startswith("Tokens &lt; <a ")
    assert second.count("<a ") == 1
