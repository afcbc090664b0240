"""The warm process imports slow modules before it forks a worker."""

import sys
from pathlib import Path

import pytest

from grader.engine.judge.messages import Job, Materials
from grader.engine.pool.client import Judges

if sys.platform != "linux":
    pytest.skip("there is a warm process where a fork is safe", allow_module_level=True)

HIDDEN = '''"""What is loaded, and a step."""

from grader.testing import assert_equal, points


@points(1)
def test_loaded(submission):
    """the module of torch that its optimizers import when they are first used"""
    assert_equal(submission.loaded(), True, name="loaded")


@points(1)
def test_step(submission):
    """an optimizer works"""
    assert_equal(submission.descend(), -1.0, name="x after a step")
'''
REFERENCE = """
import sys

import torch


def loaded():
    return "torch._dynamo" in sys.modules


def descend():
    x = torch.zeros((), requires_grad=True)
    x.backward()
    torch.optim.SGD([x], lr=1.0).step()
    return x.item()
"""


def passed(tmp_path: Path, reference: str) -> list[str]:
    """Return the tests that REFERENCE passes as a submission to an exercise with this reference."""
    hidden = tmp_path / "test_hidden.py"
    hidden.write_text(HIDDEN)
    tests = (str(hidden),)
    materials = Materials("steps", tests, str(hidden), reference, {}, None, 20.0, 512 << 20, show_hidden_output=False)
    with Judges() as judges:
        judges.prepare([materials], forbidden=[tmp_path])
        ((_, result),) = judges.grade([Job(1, "steps", "steps.py", REFERENCE, "0" * 64, seed=0)])
    assert result.outcome == "graded"
    return [test.id for test in result.tests if not test.is_failing]


@pytest.mark.slow
def test_modules_of_optimizers_are_preloaded_if_the_reference_uses_them(tmp_path: Path) -> None:
    assert passed(tmp_path, REFERENCE) == ["test_loaded", "test_step"]
    assert passed(tmp_path, "def loaded(): return True\n\n\ndef descend(): return -1.0\n") == ["test_step"]
