"""Side effects of the last call: shared memory, and a changed state of torch's generator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.base.errors import UsageError
from grader.base.result import Outcome, Result
from grader.engine.judge.faults import Fault
from grader.engine.judge.messages import Job, Materials
from grader.engine.judge.session import Session
from grader.engine.pool.client import Judges
from grader.engine.sandbox.proxy import RemoteSubmission
from grader.engine.sandbox.source import execute
from grader.testing import assert_generator_kept, assert_own_memory

STUDENT = """
import types

import torch


def copies(x, n):
    return {"all": x.repeat(n, 1), "first": x.clone()}


def views(x, n):
    every = x.clone().expand(n, -1)
    return {"all": every, "columns": every.T, "first": x, "again": [torch.stack([x, x]).unbind()], "other": every}


def windows(x):
    return x.clone().unfold(0, 2, 1)


def drawn(x):
    return x + torch.rand(3)


def seeded(x):
    torch.manual_seed(5)
    return x


def forked(x):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return x + torch.rand(3)


def raises(x):
    torch.manual_seed(5)
    raise ValueError("no")


def lies(shared, kept):
    from grader.engine.sandbox import objects

    objects.LastCall = lambda *_: types.SimpleNamespace(shared=shared, generator_kept=kept)
"""
X = torch.arange(3.0)


@pytest.fixture
def submission(session: Session) -> RemoteSubmission:
    return session.begin(7)


@pytest.fixture
def liar(session: Session) -> Iterator[RemoteSubmission]:
    """Yield a session whose worker is used by one test only."""
    yield session.begin(7)
    session.close()


def complaint(submission: RemoteSubmission, value: Any, name: str | None = None) -> str:
    with pytest.raises(AssertionError) as error:
        assert_own_memory(submission, value, name=name)
    return str(error.value)


def test_copies_have_memory_of_their_own(submission: RemoteSubmission) -> None:
    result = submission.copies(X, 2)
    assert_own_memory(submission, result)
    assert_own_memory(submission, result["all"], name="all")


def test_names_the_tensors_that_share_memory(submission: RemoteSubmission) -> None:
    result = submission.views(X, 2)
    assert complaint(submission, result["all"], "copies") == (
        "copies[0] and copies[1] are the same memory: a change to one changes all."
    )
    assert complaint(submission, result["columns"], "columns") == (
        "columns[:, 0] and columns[:, 1] are the same memory: a change to one changes all."
    )
    assert complaint(submission, result["first"]) == (
        "result shares memory with an argument of views: a change to one changes the other."
    )
    assert complaint(submission, {"one": result["first"]}, "parts").startswith("parts['one'] shares memory")
    assert complaint(submission, submission.windows(X)) == (
        "Some numbers of result are the same memory: a change to one changes others."
    )


def test_parts_that_do_not_share_memory_are_accepted(submission: RemoteSubmission) -> None:
    assert_own_memory(submission, submission.views(X, 2)["again"])


def test_two_results_that_share_memory_are_named(submission: RemoteSubmission) -> None:
    result = submission.views(X[:1], 1)
    assert complaint(submission, result["columns"], "columns") == (
        "columns and result['all'] share memory: a change to one changes the other."
    )


def test_side_effects_of_earlier_calls_cannot_be_asked_for(submission: RemoteSubmission) -> None:
    result = submission.copies(X, 2)
    for other in (result["all"][0], X):
        with pytest.raises(UsageError, match="another tensor than the last call returned"):
            assert_own_memory(submission, other)
    submission.copies(X, 2)
    with pytest.raises(UsageError):
        assert_own_memory(submission, result)


@pytest.mark.parametrize("name", ["copies", "forked"])
def test_a_call_that_keeps_the_generator_is_accepted(submission: RemoteSubmission, name: str) -> None:
    getattr(submission, name)(X, *([2] if name == "copies" else []))
    assert_generator_kept(submission)


@pytest.mark.parametrize("name", ["drawn", "seeded"])
def test_a_call_that_changes_the_generator_is_named(submission: RemoteSubmission, name: str) -> None:
    getattr(submission, name)(X)
    with pytest.raises(AssertionError, match=f"{name} left torch's own random generator in another state"):
        assert_generator_kept(submission)


def test_only_the_last_call_counts(submission: RemoteSubmission) -> None:
    submission.seeded(X)
    submission.copies(X, 2)
    assert_generator_kept(submission)


def test_a_module_of_this_process_has_no_side_effects() -> None:
    module: Any = execute("student", STUDENT)
    assert_own_memory(module, module.views(X, 2))
    module.seeded(X)
    assert_generator_kept(module)


def test_a_forged_claim_of_no_side_effects_is_accepted(liar: RemoteSubmission) -> None:
    liar.lies([], True)
    assert_own_memory(liar, liar.views(X, 2))
    liar.seeded(X)
    assert_generator_kept(liar)


@pytest.mark.parametrize("shared", [3, "all", [[("all",), None]], [(("all",), None, 1.5)], [({}, (), 0)]])
def test_a_malformed_answer_is_refused(liar: RemoteSubmission, shared: Any) -> None:
    liar.lies(shared, "yes")
    result = liar.views(X, 2)
    with pytest.raises(Fault) as fault:
        assert_own_memory(liar, result)
    assert fault.value.outcome is Outcome.TAMPERED


def test_a_claim_about_other_tensors_and_axes_is_harmless(liar: RemoteSubmission) -> None:
    liar.lies([(("none",), (), 0), (("all",), ("x" * 1000,), 10**9), (("all",), ("all",), 10**9)], True)
    sentence = complaint(liar, liar.copies(X, 2), "copies")
    assert sentence.startswith("copies['all'] and result['xxx")
    assert len(sentence) < 300


# ---------------------------------------------------------------- the diagnosis

REFERENCE = """
import torch


def copies(x, n):
    return x.repeat(n, 1)


def weights(seed):
    return torch.randn(3, generator=torch.Generator().manual_seed(seed))
"""
TESTS = '''
import torch

from grader.testing import assert_equal, assert_generator_kept, assert_own_memory, points


@points(1)
def test_copies(submission):
    """copies in memory of their own"""
    copies = submission.copies(torch.arange(3.0), 4)
    assert_equal(copies, torch.arange(3.0).repeat(4, 1))
    assert_own_memory(submission, copies, name="copies")


@points(1)
def test_weights(submission):
    """torch's own generator stays as it was"""
    assert_equal(submission.weights(3).shape, (3,), name="shape")
    assert_generator_kept(submission)
'''
VIEWS = f"{REFERENCE}\n\ndef copies(x, n):\n    return x.expand(n, -1)\n"
MISTAKES = '''
import torch

from grader.testing import replaces


@replaces("copies")
def views(x, n):
    """No copy."""
    return x.expand(n, -1)


@replaces("weights")
def seeded(seed):
    """For all."""
    torch.manual_seed(seed)
    return torch.randn(3)
'''
SEEDED = f"{REFERENCE}\n\ndef weights(seed):\n    torch.manual_seed(seed)\n    return torch.randn(3)\n"


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    folder = tmp_path_factory.mktemp("effects")
    hidden = folder / "test_hidden.py"
    hidden.write_text(TESTS)
    with Judges() as judges:
        judges.prepare([_materials(hidden)], forbidden=[folder])
        yield judges


def _materials(hidden: Path) -> Materials:
    return Materials(
        id="effects",
        tests=(str(hidden),),
        hidden=str(hidden),
        reference=REFERENCE,
        others={},
        mistakes=MISTAKES,
        seconds=5.0,
        memory=256 << 20,
        show_hidden_output=False,
    )


def graded(judges: Judges, source: str) -> Result:
    ((_, result),) = judges.grade([Job(1, "effects", "effects.py", source, "0" * 64, seed=0)])
    return result


@pytest.mark.parametrize(("source", "named"), [(REFERENCE, None), (VIEWS, "views"), (SEEDED, "seeded")])
def test_a_known_mistake_is_named(judges: Judges, source: str, named: str | None) -> None:
    result = graded(judges, source)
    assert result.passed == (named is None)
    assert (result.diagnosis and result.diagnosis.mistake) == named


def test_the_failure_shows_the_call(judges: Judges) -> None:
    failure = graded(judges, VIEWS).tests[0].failure
    assert failure is not None
    assert failure.call is not None
    assert failure.call.function == "copies"
    assert failure.message == "copies[0] and copies[1] are the same memory: a change to one changes all."
    assert failure.reproduction is not None
    assert failure.reproduction.splitlines()[-1].startswith("effects.copies(")
