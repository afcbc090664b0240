"""Which words of a text are terms of the glossary."""

import pytest

from grader.author.site.terms import Definitions, Terms
from grader.course.glossary import Term

TERMS = Terms(
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
def test_terms_are_found_by_their_names(text: str, names: list[str]) -> None:
    assert [term.term for _, _, term in TERMS.found(text)] == names


def test_a_course_without_terms() -> None:
    assert list(Terms(()).found("a token")) == []


def test_only_the_first_of_each_has_its_definition() -> None:
    definitions = Definitions(TERMS, "lessons/1/part.html")
    first, second = definitions.mark("A token & more."), definitions.mark("Tokens < experts.")
    assert first.startswith('A <a class="term" href="../../glossary.html#term-token" aria-describedby="about-')
    assert "<b>token</b> A &lt;piece&gt;.</span> &amp; more." in first
    assert second.startswith("Tokens &lt; <a ")
    assert second.count("<a ") == 1
