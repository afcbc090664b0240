"""Moodle XML: valid, and read back by Moodle's rules."""

from xml.etree import ElementTree

import pytest

from grader.quiz.model import Quiz
from grader.teach.question_banks import bank_of
from grader.teach.question_banks.model import Choice, Option
from grader.teach.question_banks.moodle import export, fraction, literal
from tests.teach.question_banks.compare import Carried, compare, entries
from tests.teach.question_banks.read_moodle import FRACTIONS, read_moodle
from tests.teach.question_banks.valid import moodle_problems


def test_everything_of_a_quiz_is_valid_and_read_back(quiz: Quiz) -> None:
    data = export(bank_of(quiz, "slug", 4, "seed")).data
    assert moodle_problems(data) == []
    compare(quiz, entries(read_moodle(data)), 4, Carried(pairs=False, units=True))


def test_the_schema_refuses_what_is_wrong(every_type: Quiz) -> None:
    data = export(bank_of(every_type, "slug", 4, "seed")).data
    assert moodle_problems(data.replace(b"<single>true</single>", b""))
    assert moodle_problems(data.replace(b'type="numerical"', b'type="number"'))


def test_variants_are_a_category_within_that_of_the_quiz(every_type: Quiz) -> None:
    categories = read_moodle(export(bank_of(every_type, "slug", 3, "seed")).data)
    assert {name: len(reads) for name, reads in categories} == {
        "$course$/top/Every type of question": 7,
        "$course$/top/Every type of question/cache-bytes": 3,
        "$course$/top/Every type of question/chosen-of-all": 2,
    }


def test_a_slash_in_a_title_is_no_category_of_its_own(hard: Quiz) -> None:
    (top, _), *_ = read_moodle(export(bank_of(hard, "slug", 1, "seed")).data)
    assert top == "$course$/top/A//B & <C>: 100 % {hard} ~ to = write # it"


def test_level_and_section_are_tags(every_type: Quiz) -> None:
    (_, reads), *_ = read_moodle(export(bank_of(every_type, "slug", 1, "seed")).data)
    assert reads[0].tags == ["recall", "Routing"]


@pytest.mark.parametrize("right", range(1, 6))
def test_several_options_are_scored_as_in_the_course(right: int) -> None:
    """Shares of the right ones that Moodle knows, and the same taken away for a wrong one: they are never below 0."""
    options = tuple(Option(html="", correct=place < right, feedback=None, fixed=False) for place in range(6))
    choice = Choice(options=options, several=True)
    assert float(fraction(choice, correct=True)) in FRACTIONS
    assert float(fraction(choice, correct=True)) == pytest.approx(100 / right, abs=1e-5)
    assert float(fraction(choice, correct=False)) == -float(fraction(choice, correct=True))


def test_an_asterisk_is_one_and_not_anything() -> None:
    assert literal("a*b") == "a\\*b"


def test_what_is_not_carried_is_said_with_the_questions_and_stands_at_the_head(every_type: Quiz) -> None:
    exported = export(bank_of(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: loss.questions for loss in exported.losses} == {
        "What is said of one of sever": ("several-right",),
        "A number is typed with its u": ("total-size", "cache-bytes", "chosen-of-all"),
        "An order is of the type 'ord": ("layer-order",),
        "What is said of a single pai": ("heads-and-names",),
        "A word counts as it is spelt": ("name-of-it",),
        "Time, attempts and points of": (),
    }
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    (head, *_) = ElementTree.fromstring(exported.data, parser)
    for loss in exported.losses:
        assert loss.what in (head.text or "")
