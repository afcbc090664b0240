"""Export as Moodle XML: files are valid and have everything when they are read by Moodle's rules."""

from xml.etree import ElementTree

import pytest

from grader.quiz.model import Quiz
from grader.teach.question_banks import build_bank
from grader.teach.question_banks.model import Choice, ChoiceOption
from grader.teach.question_banks.moodle import export, fraction, literal
from tests.teach.question_banks.compare import Carried, compare, entries
from tests.teach.question_banks.read_moodle import FRACTIONS, read_moodle
from tests.teach.question_banks.valid import moodle_problems


def test_exports_are_valid_and_complete(quiz: Quiz) -> None:
    data = export(build_bank(quiz, "slug", 4, "seed")).data
    assert moodle_problems(data) == []
    compare(quiz, entries(read_moodle(data)), 4, Carried(pairs=False, units=True))


def test_schema_rejects_invalid_files(every_type: Quiz) -> None:
    data = export(build_bank(every_type, "slug", 4, "seed")).data
    assert moodle_problems(data.replace(b"<single>true</single>", b""))
    assert moodle_problems(data.replace(b'type="numerical"', b'type="number"'))


def test_variants_of_a_question_are_a_subcategory(every_type: Quiz) -> None:
    categories = read_moodle(export(build_bank(every_type, "slug", 3, "seed")).data)
    assert {name: len(reads) for name, reads in categories} == {
        "$course$/top/Every type of question": 7,
        "$course$/top/Every type of question/cache-bytes": 3,
        "$course$/top/Every type of question/chosen-of-all": 2,
    }


def test_a_slash_in_a_title_does_not_start_a_subcategory(hard: Quiz) -> None:
    (top, _), *_ = read_moodle(export(build_bank(hard, "slug", 1, "seed")).data)
    assert top == "$course$/top/A//B & <C>: 100 % {hard} ~ to = write # it"


def test_level_and_section_become_tags(every_type: Quiz) -> None:
    (_, reads), *_ = read_moodle(export(build_bank(every_type, "slug", 1, "seed")).data)
    assert reads[0].tags == ["recall", "Routing"]


@pytest.mark.parametrize("right", range(1, 6))
def test_weights_of_several_options_score_as_in_the_course(right: int) -> None:
    """Each right option is worth an equal share that Moodle accepts, and a wrong one costs as much."""
    options = tuple(ChoiceOption(html="", correct=place < right, feedback=None, fixed=False) for place in range(6))
    choice = Choice(options=options, several=True)
    assert float(fraction(choice, correct=True)) in FRACTIONS
    assert float(fraction(choice, correct=True)) == pytest.approx(100 / right, abs=1e-5)
    assert float(fraction(choice, correct=False)) == -float(fraction(choice, correct=True))


def test_asterisks_in_answers_are_escaped() -> None:
    assert literal("a*b") == "a\\*b"


def test_losses_name_their_questions_and_are_listed_at_the_beginning(every_type: Quiz) -> None:
    exported = export(build_bank(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: loss.questions for loss in exported.losses} == {
        "Feedback on one of several o": ("several-right",),
        "A number can be typed with o": ("total-size", "cache-bytes", "chosen-of-all"),
        "An ordering has the type 'or": ("layer-order",),
        "Feedback on a single pair is": ("heads-and-names",),
        "Text must be spelled exactly": ("name-of-it",),
        "Time, attempts and points of": (),
    }
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    (head, *_) = ElementTree.fromstring(exported.data, parser)
    for loss in exported.losses:
        assert loss.what in (head.text or "")
