"""Export as GIFT: files have everything when they are read back."""

from grader.quiz.model import Quiz
from grader.teach.question_banks import build_bank
from grader.teach.question_banks.gift import export
from tests.teach.question_banks.compare import Carried, compare, entries
from tests.teach.question_banks.read_gift import read_gift


def test_exports_are_complete(quiz: Quiz) -> None:
    found = read_gift(export(build_bank(quiz, "slug", 4, "seed")).data)
    compare(quiz, entries(found), 4, Carried(pairs=False, order=False, shuffled=False, arrows=False))


def test_variants_of_a_question_are_a_subcategory(every_type: Quiz) -> None:
    categories = read_gift(export(build_bank(every_type, "slug", 3, "seed")).data)
    assert {name: len(reads) for name, reads in categories} == {
        "$course$/top/Every type of question": 7,
        "$course$/top/Every type of question/cache-bytes": 3,
        "$course$/top/Every type of question/chosen-of-all": 2,
    }


def test_level_and_section_become_tags(every_type: Quiz) -> None:
    (_, reads), *_ = read_gift(export(build_bank(every_type, "slug", 1, "seed")).data)
    assert reads[0].tags == ["recall", "Routing"]


def test_no_question_contains_an_empty_line(hard: Quiz) -> None:
    text = export(build_bank(hard, "slug", 1, "seed")).data.decode()
    blocks = text.split("\n\n")
    assert all(block.count("::[html]") == 1 for block in blocks[2:] if block.strip())


def test_texts_with_an_arrow_are_left_out_and_reported(hard: Quiz) -> None:
    exported = export(build_bank(hard, "slug", 1, "seed"))
    (loss,) = (loss for loss in exported.losses if "->" in loss.what)
    assert loss.questions == ("words-and-stars", "only-arrows")
    assert b"::only-arrows::" not in exported.data


def test_losses_name_their_questions_and_are_listed_at_the_beginning(every_type: Quiz) -> None:
    exported = export(build_bank(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: loss.questions for loss in exported.losses} == {
        "Options are shuffled as the ": ("one-right", "wrong-line"),
        "Feedback on one of several o": ("several-right",),
        "A number must be typed witho": ("total-size", "cache-bytes", "chosen-of-all"),
        "An ordering becomes a matchi": ("layer-order",),
        "Feedback on a single pair is": ("heads-and-names",),
        "Text must be spelled exactly": ("name-of-it",),
        "Time, attempts and points of": (),
    }
    head = exported.data.decode().partition("\n\n")[0]
    for loss in exported.losses:
        assert f"// - {loss.what}" in head
