"""Runs a lab in a judge: the author's script here, the submission in its worker."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import UsageError
from grader.judge.explain import explain
from grader.judge.messages import Faulty, FromJudge, LabEnded, RunLab, Shows
from grader.judge.rng import Rng
from grader.judge.session import Fault, Limits, Session
from grader.judge.setting import Setting
from grader.lab import Shown
from grader.result import Failure, Versions
from grader.sandbox.starter import Starter

SECONDS = 1200.0  # that a lab may wait for the submission


def run_lab(lab: RunLab, starter: Starter, versions: Versions, say: Callable[[FromJudge], None]) -> None:
    """Says all that a lab shows, and how it ended: by itself, by a failure of the submission, or by its own fault."""
    try:
        failure = _run(lab, starter, lambda shown: say(Shows(_plain(shown, lab.path))))
    except UsageError as error:
        say(Faulty(str(error)))
    else:
        say(LabEnded(versions, failure))


def _run(lab: RunLab, starter: Starter, show: Callable[[Shown], None]) -> Failure | None:
    run = _script(Path(lab.path))
    session = Session(starter, lab.exercise, lab.source, lab.others, Limits(SECONDS, lab.memory), SECONDS)
    try:
        session.load()
        for shown in run(session.begin(lab.seed), Rng(lab.seed)):
            show(shown)
    except UsageError:
        raise
    except (Exception, Fault) as error:
        if not session.log and not isinstance(error, Fault):
            raise UsageError(f"{lab.path}: {type(error).__name__}: {error}.") from error
        setting = Setting(
            source=lab.source,
            module=lab.exercise,
            file=lab.file,
            reference=None,
            right=None,
            sizes={},
            log=session.log,
            seed=lab.seed,
        )
        return explain(error, setting)[1]
    finally:
        session.close()
    return None


def _script(path: Path) -> Callable[[Any, Rng], Iterator[Shown]]:
    """The function `run` of a `lab.py`."""
    try:
        found = runpy.run_path(str(path)).get("run")
    except Exception as error:
        raise UsageError(f"{path}: the lab cannot be loaded: {type(error).__name__}: {error}.") from error
    if not callable(found):
        raise UsageError(f"{path}: a lab defines run(submission, rng), which yields what it shows.")
    return found  # type: ignore[no-any-return]


def _plain(shown: Shown, path: str) -> Shown:
    """What a lab shows, if it is one of the kinds and holds plain numbers."""
    try:
        return msgspec.convert(msgspec.to_builtins(shown), Shown)  # type: ignore[no-any-return]
    except (TypeError, msgspec.ValidationError) as error:
        what = "a lab yields Step, Curves, Heatmap or Table, of plain numbers"
        raise UsageError(f"{path}: {what}: {error}.") from error
