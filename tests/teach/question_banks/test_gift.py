"""GIFT, read back."""

from grader.quiz.model import Quiz
from grader.teach.question_banks import bank_of
from grader.teach.question_banks.gift import export
from tests.teach.question_banks.compare import Carried, compare, entries
from tests.teach.question_banks.read_gift import read_gift


def test_everything_of_a_quiz_is_read_back(quiz: Quiz) -> None:
    found = read_gift(export(bank_of(quiz, "slug", 4, "seed")).data)
    compare(quiz, entries(found), 4, Carried(pairs=False, order=False, shuffled=False, arrows=False))


def test_variants_are_a_category_within_that_of_the_quiz(every_type: Quiz) -> None:
    categories = read_gift(export(bank_of(every_type, "slug", 3, "seed")).data)
    assert {name: len(reads) for name, reads in categories} == {
        "$course$/top/Every type of question": 7,
        "$course$/top/Every type of question/cache-bytes": 3,
        "$course$/top/Every type of question/chosen-of-all": 2,
    }


def test_level_and_section_are_tags(every_type: Quiz) -> None:
    (_, reads), *_ = read_gift(export(bank_of(every_type, "slug", 1, "seed")).data)
    assert reads[0].tags == ["recall", "Routing"]


def test_a_question_has_no_empty_line_since_that_would_end_it(hard: Quiz) -> None:
    text = export(bank_of(hard, "slug", 1, "seed")).data.decode()
    blocks = text.split("\n\n")
    assert all(block.count("::[html]") == 1 for block in blocks[2:] if block.strip())


def test_a_word_with_an_arrow_is_left_out_and_said(hard: Quiz) -> None:
    exported = export(bank_of(hard, "slug", 1, "seed"))
    (loss,) = (loss for loss in exported.losses if "->" in loss.what)
    assert loss.questions == ("words-and-stars", "only-arrows")
    assert b"::only-arrows::" not in exported.data


def test_what_is_not_carried_is_said_with_the_questions_and_stands_at_the_head(every_type: Quiz) -> None:
    exported = export(bank_of(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: loss.questions for loss in exported.losses} == {
        "Options are shuffled as the ": ("one-right", "wrong-line"),
        "What is said of one of sever": ("several-right",),
        "A number is typed without un": ("total-size", "cache-bytes", "chosen-of-all"),
        "An order becomes a matching ": ("layer-order",),
        "What is said of a single pai": ("heads-and-names",),
        "A word counts as it is spelt": ("name-of-it",),
        "Time, attempts and points of": (),
    }
    head = exported.data.decode().partition("\n\n")[0]
    for loss in exported.losses:
        assert f"// - {loss.what}" in head
