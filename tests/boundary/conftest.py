"""Each test here is a body as an exercise's author would write it. It runs twice: on the plain module in this process,
and on the face of the same module in a worker. Both have to behave the same.

The module is the text `STUDENT` of the test file.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from grader.judge.session import Limits, Session
from grader.sandbox.proxy import Submission
from grader.sandbox.source import execute
from grader.sandbox.starter import Starter
from grader.warm import messages
from grader.warm.client import Judges
from grader.warm.starters import ForkStarter, SpawnStarter

SEED = 7
LIMITS = Limits(seconds=20.0, memory=512 << 20)


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    with Judges() as judges:
        if judges.warm is None:
            yield SpawnStarter()
            return
        judges.warm.send(messages.encode(messages.Prepare([], many=False, optim=False)))
        told = messages.decode_tell.decode(judges.warm.recv(messages.MAX_REQUEST))
        assert isinstance(told, messages.Ready)
        yield ForkStarter(judges.warm)


@pytest.fixture(scope="module")
def session(request: pytest.FixtureRequest, starter: Starter) -> Iterator[Session]:
    session = Session(starter, "student", request.module.STUDENT, {}, LIMITS, seconds=200 * LIMITS.seconds)
    session.load()
    yield session
    session.close()


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
