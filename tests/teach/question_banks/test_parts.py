"""What several formats need."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from grader.teach.question_banks.model import Loss, Ordering, Value
from grader.teach.question_banks.parts import as_matching, bounds, decimal, document, margin


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (46702792704, "46702792704"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-14, "0.00000000000001"),
        (2.5e22, "25" + "0" * 21),
    ],
)
def test_a_number_is_written_without_an_exponent(number: float, wanted: str) -> None:
    assert decimal(number) == wanted
    assert float(wanted) == number


def test_margins_are_not_lost_beside_a_large_number() -> None:
    value = Value(number=46702792704123, margin=0.5)
    assert bounds(value) == ("46702792704122.5", "46702792704123.5")
    assert margin(Value(number=1, margin=0.1 + 0.2)) == "0.3"


def test_an_order_becomes_items_with_their_places() -> None:
    matching = as_matching(Ordering(items=("a", "b", "c"), shown=(2, 0, 1)))
    assert [(pair.html, matching.rights[pair.right]) for pair in matching.pairs] == [("c", "3"), ("a", "1"), ("b", "2")]


def test_a_comment_holds_what_would_end_it() -> None:
    data = document(Element("a"), [Loss("b --> c", ("d",))])
    assert ElementTree.fromstring(data).tag == "a"
    assert b"b - -> c (d)." in data
