"""Whatever a submission returns, the judge reports it as an outcome of the submission.

What is tried on each function of the course is in `tests/course_content/test_careless.py`.
"""

import sys
from pathlib import Path
from typing import Any

import pytest

from grader.base.result import Outcome, Result
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.judge.session import MAX_QUESTIONS
from grader.engine.pool.client import Judges
from grader.engine.sandbox.wire import MAX_TENSORS
from tests.classes import REFERENCE, with_a_hole
from tests.hostile import messages
from tests.paths import copy_toolbox

if sys.platform != "linux":
    pytest.skip("the limits on memory are tested where they hold", allow_module_level=True)

FUSED = """
class Gate(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))

    def forward(self, x):
        {before}
        return x * torch.sigmoid({weight})
"""
TENSORS = f"""
class Gate(nn.Module):
    def __init__(self, size):
        super().__init__()
        for number in range({MAX_TENSORS + 1}):
            self.register_buffer(f"b{{number}}", torch.zeros(0))
"""

VALUES: dict[str, tuple[dict[str, str], str, str]] = {  # the failing tests and their outcomes, words, the code
    "a shape where a dict is due": ({"merge": "wrong_type"}, "a shape", "def merge(p): return p['left'][0].shape"),
    "a shape where a tensor is due": ({"mix": "wrong_type"}, "a shape", "def mix(s, v): return v.shape"),
    "a range of 2**61": (
        {"mix": "wrong_type"},
        "mix returned a range of more than 1,048,576 numbers",
        "def mix(s, v): return range(2**61)",
    ),
    "two ranges of 2**61": (
        {"mix": "wrong_type"},
        "mix returned a range of more than 1,048,576 numbers",
        "def mix(s, v): return range(2**61), range(2**61)",
    ),
    "a generator": ({"merge": "wrong_type"}, "a generator", "def merge(p): return (each for each in p)"),
    "a zip": ({"mix": "wrong_type"}, "a zip", "def mix(s, v): return zip(s, v)"),
    "a module that drops its parameter": (
        {"gate": "wrong_values"},
        "gate",
        FUSED.format(
            before="if hasattr(self, 'weight'): self.fused = self.weight.data; del self.weight", weight="self.fused + 1"
        ),
    ),
    "a module that ties its parameter": (
        {"gate": "wrong_values"},
        "gate",
        FUSED.format(before="self.tied = self.weight", weight="self.weight.detach() + 0 * self.tied"),
    ),
    "a module of too many tensors": ({"gate": "wrong_type"}, f"modules of more than {MAX_TENSORS:,} tensors", TENSORS),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_careless_value_is_an_outcome_of_the_submission(name: str, grade: Any) -> None:
    failed, words, code = VALUES[name]
    result = grade(f"import torch\nfrom torch import nn\n{code}\n")
    assert grade.failed(result) == failed, messages(result)
    assert words in messages(result)
    assert result.advice_errors == ()


def graded(root: Path, source: str) -> Result:
    course = load_course(root)
    with Judges() as judges:
        judges.prepare([materials(course, course.exercise("toolbox"))], forbidden=[root])
        ((_, result),) = judges.grade([Job(1, "toolbox", "toolbox.py", source, "0" * 64, seed=0)])
    return result


def test_what_is_too_large_for_the_judge_is_an_outcome_of_the_submission(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    with_a_hole(root, "bytearray(4 << 30)")  # like a test that allocates as much as the submission asks for
    result = graded(root, f"{REFERENCE}\n\ndef pick(items, place): return 'the hole'\n")
    (test,) = [test for test in result.tests if test.is_failing]
    assert (test.id, test.outcome) == ("test_pick", Outcome.MEMORY)
    assert "too large for the memory of the grader" in messages(result)


def test_an_endless_iterator_is_stopped_after_the_maximum_of_questions(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    with_a_hole(root, "list(submission.pick([7], 1))")
    endless = "import itertools\n\ndef pick(items, place): return itertools.repeat(7) if place else 'the hole'\n"
    result = graded(root, f"{REFERENCE}\n\n{endless}")
    (test,) = [test for test in result.tests if test.is_failing]
    assert (test.id, test.outcome) == ("test_pick", Outcome.TIMEOUT)
    assert test.failure is not None
    assert test.failure.message == (
        f"This test called your code {MAX_QUESTIONS:,} times without coming to an end. "
        "Does pick return an iterator that never ends?"
    )


def test_a_test_that_fills_the_memory_of_the_judge_by_itself_is_an_error(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    with_a_hole(root, "bytearray(4 << 30)", for_all=True)
    assert graded(root, REFERENCE).is_faulty


def test_an_exception_in_the_explanation_costs_the_advice_but_not_the_grade(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    mistakes = root / "solutions/toolbox/mistakes.py"
    broken = "def twice(x: Tensor, factor: float = 1 / 0) -> Tensor:"
    mistakes.write_text(mistakes.read_text("utf-8").replace("def twice(x: Tensor, factor: float) -> Tensor:", broken))
    result = graded(root, f"{REFERENCE}\n\ndef scale(x, factor): return x + factor\n")
    assert (result.outcome, result.score, result.max_score, result.is_faulty) == (Outcome.GRADED, 30, 31, False)
    assert [test.id for test in result.tests if test.is_failing] == ["test_scale"]
    assert result.advice_errors == ("twice_mistake.py:41: ZeroDivisionError: division by zero",)
