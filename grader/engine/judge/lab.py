"""Runs a lab in a judge: the author's script here, each exercise's code in its own worker."""

import itertools
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Failure, Versions
from grader.engine.judge.context import Setting
from grader.engine.judge.explain import explain
from grader.engine.judge.messages import Faulty, FromJudge, LabEnded, RunLab, Shows
from grader.engine.judge.rng import Rng
from grader.engine.judge.session import Fault, Limits, Session
from grader.engine.sandbox.starter import Starter
from grader.lab import Shown

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
    limits = Limits(SECONDS, lab.memory)
    ids = itertools.count(1)  # of one order in all logs
    sessions = [
        Session(starter, code.exercise, code.source, code.others, limits, SECONDS, ids=ids) for code in lab.codes
    ]
    loaded = 0
    try:
        for session in sessions:
            session.load()
            loaded += 1
        submission, *others = (session.begin(lab.seed) for session in sessions)
        named = {code.exercise: other for code, other in zip(lab.codes[1:], others, strict=True)}
        for shown in run(submission, Rng(lab.seed), **named, **lab.options):
            show(shown)
    except UsageError:
        raise
    except (Exception, Fault) as error:
        asked = [session.log[-1].request.id if session.log else 0 for session in sessions]
        if not any(asked) and not isinstance(error, Fault):
            raise UsageError(f"{lab.path}: {type(error).__name__}: {error}.") from error
        at = asked.index(max(asked)) if any(asked) else loaded
        code = lab.codes[at]
        setting = Setting(
            source=code.source,
            module=code.exercise,
            file=code.file,
            reference=None,
            right=None,
            sizes={},
            log=sessions[at].log,
            seed=lab.seed,
        )
        return explain(error, setting)[1]
    finally:
        for session in sessions:
            session.close()
    return None


def _script(path: Path) -> Callable[..., Iterator[Shown]]:
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
