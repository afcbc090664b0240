"""Each test here is a body as an exercise's author would write it. It runs twice: on the plain module in this process,
and on the face of the same module in a worker. Both have to behave the same.

The module is the text `STUDENT` of the test file.
"""

from typing import Any

import pytest
import torch

from grader.engine.judge.session import Session
from grader.engine.sandbox.proxy import Submission
from grader.engine.sandbox.source import execute

SEED = 7


@pytest.fixture
def submission(session: Session) -> Submission:
    """The module in a worker."""
    return session.begin(SEED)


@pytest.fixture(params=["in one process", "across the boundary"])
def m(request: pytest.FixtureRequest) -> Any:
    """The module, plain or in a worker."""
    if request.param == "across the boundary":
        return request.getfixturevalue("submission")
    torch.manual_seed(SEED)
    return execute("student", request.module.STUDENT)
