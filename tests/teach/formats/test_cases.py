"""Test cases of grades in formats for autograders: faults of the grader and names of files."""

from pathlib import Path

import pytest

from grader.base.result import Failure, Outcome, Samples
from grader.teach.formats import write
from grader.teach.formats.names import folder_name
from grader.teach.handins.handin import Student
from tests.teach.formats.books import ADA, MOE, book, case, frame, grade, result, sample_book
from tests.teach.formats.written import student_file


def test_a_fault_of_the_grader_is_not_a_wrong_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    olena = Student(id="Олена Ковальчук")
    for name in ("gradescope", "classroom50", "prairielearn"):
        write(name, sample_book(), tmp_path)
    said = capsys.readouterr().err
    gradescope = student_file(tmp_path, "gradescope", olena, "results.json")
    assert "score" not in gradescope
    assert gradescope["output"].startswith("Top-k routing could not be graded. This is a fault of the grader")
    assert "status" not in gradescope["tests"][0]
    assert [test.get("status") for test in gradescope["tests"][1:]] == ["passed", "passed"]
    assert not any({"score", "max_score"} & set(test) for test in gradescope["tests"])  # nor a sum of them
    assert f"these students have no score, as some work could not be graded: {olena.id}." in said
    prairielearn = student_file(tmp_path, "prairielearn", olena, "results.json")
    assert (prairielearn["succeeded"], prairielearn["gradable"]) == (False, False)
    assert "score" not in prairielearn
    assert len(prairielearn["format_errors"]) == 1
    assert not (tmp_path / "classroom50" / folder_name(olena.id)).exists()
    assert f"these students have no result.json, as some work could not be graded: {olena.id}." in said
    hans = student_file(tmp_path, "gradescope", Student(id="hans"), "results.json")
    assert hans["score"] == 3  # the earlier score
    assert "these points are from an earlier run" in hans["output"]


@pytest.mark.parametrize("name", ["gradescope", "prairielearn", "junit"])
def test_results_of_identical_files_do_not_name_the_other_student(name: str, tmp_path: Path) -> None:
    """Identical files are graded once, and the result names the file of the first student."""
    path = "submissions/bob/moe_router.py"
    failure = Failure(f"{path} did not end.", samples=Samples(5.0, 40, frame(path, 7, "    while True: pass")))
    of_bob = result(MOE, case("test_values", Outcome.TIMEOUT, 4.0, failure=failure), file=path)
    for written in write(name, book(grade(ADA, MOE, of_bob)), tmp_path):
        text = written.read_text(encoding="utf-8")
        assert "bob" not in text
        assert "moe_router.py, line 7" in text
