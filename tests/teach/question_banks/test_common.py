"""Conversions, numbers and XML that several formats share."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from grader.teach.question_banks.common import as_matching, bounds, decimal, margin, xml_file
from grader.teach.question_banks.model import Loss, NumberAnswer, Ordering


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (46702792704, "46702792704"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-14, "0.00000000000001"),
        (2.5e22, "25" + "0" * 21),
    ],
)
def test_numbers_are_formatted_without_an_exponent(number: float, wanted: str) -> None:
    assert decimal(number) == wanted
    assert float(wanted) == number


def test_bounds_of_a_large_number_are_exact() -> None:
    answer = NumberAnswer(number=46702792704123, margin=0.5)
    assert bounds(answer) == ("46702792704122.5", "46702792704123.5")
    assert margin(NumberAnswer(number=1, margin=0.1 + 0.2)) == "0.3"


def test_an_ordering_becomes_a_matching_of_items_and_places() -> None:
    matching = as_matching(Ordering(items=("a", "b", "c"), shown=(2, 0, 1)))
    assert [(pair.html, matching.rights[pair.right]) for pair in matching.pairs] == [("c", "3"), ("a", "1"), ("b", "2")]


def test_losses_with_double_hyphens_do_not_end_the_comment() -> None:
    data = xml_file(Element("a"), [Loss("b --> c", ("d",))])
    assert ElementTree.fromstring(data).tag == "a"
    assert b"b - -> c (d)." in data
