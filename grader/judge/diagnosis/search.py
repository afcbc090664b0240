"""Finds slips of the reference that answer as a submission does.

Few of hundreds survive the call that the screen shows, and what is left is held against all answers. What each slip
answered there is kept as a fingerprint, since most submissions are asked the same.
"""

import contextlib
import types
import warnings
from collections.abc import Iterator, Sequence

import torch

from grader.course.variations import OWN
from grader.errors import UsageError
from grader.judge.cpu import bounded_cpu
from grader.judge.diagnosis.changed_calls import changed_calls
from grader.judge.diagnosis.evidence import Case
from grader.judge.diagnosis.memory import MADE_SECONDS, made_limits
from grader.judge.diagnosis.prints import Print, alike, print_of, print_of_call
from grader.judge.diagnosis.slips import slips
from grader.judge.diagnosis.trace import traced
from grader.judge.diagnosis.versions import Slip
from grader.judge.replay import Replay, replay
from grader.judge.session import Entry, Limits
from grader.sandbox import wire
from grader.sandbox.source import execute

MOST_STEPS = 20_000  # lines of a module that run for all slips tried for one call, by what runs in it without a slip
MOST_QUESTIONS = 32  # for which is kept what each slip answers
_ENDLESS = UsageError("A slip does not end.")
_NOTHING = Print(-1, ())  # of a slip that does not end


class Bench:
    """The reference, or a mistake, as a module in which one definition at a time is replaced by a slip of it."""

    def __init__(self, name: str, source: str, limits: Limits, own: str = ""):
        """`own`: the definition that has the reference's own version beside it, and is made of that."""
        self._source = source
        self._own = own
        self._scratch = execute(f"{name}_scratch", source)
        self._limits = made_limits(limits)
        self._made: dict[str, list[Slip]] = {}  # by the name that they replace
        self._prints: dict[tuple[bytes, int], dict[str, Print]] = {}  # by the questions, a place and the slip's name

    def fitting(self, case: Case, names: Sequence[str]) -> list[Slip]:
        """The slips of these definitions that answer the shown question of a failing test as the submission did.

        None do if the submission is right there.
        """
        place = case.shown
        if place is None or case.is_right[place] or case.given[place].missing:
            return []
        mine = print_of(case.given[place])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            by_name = {slip.name: slip for name in names for slip in self._slips_of(name)}
            key = case.questions, place
            if key not in self._prints:
                if len(self._prints) == MOST_QUESTIONS:
                    del self._prints[next(iter(self._prints))]
                self._prints[key] = dict(self._answers(case, place, list(by_name.values())))
        return [by_name[name] for name, theirs in self._prints[key].items() if alike(theirs, mine)]

    def _slips_of(self, name: str) -> list[Slip]:
        if name not in self._made:
            where = self._scratch, self._source, OWN + name if name == self._own else name, name
            self._made[name] = [*changed_calls(*where), *slips(*where)]
        return self._made[name]

    def _answers(self, case: Case, place: int, tried: Sequence[Slip]) -> Iterator[tuple[str, Print]]:
        """What each slip answers to one question of a test. A module is asked again and again, and made once.

        Nothing where the reference itself takes longer than a slip may: then there would be hours of it.
        """
        log = case.run.log[: place + 1]
        begin = _beginning(log)
        stage = Replay(self._scratch, case.run.seed, self._limits)
        try:
            with traced(self._scratch) as making:
                for entry in log[:begin]:
                    stage.answer(entry)
            generator = torch.get_rng_state()
            with traced(self._scratch) as calling:
                for entry in log[begin:]:
                    stage.answer(entry)
        except UsageError:
            return
        call = stage.called(log[-1]) if begin == place else None
        steps = 0
        for slip in tried:
            anew = slip.method == "__init__" or calling.lines.isdisjoint(slip.lines)
            if anew and making.lines.isdisjoint(slip.lines):
                continue  # what it changes does not run
            cost = 1 + calling.steps + (making.steps if anew else 0)
            if steps + cost > MOST_STEPS:
                continue
            steps += cost
            try:
                with _installed(slip, self._scratch, anew):
                    torch.set_rng_state(generator)
                    if anew:
                        theirs = print_of(list(replay(log, self._scratch, case.run.seed, self._limits))[-1])
                    elif call is not None:
                        with bounded_cpu(MADE_SECONDS, _ENDLESS):
                            theirs = print_of_call(call)
                    else:
                        theirs = print_of([stage.answer(entry) for entry in log[begin:]][-1])
            except UsageError:
                theirs = _NOTHING
            yield slip.name, theirs


@contextlib.contextmanager
def _installed(slip: Slip, scratch: types.ModuleType, anew: bool) -> Iterator[None]:
    """The module with a slip in the place of what it replaces, which objects that are not made anew have, too."""
    names = scratch.__dict__
    before = names[slip.target]
    slip.install(names)
    if slip.method is None or anew:
        try:
            yield
        finally:
            names[slip.target] = before
        return
    method = vars(names[slip.target])[slip.method]
    names[slip.target] = before
    own = vars(before)[slip.method]
    setattr(before, slip.method, method)
    try:
        yield
    finally:
        setattr(before, slip.method, own)


def _beginning(log: Sequence[Entry]) -> int:
    """The place of the question with which the last answer of a log begins: of gradients, the call they are of."""
    place = len(log) - 1
    while isinstance(request := log[place].request, wire.Differentiate):
        place = next(i for i, each in enumerate(log) if each.request.id == request.of)
    return place
