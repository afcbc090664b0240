"""Labs: the author's script runs in the judge, the code of each exercise in a worker of its own."""

import itertools
import runpy
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Failure, Versions
from grader.base.text import clean
from grader.engine.judge.context import FailureContext
from grader.engine.judge.explain import explain
from grader.engine.judge.faults import Fault
from grader.engine.judge.messages import FromJudge, InvalidCourse, LabEnded, LabOutput, RunLab
from grader.engine.judge.rng import Rng
from grader.engine.judge.session import Session, SessionLimits
from grader.engine.sandbox.starter import Starter
from grader.lab import Shown, Stopped

SECONDS = 1200.0  # time limit of the submission in a lab


def run_lab(
    lab: RunLab,
    starter: Starter,
    versions: Versions,
    send: Callable[[FromJudge], None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Run a lab, and send what it shows and then LabEnded, or InvalidCourse if the lab itself is at fault.

    `stopped` returns whether the lab was asked to end; then it shows what there is.
    """
    try:
        failure = _run(lab, starter, lambda shown: send(LabOutput(_plain(shown, lab.path))), stopped)
    except UsageError as error:
        send(InvalidCourse(str(error)))
    else:
        send(LabEnded(versions, failure))


def _run(lab: RunLab, starter: Starter, show: Callable[[Shown], None], stopped: Callable[[], bool]) -> Failure | None:
    run = _load_run(Path(lab.path))
    limits = SessionLimits(SECONDS, lab.memory)
    ids = itertools.count(1)  # shared, so that the last request of all logs can be found
    sessions = [
        Session(starter, code.exercise, code.source, code.others, limits, SECONDS, ids=ids, trains=True)
        for code in lab.codes
    ]
    loaded = 0
    try:
        for session in sessions:
            session.load()
            loaded += 1
        submission, *others = (session.begin(lab.seed) for session in sessions)
        named = {code.exercise: other for code, other in zip(lab.codes[1:], others, strict=True)}
        setting = () if lab.setting is None else (lab.setting,)
        for shown in _until_stopped(run(submission, Rng(lab.seed), *setting, **named, **lab.options), stopped):
            show(shown)
    except UsageError:
        raise
    except (Exception, Fault) as error:
        last_ids = [session.log[-1].request.id if session.log else 0 for session in sessions]
        if not any(last_ids) and not isinstance(error, Fault):
            raise UsageError(f"{lab.path}: {type(error).__name__}: {error}.") from error
        at = last_ids.index(max(last_ids)) if any(last_ids) else loaded
        code = lab.codes[at]
        context = FailureContext(
            source=code.source,
            module=code.exercise,
            file=code.file,
            reference=None,
            expected=None,
            sizes={},
            log=sessions[at].log,
            seed=lab.seed,
        )
        return explain(error, context)[1]
    finally:
        for session in sessions:
            session.close()
    return None


def _until_stopped(shown: Generator[Shown, None, None], stopped: Callable[[], bool]) -> Iterator[Shown]:
    """Yield what a lab shows. Once it is asked to stop, raise Stopped in it, and yield what it shows then."""
    try:
        yield next(shown)
        while not stopped():
            yield next(shown)
        yield shown.throw(Stopped())
        yield from shown
    except (StopIteration, Stopped):
        return


def _load_run(path: Path) -> Callable[..., Generator[Shown, None, None]]:
    """Return the function `run` of a `lab.py`. Raises UsageError."""
    try:
        found = runpy.run_path(str(path)).get("run")
    except Exception as error:
        raise UsageError(f"{path}: the lab cannot be loaded: {type(error).__name__}: {error}.") from error
    if not callable(found):
        raise UsageError(f"{path}: a lab defines run(submission, rng), which yields what it shows.")
    return found  # type: ignore[no-any-return]


def _plain(shown: Shown, path: str) -> Shown:
    """Return what a lab shows with plain numbers and clean texts. Raises UsageError if it is of no known type."""
    try:
        return msgspec.convert(_clean(msgspec.to_builtins(shown)), Shown)  # type: ignore[no-any-return]
    except (TypeError, msgspec.ValidationError) as error:
        what = "a lab yields Step, Curves, Heatmap or Table, of plain numbers"
        raise UsageError(f"{path}: {what}: {error}.") from error


def _clean(value: Any) -> Any:
    """Return builtins with clean texts: what a model says, for instance, comes from the student's code."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {key: _clean(each) for key, each in value.items()}
        case list() | tuple():
            return [_clean(each) for each in value]
        case _:
            return value
