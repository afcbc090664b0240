"""Submissions that once ended or blocked their judge, graded in every way that students use.

They are graded by a warm process of their own, by one that stays, and as the cells of a notebook. After each, that
grades the reference with full marks. `tests/cli/test_batch_faults.py` has them in a class.
"""

import sys
from typing import Any

import pytest

from grader.base.result import Outcome
from tests.conftest import NOTEBOOK, OWN, STAYING
from tests.hostile import WAYS_TO_END_A_JUDGE, messages

if sys.platform != "linux":
    pytest.skip("isolation is promised on Linux", allow_module_level=True)

pytestmark = [
    pytest.mark.usefixtures("confined"),  # nothing here is run where nothing holds it
    pytest.mark.parametrize(
        "grade", [OWN, STAYING, pytest.param(NOTEBOOK, marks=pytest.mark.slow)], indirect=True, scope="session"
    ),
]


@pytest.mark.parametrize("name", WAYS_TO_END_A_JUDGE)
def test_a_submission_that_ends_the_judge_is_graded_and_so_is_the_next(name: str, grade: Any) -> None:
    outcomes, code = WAYS_TO_END_A_JUDGE[name]
    result = grade(code, seconds=0.5 if outcomes and "timeout" in outcomes else 5.0)
    assert (result.outcome, result.message) == (Outcome.GRADED, None)
    failed = set(grade.failed(result).values())
    assert failed
    assert "error" not in failed, messages(result)
    assert outcomes is None or failed <= set(outcomes.split("|")), messages(result)


def test_a_result_that_depends_on_an_earlier_call_is_the_submissions_failure(grade: Any) -> None:
    """The result is right, but the reference's does not depend on earlier calls."""
    result = grade(WAYS_TO_END_A_JUDGE["a right result of an earlier call"][1])
    assert grade.failed(result) == {"gate": "failed"}, messages(result)
    assert "tensors that your code keeps from an earlier call" in messages(result)
