"""Write results.json of each student for Gradescope."""

from pathlib import Path

from grader.teach.formats import write
from tests.teach.formats.books import ADA, BOB, sample_book
from tests.teach.formats.written import student_file


def test_the_score_is_the_sum_of_final_points(tmp_path: Path) -> None:
    write("gradescope", sample_book(), tmp_path)
    ada = student_file(tmp_path, "gradescope", ADA, "results.json")
    assert ada["score"] == 9.2
    assert isinstance(ada["execution_time"], float)
    assert [test["number"] for test in ada["tests"]] == ["1.1", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2"]
    assert {test["visibility"] for test in ada["tests"]} == {"visible", "after_published"}
    assert "-0.3 for lateness" in ada["output"]
    bob = student_file(tmp_path, "gradescope", BOB, "results.json")
    wrong = next(test for test in bob["tests"] if test["name"] == "moe_router: values")
    assert (wrong["score"], wrong["max_score"], wrong["status"]) == (0, 2, "failed")
    assert "weights           yours          expected" in wrong["output"]
    assert "The softmax ran over all E experts" in wrong["output"]
    assert not (tmp_path / "gradescope" / "gone").exists()
