"""Tests of comparing two runs."""

from pathlib import Path

import pytest

from grader.base.result import Outcome
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.compare import Cause, TestChange, compare_runs
from tests.teach.gradebook.builders import ADA, EVE, QUIZ, ROPE, begin, handed, regraded, result


@pytest.mark.parametrize(
    ("parts", "causes"),
    [
        ({"submission": "new"}, (Cause.CODE,)),
        ({"needs": "new"}, (Cause.CODE,)),
        ({"exercise": "new"}, (Cause.TESTS,)),
        ({"engine": "new"}, (Cause.ENGINE,)),
        ({"torch": "2.5", "python": "3.12"}, (Cause.TORCH, Cause.PYTHON)),
        ({"isolation": "process"}, (Cause.ISOLATION,)),
        ({"later": "new"}, (Cause.OTHER,)),
        ({"submission": "new", "exercise": "new"}, (Cause.CODE, Cause.TESTS)),
        ({}, (Cause.UNKNOWN,)),
    ],
    ids=lambda each: "+".join(each) or "nothing",
)
def test_names_the_cause_of_a_changed_score(
    gradebook_folder: Path, parts: dict[str, str], causes: tuple[Cause, ...]
) -> None:
    comparison = regraded(gradebook_folder, result(first=2.0, second=4.0), **parts)
    (move,) = comparison.moved
    assert (move.student, move.item, move.before, move.after, move.difference) == ("bob", "moe_router", 5.0, 6.0, 1.0)
    assert move.causes == causes
    assert move.tests == (
        TestChange(
            id="test_first",
            before=Outcome.WRONG_VALUES,
            after=Outcome.WRONG_VALUES,
            points_before=0.0,
            points_after=2.0,
        ),
        TestChange(
            id="test_second",
            before=Outcome.PASSED,
            after=Outcome.WRONG_VALUES,
            points_before=5.0,
            points_after=4.0,
        ),
    )
    assert [(each.student, each.item) for each in comparison.gone] == [
        ("ada", "moe"),
        ("ada", "moe_router"),
        ("ada", "rope"),
    ]
    assert len(comparison.unexplained) == (causes == (Cause.UNKNOWN,))


def test_reports_no_change_for_equal_results(gradebook_folder: Path) -> None:
    comparison = regraded(gradebook_folder, result(first=0.0), engine="new")
    assert (comparison.moved, comparison.same) == ((), 1)


def test_reports_a_changed_test_with_an_equal_score(gradebook_folder: Path) -> None:
    comparison = regraded(gradebook_folder, result(second=0.0), exercise="new")  # before: 0 + 5
    (move,) = comparison.moved
    assert (move.difference, len(move.tests)) == (0.0, 2)


def test_reports_no_change_for_reused_results_and_faults(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "again")
        first = gradebook.find_result("|".join(next(iter(gradebook.entries(1))).result.key_parts.values()))  # type: ignore[union-attr]
        assert first is not None
        gradebook.reuse(run_id, ADA, "moe", handed(ADA, QUIZ), first)
        gradebook.fail(run_id, ADA, "rope", handed(ADA, ROPE, "b"), "the judge was lost")
        gradebook.fail(run_id, EVE, "rope", handed(EVE, ROPE), "the judge was lost")
        before, after = gradebook.runs()
        comparison = compare_runs(before, gradebook.entries(1), after, gradebook.entries(2))
    assert (comparison.moved, comparison.same) == ((), 2)
    assert [(each.student, each.item) for each in comparison.new] == [("eve", "rope")]
