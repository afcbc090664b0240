"""Export as QTI 1.2 for Canvas: files are valid, complete, and use Canvas's extensions."""

from xml.etree import ElementTree

from grader.quiz.model import Quiz
from grader.teach.question_banks import build_bank
from grader.teach.question_banks.canvas import export
from tests.teach.question_banks.compare import Carried, compare
from tests.teach.question_banks.read_canvas import QTI, files_of, read_canvas
from tests.teach.question_banks.valid import manifest_problems, qti12_problems


def test_exports_are_valid_and_complete(quiz: Quiz) -> None:
    data = export(build_bank(quiz, "slug", 4, "seed")).data
    files = files_of(data)
    assert manifest_problems(files.pop("imsmanifest.xml")) == []
    (meta,) = (name for name in files if name.endswith("assessment_meta.xml"))
    del files[meta]  # an extension of Canvas
    assert {name: problems for name, text in files.items() if (problems := qti12_problems(text))} == {}
    compare(quiz, read_canvas(data), 4, Carried(wrong=False, order=False, shuffled=False))


def test_schemas_reject_invalid_files(every_type: Quiz) -> None:
    files = files_of(export(build_bank(every_type, "slug", 4, "seed")).data)
    manifest = files["imsmanifest.xml"]
    (quiz,) = (text for text in files.values() if b"<assessment " in text)
    assert manifest_problems(manifest.replace(b"<resources>", b"<resource>").replace(b"</resources>", b"</resource>"))
    assert "ident" in qti12_problems(quiz.replace(b' ident="root_section"', b""))[0]
    assert "respconditon" in qti12_problems(quiz.replace(b"respcondition", b"respconditon"))[0]


def test_variants_of_a_question_are_a_bank_that_the_quiz_draws_one_from(every_type: Quiz) -> None:
    entries = read_canvas(export(build_bank(every_type, "slug", 3, "seed")).data)
    banks = {title: [read.name for read in reads] for title, reads in entries if title}
    assert banks == {
        "Every type of question: cache-bytes": ["cache-bytes.1", "cache-bytes.2", "cache-bytes.3"],
        "Every type of question: chosen-of-all": ["chosen-of-all.1", "chosen-of-all.2"],
    }


def test_questions_have_types_of_canvas(every_type: Quiz) -> None:
    types = {}
    for data in files_of(export(build_bank(every_type, "slug", 1, "seed")).data).values():
        for item in ElementTree.fromstring(data).iter(f"{QTI}item"):
            fields = {field[0].text: field[1].text for field in item.iter(f"{QTI}qtimetadatafield")}
            types[item.get("title")] = fields["question_type"]
    assert types == {
        "one-right": "multiple_choice_question",
        "several-right": "multiple_answers_question",
        "total-size": "numerical_question",
        "cache-bytes": "numerical_question",
        "chosen-of-all": "numerical_question",
        "layer-order": "matching_question",
        "heads-and-names": "matching_question",
        "name-of-it": "short_answer_question",
        "wrong-line": "multiple_choice_question",
    }


def test_the_quiz_is_unpublished_and_worth_a_point_per_question(every_type: Quiz) -> None:
    files = files_of(export(build_bank(every_type, "slug", 3, "seed")).data)
    (meta,) = (ElementTree.fromstring(text) for name, text in files.items() if name.endswith("assessment_meta.xml"))
    settings = {element.tag.partition("}")[2]: element.text for element in meta}
    assert (settings["title"], settings["points_possible"]) == ("Every type of question", "9.0")
    assert (settings["available"], settings["shuffle_answers"]) == ("false", "false")


def test_losses_name_their_questions_and_are_listed_in_the_manifest(every_type: Quiz) -> None:
    exported = export(build_bank(every_type, "slug", 3, "seed"))
    assert {loss.what[:28]: set(loss.questions) for loss in exported.losses} == {
        "A question with several righ": {"several-right"},
        "Feedback on one of several o": {"several-right"},
        "A number must be typed witho": {"total-size", "cache-bytes", "chosen-of-all"},
        "Feedback on a typical wrong ": {"total-size", "cache-bytes", "name-of-it"},
        "An ordering becomes a matchi": {"layer-order"},
        "Text must be spelled exactly": {"name-of-it"},
        "The level of a question (rec": set(),
        "Options are in a drawn order": set(),
    }
    manifest = files_of(exported.data)["imsmanifest.xml"].decode()
    for loss in exported.losses:
        assert loss.what in manifest


def test_identifiers_depend_only_on_quiz_and_seed(every_type: Quiz) -> None:
    first, again = (export(build_bank(every_type, "slug", 3, "seed")).data for _ in range(2))
    assert first == again
    assert export(build_bank(every_type, "slug", 3, "other")).data != first
