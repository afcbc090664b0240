"""Test files that use more of pytest than plain functions and the judge's fixtures."""

import sys
from pathlib import Path

import pytest

from grader.base.result import Outcome, Result
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.pool.client import Judges
from tests.paths import copy_toolbox

if sys.platform != "linux":
    pytest.skip("judges are tested where they can be confined", allow_module_level=True)

HIDDEN = '''"""More of pytest."""

import pytest
import torch

from grader.testing import assert_close, points

torn_down = []


@pytest.fixture
def rng(rng):
    return rng.randn(4)


@pytest.fixture
def scaled(submission, rng):
    yield submission.scale(rng, 2.0)
    torn_down.append("scaled")


@pytest.fixture
def broken():
    raise RuntimeError("a fixture that cannot be had")


@points(1)
def test_overridden(submission, rng):
    """a fixture that stands before the judge's"""
    assert_close(submission.scale(rng, 3.0), rng * 3.0)


@points(1)
def test_own(submission, scaled, rng):
    """a fixture that asks the submission"""
    assert torn_down == []
    assert_close(scaled, rng * 2.0)
    assert_close(submission.scale(scaled, 0.5), rng)


@points(1)
@pytest.mark.parametrize("factor", [2.0, 3.0])
def test_parameters(submission, factor):
    """one test for each factor"""
    assert torn_down == ["scaled"]
    assert_close(submission.scale(torch.ones(3), factor), torch.full((3,), factor))


@points(1)
@pytest.mark.parametrize("reference", [2.0])
def test_parameter_by_a_name_of_ours(submission, reference):
    """a number, where the judge would give a module"""
    assert_close(submission.scale(torch.ones(3), reference), torch.full((3,), 2.0))


@points(1)
def test_broken(submission, broken):
    """never comes to its first line"""


@points(1)
async def test_coroutine(submission):
    """a function that does nothing when it is called"""
'''


def graded(root: Path, reference: str) -> dict[str, Result]:
    """Return the results of the reference, and of a submission that scales wrongly."""
    course = load_course(root)
    exercise = course.exercise("toolbox")
    files = {"right": reference, "wrong": f"{reference}\n\ndef scale(x, factor): return x\n"}
    with Judges() as judges:
        judges.prepare([materials(course, exercise)], forbidden=[root])
        jobs = [Job(i, "toolbox", "toolbox.py", text, "0" * 64, seed=0) for i, text in enumerate(files.values())]
        return {name: result for name, (_, result) in zip(files, judges.grade(jobs), strict=True)}


def test_fixtures_parameters_and_coroutines(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    (root / "solutions/toolbox/test_hidden.py").write_text(HIDDEN)
    exercise = root / "exercises/toolbox/exercise.yaml"
    exercise.write_text(exercise.read_text().replace("points: 31", "points: 10"))
    results = graded(root, load_course(root).exercise("toolbox").reference.read_text())
    passed = {
        name: {test.id for test in result.tests if test.outcome is Outcome.PASSED and test.visibility == "hidden"}
        for name, result in results.items()
    }
    parameters = {"test_parameters[2.0]", "test_parameters[3.0]", "test_parameter_by_a_name_of_ours[2.0]"}
    assert passed == {"right": {"test_overridden", "test_own", *parameters}, "wrong": set()}
    broken = next(test for test in results["right"].tests if test.id == "test_broken")
    assert broken.failure is not None
    assert "a fixture that cannot be had" in broken.failure.message
