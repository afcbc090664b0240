"""On what a failure depends: the failing call is made again with one thing changed, by submission and reference.

Three things can come of it: with the change the submission is right, so what was changed is what it gets wrong; its
result stays the same where the reference's does not; or, where an error is expected or was not, which argument it is.
"""

import inspect
import itertools
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.engine.judge.diagnosis.evidence import Case
from grader.engine.judge.diagnosis.questions import MAX_BYTES, Call, Varied, variations
from grader.engine.judge.names import argument_name, resolve
from grader.engine.judge.replay import Answer, replay, same
from grader.engine.judge.session import Entry, Fault, Limits
from grader.engine.sandbox import wire

MOST = 60  # variations that are tried
Ask = Callable[[Sequence[Entry]], Answer]


@dataclass(frozen=True)
class _Tried:
    """A variation, with the answers of the submission and of the reference."""

    varied: Varied
    mine: Answer
    right: Answer


def contrasts(case: Case, sizes: dict[int, str], reference: types.ModuleType, limits: Limits, ask: Ask) -> str | None:
    """A sentence about what the failing call of a test depends on; None where nothing single does.

    `ask` puts questions to the submission and gives its answer to the last. `sizes`: what the test calls a size.
    """
    place = case.shown
    if place is None or case.is_right[place] or case.given[place].reply is None:
        return None
    entry = case.run.log[place]
    if _large(entry) or not entry.whole or not isinstance(entry.request, wire.Invoke):
        return None
    before = case.run.log[:place]
    mine, right = case.given[place], case.right[place]
    tried: list[_Tried] = []
    call = Call(entry, lambda name: argument_name(reference, entry, name))
    refused = right.reply.type_name if isinstance(right.reply, wire.Threw) else None
    defaults = _defaults(reference, entry.question.label)
    for varied in itertools.islice(variations(call, defaults, sizes), MOST):
        theirs = list(replay([*before, varied.entry], reference, case.run.seed, limits))[-1]
        if not isinstance(theirs.reply, wire.Returned):
            continue
        if refused is not None:
            bad = f"it is `{varied.subject}` that is not allowed here" if varied.subject else "then all is allowed"
            return f"{varied.words} no {refused} would be due: {bad}."
        try:
            asked = ask([*before, varied.entry])
        except Fault:
            return None
        tried.append(_Tried(varied, asked, theirs))
    return _said(tried, mine, right)


def _large(entry: Entry) -> bool:
    """Whether a question is too large to be asked so often, or its answer to be read so often."""
    return max(len(entry.blob or b""), len(entry.reply_blob or b""), entry.weight) > MAX_BYTES


def _defaults(reference: types.ModuleType, label: str) -> dict[str, Any]:
    try:
        parameters = inspect.signature(resolve(reference, label)).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def _said(tried: Sequence[_Tried], mine: Answer, right: Answer) -> str | None:
    """The most telling of what was tried."""
    for subject in dict.fromkeys(each.varied.subject for each in tried if each.varied.subject):
        own = [each for each in tried if each.varied.subject == subject and not same(each.right, right)]
        returned = isinstance(mine.reply, wire.Returned)
        if returned and len(own) > 1 and all(same(each.mine, mine) for each in own):
            return f"Your result is the same whatever `{subject}` is."
    failed = isinstance(mine.reply, wire.Threw)
    mended, broken = [], set()
    for each in tried:
        if same(each.mine, each.right):
            mended.append(each.varied)
        else:
            broken.add(each.varied.words)
    for varied in mended:
        fewest = 1 if failed else varied.fewest
        alike = sum(other.subject == varied.subject for other in mended)
        most = fewest == 1 or 2 * alike > sum(each.varied.subject == varied.subject for each in tried)
        if fewest is not None and alike >= fewest and most and varied.words not in broken:
            runs = "your code runs, and its" if failed else "your"
            return f"{varied.words} {runs} result is right."
    return None
