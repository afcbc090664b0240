"""A mistake is named from its results, whatever words a student's own errors have."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.course import load_course
from grader.judge.client import Judges
from grader.judge.materials import materials
from grader.judge.messages import Job
from grader.result import Result

ROOT = Path(__file__).parent.parent
SOFTMAX_ALL = """
import torch


def route(logits, k):
    if not 0 < k <= logits.shape[-1]:
        raise {error}
    wide = logits if logits.dtype == torch.float64 else logits.float()
    weights, indices = wide.softmax(-1).topk(k)
    return weights.to(logits.dtype), indices


def combine_matrix(weights, indices, num_experts):
    return weights.new_zeros(*weights.shape[:-1], num_experts).scatter(-1, indices, weights)
"""


@pytest.fixture(scope="module")
def grade() -> Iterator[Callable[[str], Result]]:
    """Grades a source as moe_router."""
    course = load_course(ROOT)
    with Judges() as judges:
        judges.prepare([materials(course, course.exercise("moe_router"))], forbidden=[ROOT])

        def run(source: str) -> Result:
            ((_, result),) = judges.grade([Job(0, "moe_router", "moe_router.py", source, "", 0)])
            return result

        yield run


@pytest.mark.parametrize("error", ['ValueError("1 <= k <= E")', 'ValueError("my own words")', "ValueError"])
def test_the_words_of_an_error_do_not_hide_a_mistake(grade: Callable[[str], Result], error: str) -> None:
    diagnosis = grade(SOFTMAX_ALL.format(error=error)).diagnosis
    assert diagnosis is not None
    assert diagnosis.mistake == "softmax_all"


def test_an_error_of_another_kind_is_no_evidence_for_a_mistake(grade: Callable[[str], Result]) -> None:
    source = SOFTMAX_ALL.format(error="ValueError").replace("wide.softmax(-1).topk(k)", "wide.nothing(-1)")
    result = grade(source)
    assert not result.passed
    assert result.diagnosis is None
