"""Terms are bold at their first use, and little else is."""

import pytest

from grader.course.glossary import Term
from grader.course.lesson.model import Part, Predict, Prose
from grader.course.lesson.terms import TermIndex, bold_problems, first_uses, term_problems

TERMS = (
    Term(term="causal mask", also=("look-ahead mask",), lesson=1, definition="x"),
    Term(term="mask", lesson=1, definition="x"),
    Term(term="logits", lesson=1, definition="x"),
    Term(term="mixture of experts", also=("MoE",), lesson=3, definition="x"),
)
NAMES = TermIndex(TERMS)


def part(text: str, number: int = 1) -> Part:
    return Part(lesson=1, number=number, slug="x", title="x", path=f"{number}.md", blocks=(Prose(line=5, text=text),))


def told(*texts: str) -> list[tuple[str, int, str]]:
    """Return path, line and term of all problems of parts with these texts, if lesson 1 explains its terms."""
    parts = [part(text, number) for number, text in enumerate(texts, start=1)]
    uses = first_uses(parts, NAMES)
    found = [problem for each in parts for problem in term_problems(each, uses, {1})]
    return [(each.path, each.line, each.sentence.split("'")[1]) for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "A **causal mask** hides.",
        "A **causal\nmask** hides.",
        "**Causal masks** hide.",
        "A **look ahead mask** hides.",
        "# The mask\n\nA **mask** hides.",
        "`mask` and $\\text{mask}$ are no words of the text, and an un-mask is another word, as is masking.",
        "A mixture of experts is of a lesson that is not written yet.",
        "A **mask** hides. The mask hides.",
    ],
)
def test_bold_terms_are_no_problems(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("texts", "where"),
    [
        (["A mask hides. A **mask** hides."], ("1.md", 5, "mask")),
        (["One\ntwo\n\nthree *masks*."], ("1.md", 8, "mask")),
        (["A look-ahead mask hides."], ("1.md", 5, "causal mask")),
        (["The MASK.", "A **mask** hides."], ("1.md", 5, "mask")),
        (["Nothing.", "- an item\n- of a mask"], ("2.md", 6, "mask")),
        (["| a | b |\n|---|---|\n| c | mask |"], ("1.md", 7, "mask")),
        (["::: x\n\n> the logits"], ("1.md", 7, "logits")),
    ],
)
def test_a_term_that_is_not_bold_at_its_first_use_is_a_problem(texts: list[str], where: tuple[str, int, str]) -> None:
    assert told(*texts) == [where]


def test_a_term_inside_a_longer_one_is_skipped() -> None:
    assert told("A **causal mask** hides. Then: a **mask** may hide other things.") == []


def test_a_question_counts_as_a_use_of_a_term() -> None:
    question = Predict(line=9, id="a", ask="Whose mask is it?", answer="mine", because="so")
    asking = Part(lesson=1, number=1, slug="x", title="x", path="1.md", blocks=(question,))
    (problem,) = term_problems(asking, first_uses([asking], NAMES), {1})
    assert problem.line == 9


def test_bold_words_must_be_terms_or_begin_an_item() -> None:
    items = "- **Item**: text\n- text **stress**\n\n| **cell** |\n|---|\n| **x** |"
    text = f"**Masks** and\n**more**.\n\n{items}\n\n## A **b**"
    found = [(each.line, each.sentence.split("'")[1]) for each in bold_problems(part(text), NAMES)]
    assert found == [(6, "more"), (9, "stress")]
