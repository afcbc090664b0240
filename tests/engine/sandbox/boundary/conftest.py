"""Fixtures of tests that run twice: on a plain module in this process, and on its stand-in for a worker.

Each test is written as an exercise's author would write it, and both runs have to behave the same. The module is the
text `STUDENT` of the test file.
"""

from typing import Any

import pytest
import torch

from grader.engine.judge.session import Session
from grader.engine.sandbox.proxy import RemoteSubmission
from grader.engine.sandbox.source import execute

SEED = 7


@pytest.fixture
def submission(session: Session) -> RemoteSubmission:
    """Begin a test on the module in a worker."""
    return session.begin(SEED)


@pytest.fixture(params=["in one process", "across the boundary"])
def m(request: pytest.FixtureRequest) -> Any:
    """Return the module, plain or in a worker."""
    if request.param == "across the boundary":
        return request.getfixturevalue("submission")
    torch.manual_seed(SEED)
    return execute("student", request.module.STUDENT)
