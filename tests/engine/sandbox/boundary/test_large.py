"""Large tensors are sent in shared memory, and their log is not kept."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from grader.base.result import Outcome
from grader.engine.judge.compare import Disagreement
from grader.engine.judge.context import FailureContext
from grader.engine.judge.explain import explain
from grader.engine.judge.faults import Fault
from grader.engine.judge.session import MAX_KEPT, Session
from grader.engine.sandbox.proxy import RemoteSubmission
from grader.engine.sandbox.shared_memory import LARGE
from grader.testing import assert_equal

STUDENT = """
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.embed = nn.Embedding(rows, width)

    def forward(self, ids):
        return self.embed(ids)


def swap_halves(state):
    return {name.removeprefix("old."): t.roll(t.shape[0] // 2, 0) for name, t in state.items()}


def spoil(state):
    for tensor in state.values():
        tensor[-1, -1] += 1
    return 0


def same(x):
    return x


def total(x):
    return x.sum()
"""
WIDTH = 128
ROWS = MAX_KEPT // (4 * WIDTH) + 8  # of float32: just more than is kept


def weight(rows: int = ROWS) -> Tensor:
    return torch.arange(rows * WIDTH, dtype=torch.float32).view(rows, WIDTH)


def test_a_checkpoint_is_converted_loaded_and_used(m: Any) -> None:
    old = {"old.embed.weight": weight()}
    model = m.Model(ROWS, WIDTH)
    model.load_state_dict(m.swap_halves(old))
    ids = torch.tensor([0, ROWS // 2, ROWS - 1])
    assert torch.equal(model(ids), weight()[(ids + ROWS // 2) % ROWS])
    assert torch.equal(old["old.embed.weight"], weight())


def test_a_large_argument_has_a_gradient(m: Any) -> None:
    x = weight().requires_grad_()
    (2 * m.total(x)).backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.full_like(x, 2.0))


def test_a_large_result_can_be_changed_in_place(m: Any) -> None:
    x = weight()
    y = m.same(x)
    y.mul_(2)
    assert torch.equal(m.same(y), 2 * weight())


@pytest.mark.parametrize("size", [LARGE - 1, LARGE, LARGE + 1, 3 * LARGE + 5])
def test_values_around_the_size_limit_come_back_equal(m: Any, size: int) -> None:
    x = torch.arange(size).to(torch.uint8)
    assert torch.equal(m.same(x), x)


def test_a_large_argument_that_is_changed_in_place_is_noticed(submission: RemoteSubmission) -> None:
    state = {"w": weight()}
    before = copy.deepcopy(state)
    with pytest.raises(Fault) as caught:
        submission.spoil(state)
    assert caught.value.outcome is Outcome.ARGUMENT_CHANGED
    assert torch.equal(state["w"], before["w"])  # the judge's own is another


def test_a_large_log_is_not_kept(session: Session, submission: RemoteSubmission) -> None:
    submission.same(torch.ones(3))
    submission.same(weight())
    small, large = session.log
    assert (small.is_whole, large.is_whole) == (True, False)
    session.drop_large_log()
    assert not session.log


def test_a_failure_on_large_tensors_is_explained_without_them(session: Session, submission: RemoteSubmission) -> None:
    result = submission.swap_halves({"old.w": weight()})["w"]
    context = FailureContext(
        source=STUDENT,
        module="student",
        file="student.py",
        reference=None,
        expected=lambda: pytest.fail("asked what the reference answers to a log that was not kept"),
        sizes={WIDTH: "D"},
        log=session.log,
        seed=0,
    )
    with pytest.raises(Disagreement) as caught:
        assert_equal(result, weight())
    outcome, failure = explain(caught.value, context)
    assert outcome is Outcome.WRONG_VALUES
    assert failure.message.startswith(f"{ROWS * WIDTH} of {ROWS * WIDTH} numbers of ")
    assert failure.reproduction is None
    assert failure.comparison is not None
    assert failure.comparison.axes[1].name == "D"
