"""Time limits grow with the time of the reference: right files pass on a slow machine."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.base.result import Outcome, Result
from grader.engine.judge.messages import Job, Materials
from grader.engine.judge.session import TIMES_REFERENCE
from grader.engine.pool.client import Judges

LIMIT = 0.05  # seconds; `slow` takes longer

REFERENCE = """
import time

import torch


def slow(x):
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    return x + torch.rand(3, dtype=torch.float64)


def quick(x):
    return x + 1
"""
TESTS = '''
"""What takes longer than the limit, with small and with large arguments, and what does not."""

import random

import torch

from grader.testing import assert_close, points


@points(1)
def test_slow(submission, reference):
    """a call that takes longer than the limit, also where the code is right"""
    x = torch.zeros(3, dtype=torch.float64)
    states = torch.get_rng_state(), random.getstate()
    mine = [submission.slow(x), torch.rand(3), random.random()]
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    theirs = [reference.slow(x), torch.rand(3), random.random()]
    assert_close(mine, theirs, name="what is drawn by the call and after it")


@points(1)
def test_large(submission):
    """as many bytes as are not kept for a replay"""
    x = torch.zeros(3 << 20, dtype=torch.float64)
    assert_close(submission.slow(x[:3]).shape, (3,), name="shape")
    assert_close(submission.quick(x)[:3], torch.ones(3, dtype=torch.float64))
    assert_close(submission.slow(x[:3]).shape, (3,), name="shape")


@points(1)
def test_quick(submission):
    """a call that takes no time"""
    assert_close(submission.quick(torch.zeros(3)), torch.ones(3))
'''
ENDLESS = "def {}(x):\n    while True:\n        pass\n"


class Class:
    """A judge that grades submissions one by one."""

    def __init__(self, judges: Judges):
        self._judges = judges
        self._jobs = 0

    def __call__(self, source: str) -> Result:
        self._jobs += 1
        ((_, result),) = self._judges.grade([Job(self._jobs, "pace", "pace.py", source, "", seed=0)])
        return result


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    folder = tmp_path_factory.mktemp("pace")
    hidden = folder / "test_hidden.py"
    hidden.write_text(TESTS.lstrip("\n"))
    materials = Materials(
        "pace", (str(hidden),), str(hidden), REFERENCE, {}, None, LIMIT, 512 << 20, show_hidden_output=False
    )
    with Judges() as judges:
        judges.prepare([materials], forbidden=[folder])
        yield Class(judges)


def test_right_code_as_slow_as_the_reference_passes(grade: Class) -> None:
    result = grade(REFERENCE)
    assert [(test.id, test.outcome.value) for test in result.tests] == [
        ("test_slow", "passed"),
        ("test_large", "passed"),
        ("test_quick", "passed"),
    ]


@pytest.mark.parametrize("name", ["slow", "quick"])
def test_code_is_stopped_after_a_multiple_of_the_references_time(grade: Class, name: str) -> None:
    result = grade(f"{REFERENCE}\n\n{ENDLESS.format(name)}")
    stopped = [test for test in result.tests if test.outcome is Outcome.TIMEOUT]
    assert {test.id for test in stopped} >= {"test_large"}
    for test in stopped:
        assert test.failure is not None
        said = re.fullmatch(r"Stopped after ([\d.]+) s; the reference takes ([\d,]+) ms\.", test.failure.message)
        assert said is not None, test.failure.message
        allowed, taken = float(said[1]), int(said[2].replace(",", "")) / 1e3
        assert allowed >= LIMIT
        assert allowed >= TIMES_REFERENCE * (taken - 0.001)
        assert test.failure.samples is not None
        assert test.failure.samples.limit == pytest.approx(allowed, rel=1e-3)


def test_without_a_reference_the_stated_limit_holds(tmp_path: Path) -> None:
    public = tmp_path / "test_public.py"
    public.write_text(
        textwrap.dedent('''
            """A test of a course that was released without solutions."""

            from grader.testing import assert_equal, points


            @points(1)
            def test_ends(submission):
                """a call that ends"""
                assert_equal(submission.quick(1), 2)
        ''').lstrip()
    )
    materials = Materials("pace", (str(public),), None, None, {}, None, LIMIT, 512 << 20, show_hidden_output=True)
    with Judges() as judges:
        judges.prepare([materials], forbidden=[tmp_path])
        ((_, result),) = judges.grade([Job(1, "pace", "pace.py", ENDLESS.format("quick"), "", seed=0)])
    (test,) = result.tests
    assert test.outcome is Outcome.TIMEOUT
    assert test.failure is not None
    assert test.failure.message == f"Stopped after {LIMIT} s"
