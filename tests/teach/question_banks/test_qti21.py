"""QTI 2.1: valid, read back, and scored by its own response processing."""

from msgspec.structs import replace

from grader.quiz.model import Quiz
from grader.teach.question_banks import bank_of
from grader.teach.question_banks.qti21 import export
from tests.teach.question_banks.compare import Carried, compare
from tests.teach.question_banks.read_canvas import files_of
from tests.teach.question_banks.read_qti21 import read_qti21
from tests.teach.question_banks.valid import manifest_problems, qti21_problems


def test_everything_of_a_quiz_is_valid_and_read_back(quiz: Quiz) -> None:
    data = export(bank_of(quiz, "slug", 4, "seed")).data
    files = files_of(data)
    assert manifest_problems(files.pop("imsmanifest.xml")) == []
    assert {name: problems for name, text in files.items() if (problems := qti21_problems(text))} == {}
    compare(quiz, read_qti21(data), 4, Carried())


def test_the_schemas_refuse_what_is_wrong(every_type: Quiz) -> None:
    item = files_of(export(bank_of(every_type, "slug", 4, "seed")).data)["items/one-right.xml"]
    assert qti21_problems(item.replace(b' shuffle="true"', b""))
    assert qti21_problems(item.replace(b"<p>", b'<p style="color: red">'))
    assert qti21_problems(item.replace(b"q-one-right", b"1"))


def test_variants_are_a_section_that_selects_one(every_type: Quiz) -> None:
    entries = read_qti21(export(bank_of(every_type, "slug", 3, "seed")).data)
    assert {title: [read.name for read in reads] for title, reads in entries if title} == {
        "cache-bytes": ["cache-bytes.1", "cache-bytes.2", "cache-bytes.3"],
        "chosen-of-all": ["chosen-of-all.1", "chosen-of-all.2"],
    }


def test_a_numbered_list_that_cannot_begin_where_it_should_is_said(every_type: Quiz) -> None:
    question = replace(every_type.questions[0], explanation="So:\n\n3. third\n4. fourth")
    exported = export(bank_of(Quiz(title="t", questions=(question,)), "slug", 1, "seed"))
    assert any("numbered list" in loss.what and loss.questions == ("one-right",) for loss in exported.losses)
    assert qti21_problems(files_of(exported.data)["items/one-right.xml"]) == []


def test_what_is_not_carried_is_said_with_the_questions_and_stands_in_the_package(every_type: Quiz) -> None:
    exported = export(bank_of(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: loss.questions for loss in exported.losses} == {
        "What is said of one of sever": ("several-right",),
        "A number is typed without un": ("total-size", "cache-bytes", "chosen-of-all"),
        "An order is right as a whole": ("layer-order",),
        "A word counts as it is spelt": ("name-of-it",),
        "The level of a question (rec": (),
    }
    manifest = files_of(exported.data)["imsmanifest.xml"].decode()
    for loss in exported.losses:
        assert loss.what in manifest
