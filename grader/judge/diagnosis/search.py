"""Finds slips of the reference that answer as a submission does.

Few of hundreds survive the first wrong answer of the failing test, and what is left is held against all answers. What
each slip answered to a test's questions is kept as fingerprints, since most submissions are asked the same.
"""

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch

from grader.errors import UsageError
from grader.judge.cpu import OWN_CPU, bounded_cpu
from grader.judge.diagnosis.changed_calls import changed_calls
from grader.judge.diagnosis.evidence import Case
from grader.judge.diagnosis.prints import Print, alike, print_of
from grader.judge.diagnosis.slips import slips
from grader.judge.diagnosis.versions import Slip
from grader.judge.replay import replay
from grader.judge.session import Limits
from grader.sandbox.source import execute

MOST_ANSWERS = 20_000  # of slips to the questions of one test, that are asked for
_SECONDS = 0.2  # of CPU that a slip may take for an answer: some never end
_ENDLESS = UsageError("A slip does not end.")


class Bench:
    """The reference as a module in which one definition at a time is replaced by a slip of it."""

    def __init__(self, name: str, source: str, limits: Limits):
        self._source = source
        self._scratch = execute(name, source)
        self._limits = Limits(_SECONDS / OWN_CPU, limits.memory)
        self._made: dict[str, list[Slip]] = {}  # by the name that they replace
        self._prints: dict[tuple[bytes, str], list[Print]] = {}  # by the questions of a test and the slip's name

    def slips_of(self, name: str) -> list[Slip]:
        """All slips of a definition of the reference."""
        if name not in self._made:
            made = [*changed_calls(self._scratch, self._source, name), *slips(self._scratch, self._source, name)]
            self._made[name] = made
        return self._made[name]

    def fitting(self, case: Case, names: Sequence[str]) -> list[Slip]:
        """The slips of these definitions that answer all questions of a failing test as the submission did."""
        mine = [print_of(answer) for answer in case.given]
        right = [print_of(answer) for answer in case.right]
        left = MOST_ANSWERS
        found: list[Slip] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for slip in (each for name in names for each in self.slips_of(name)):
                theirs = list(itertools.takewhile(_agreeing(mine), self._answers(case, slip)))
                left -= len(theirs) + 1
                if len(theirs) == len(mine) and not all(map(alike, theirs, right)):
                    found.append(slip)
                if left < 0:
                    break
        return found

    def _answers(self, case: Case, slip: Slip) -> Iterator[Print]:
        """What a slip answers to the questions of a test: what is kept of it, then by asking."""
        known = self._prints.setdefault((case.questions, slip.name), [])
        yield from known
        if len(known) == len(case.right):
            return
        before = self._scratch.__dict__[slip.replaces]
        try:
            slip.install(self._scratch.__dict__)
            for place, theirs in enumerate(self._ask(case)):
                if place >= len(known):
                    known.append(theirs)
                    yield theirs
        except UsageError:  # it does not end
            known += [Print(-1, ())] * (len(case.right) - len(known))
            yield known[-1]
        finally:
            self._scratch.__dict__[slip.replaces] = before

    def _ask(self, case: Case) -> Iterator[Print]:
        """What the scratch module, as it is now, answers to the questions of a test."""
        if case.plain is None:
            yield from map(print_of, replay(case.run.log, self._scratch, case.run.seed, self._limits))
            return
        torch.default_generator.manual_seed(case.run.seed)
        for call in case.plain:
            with bounded_cpu(_SECONDS, _ENDLESS):
                theirs = call.answer(self._scratch)
            yield theirs


def _agreeing(mine: Sequence[Print]) -> Callable[[Print], bool]:
    """Whether answers, given one after the other, may be the submission's."""
    left = iter(mine)
    return lambda theirs: alike(theirs, next(left))
