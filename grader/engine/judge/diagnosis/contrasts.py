"""Contrasts: the failing call repeated with one change, on the submission and on the reference.

A change is telling in three cases: the submission becomes right, so what was changed is what it gets wrong; its result
stays the same although the reference's changes; or, if the call should raise, the reference no longer does.

Some changes make the call so simple that nearly every function is right. Those say nothing, and known mistakes show
which they are: too many of them become right as well.
"""

import inspect
import itertools
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.engine.judge.diagnosis.evidence import Case
from grader.engine.judge.diagnosis.varied_calls import MAX_BYTES, UnpackedCall, VariedCall, varied_calls
from grader.engine.judge.faults import Fault
from grader.engine.judge.names import argument_name, resolve
from grader.engine.judge.replay import Answer, replay, same, tensors_in
from grader.engine.judge.session import LogEntry, SessionLimits
from grader.engine.sandbox import wire

MAX_TRIALS = 60
MAX_MISTAKES = 12  # that are tried on a change
MAX_RIGHT = 1 / 3  # of these mistakes may become right by a telling change
Ask = Callable[[Sequence[LogEntry]], Answer]


@dataclass(frozen=True)
class _Trial:
    """A varied call with the answers of submission and reference."""

    call: VariedCall
    mine: Answer
    right: Answer


def find_contrast(
    case: Case,
    sizes: dict[int, str],
    reference: types.ModuleType,
    mistakes: Sequence[types.ModuleType],
    limits: SessionLimits,
    ask: Ask,
) -> str | None:
    """Return a sentence about what the failing call of a test depends on; None if on nothing single.

    `mistakes` are wrong versions of the reference that answer this call wrongly as well. `ask` replays calls on the
    submission and returns its answer to the last. `sizes` are the test's names of sizes.

    Raises:
        UsageError: If the reference or a mistake takes too long on a varied call.
    """
    place = case.test.failing_place
    if place is None or case.is_right[place] or case.answers[place].reply is None:
        return None
    entry = case.test.log[place]
    if _is_large(entry) or not entry.is_whole or not isinstance(entry.request, wire.Invoke):
        return None
    before = case.test.log[:place]
    mine, right = case.answers[place], case.expected[place]
    trials: list[_Trial] = []
    allowed: list[VariedCall] = []
    call = UnpackedCall(entry, lambda name: argument_name(reference, entry, name))
    calls = varied_calls(call, _defaults(reference, entry.question.label), sizes)
    for varied in itertools.islice(calls, MAX_TRIALS):
        expected = list(replay([*before, varied.entry], reference, case.test.seed, limits))[-1]
        if not isinstance(expected.reply, wire.Returned):
            continue
        if isinstance(right.reply, wire.Threw):
            if varied.forbids:
                allowed.append(varied)
            continue
        try:
            asked = ask([*before, varied.entry])
        except Fault:
            return None
        trials.append(_Trial(varied, asked, expected))
    if isinstance(right.reply, wire.Threw):
        return _no_longer_raises(allowed, right.reply.type_name)

    def is_telling(trial: _Trial) -> bool:
        chosen = mistakes[:MAX_MISTAKES]
        found = [list(replay([*before, trial.call.entry], each, case.test.seed, limits))[-1] for each in chosen]
        return sum(same(each, trial.right) for each in found) <= MAX_RIGHT * len(found)

    return _same_result(trials, mine, right) or _right_result(trials, mine, is_telling)


def _is_large(entry: LogEntry) -> bool:
    """Return whether a call or its answer is too large to be repeated many times."""
    return max(len(entry.blob or b""), len(entry.reply_blob or b""), entry.weight) > MAX_BYTES


def _defaults(reference: types.ModuleType, label: str) -> dict[str, Any]:
    try:
        parameters = inspect.signature(resolve(reference, label)).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def _no_longer_raises(allowed: Sequence[VariedCall], type_name: str) -> str | None:
    """Return a sentence about a change under which the call need not raise, preferably of a single argument."""
    varied = min(allowed, key=lambda each: not each.subject, default=None)
    if varied is None:
        return None
    why = f": it is `{varied.subject}` that is not allowed here" if varied.subject else ""
    return f"{varied.words} no {type_name} would be expected{why}."


def _same_result(trials: Sequence[_Trial], mine: Answer, right: Answer) -> str | None:
    """Return a sentence about an argument that changes the reference's result but never the submission's."""
    if not isinstance(mine.reply, wire.Returned) or not _holds_numbers(mine):
        return None
    for subject in dict.fromkeys(each.call.subject for each in trials if each.call.subject):
        changed = [each for each in trials if each.call.subject == subject and not same(each.right, right)]
        if len(changed) > 1 and all(same(each.mine, mine) for each in changed):
            return f"Your result is the same whatever `{subject}` is."
    return None


def _holds_numbers(answer: Answer) -> bool:
    """Return whether an answer is more than zeros, NaN and infinities, which remain what they are for many reasons."""
    tensors = [tensor for _, tensor in tensors_in(answer.value)]
    return not tensors or any(bool((each.isfinite() & (each != 0)).any()) for each in tensors)


def _right_result(trials: Sequence[_Trial], mine: Answer, is_telling: Callable[[_Trial], bool]) -> str | None:
    """Return a sentence about the first telling change under which the submission is right."""
    raised = isinstance(mine.reply, wire.Threw)
    mended = [each for each in trials if same(each.mine, each.right)]
    broken = {each.call.words for each in trials if not same(each.mine, each.right)}
    for trial in mended:
        varied = trial.call
        fewest = 1 if raised else varied.fewest
        if fewest is None or varied.words in broken:
            continue
        alike = sum(other.call.subject == varied.subject for other in mended)
        tried = sum(each.call.subject == varied.subject for each in trials)
        if alike >= fewest and (fewest == 1 or 2 * alike > tried) and is_telling(trial):
            runs = "your code runs, and its" if raised else "your"
            return f"{varied.words} {runs} result is right: {varied.question}"
    return None
