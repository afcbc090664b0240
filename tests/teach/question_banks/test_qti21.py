"""Export as QTI 2.1: files are valid, complete, and scored by their own response processing."""

from msgspec.structs import replace

from grader.quiz.model import Quiz
from grader.teach.question_banks import build_bank
from grader.teach.question_banks.qti21 import export
from tests.teach.question_banks.compare import Carried, compare
from tests.teach.question_banks.read_canvas import files_of
from tests.teach.question_banks.read_qti21 import read_qti21
from tests.teach.question_banks.valid import manifest_problems, qti21_problems


def test_exports_are_valid_and_complete(quiz: Quiz) -> None:
    data = export(build_bank(quiz, "slug", 4, "seed")).data
    files = files_of(data)
    assert manifest_problems(files.pop("imsmanifest.xml")) == []
    assert {name: problems for name, text in files.items() if (problems := qti21_problems(text))} == {}
    compare(quiz, read_qti21(data), 4, Carried())


def test_schemas_reject_invalid_files(every_type: Quiz) -> None:
    item = files_of(export(build_bank(every_type, "slug", 4, "seed")).data)["items/one-right.xml"]
    assert qti21_problems(item.replace(b' shuffle="true"', b""))
    assert qti21_problems(item.replace(b"<p>", b'<p style="color: red">'))
    assert qti21_problems(item.replace(b"q-one-right", b"1"))


def test_variants_of_a_question_are_a_section_that_selects_one(every_type: Quiz) -> None:
    entries = read_qti21(export(build_bank(every_type, "slug", 3, "seed")).data)
    assert {title: [read.name for read in reads] for title, reads in entries if title} == {
        "cache-bytes": ["cache-bytes.1", "cache-bytes.2", "cache-bytes.3"],
        "chosen-of-all": ["chosen-of-all.1", "chosen-of-all.2"],
    }


def test_lists_that_do_not_begin_at_1_are_reported(every_type: Quiz) -> None:
    question = replace(every_type.questions[0], explanation="So:\n\n3. third\n4. fourth")
    exported = export(build_bank(Quiz(title="t", questions=(question,)), "slug", 1, "seed"))
    assert any("numbered list" in loss.what and loss.questions == ("one-right",) for loss in exported.losses)
    assert qti21_problems(files_of(exported.data)["items/one-right.xml"]) == []


def test_losses_name_their_questions_and_are_listed_in_the_manifest(every_type: Quiz) -> None:
    exported = export(build_bank(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: loss.questions for loss in exported.losses} == {
        "Feedback on one of several o": ("several-right",),
        "A number must be typed witho": ("total-size", "cache-bytes", "chosen-of-all"),
        "An ordering is right as a wh": ("layer-order",),
        "Text must be spelled exactly": ("name-of-it",),
        "The level of a question (rec": (),
    }
    manifest = files_of(exported.data)["imsmanifest.xml"].decode()
    for loss in exported.losses:
        assert loss.what in manifest
