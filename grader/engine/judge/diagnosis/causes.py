"""Tells which known mistakes a submission makes, or which two of them at once.

A mistake is claimed only on this evidence: no answer contradicts it (see `evidence`), and it explains something in all
failing tests that ask for the function which it replaces, or where none does of those that reach it. Since there can be
a second mistake, half of them are enough for more than one answer or several numbers: one coincidence is not. Each
failing test has the mistake that explains most of it. Where none explains all that is wrong in a test, two are tried
together, of two functions or one made around the other. They are some of hundreds, so they have to explain more: all
that is wrong in every failing test that they reach, several numbers of it, and no other two may do so equally well.
"""

import itertools
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grader.base.errors import UsageError
from grader.base.result import Diagnosis
from grader.engine.judge.diagnosis.evidence import ENOUGH, Account, Case, Run, account
from grader.engine.judge.diagnosis.memory import Memory
from grader.engine.judge.diagnosis.versions import Mistake, Nested, Pair, Version
from grader.engine.judge.session import Limits

MOST_PAIRS = 40  # of mistakes, that are tried together for one test
MOST_SEARCHES = 2  # for pairs of mistakes, one for each test
MOST_PAIRS_KEPT = 32  # each has modules of its own


@dataclass(frozen=True)
class _Claim:
    """Mistakes that nothing contradicts, and what they explain of the failing tests that they reach, by place."""

    mistakes: tuple[Mistake, ...]
    accounts: dict[int, Account]
    elsewhere: int  # answers of passed tests that are their own

    @property
    def agreed(self) -> int:
        """How many answers are their own."""
        return self.elsewhere + sum(each.agreed for each in self.accounts.values())

    @property
    def rank(self) -> tuple[bool, int]:
        """Whether all that is wrong in the tests that they explain is their own; how many answers are."""
        return not any(each.others for each in self.accounts.values() if each.agreed), self.agreed

    @property
    def whole(self) -> set[int]:
        """The failing tests in which nothing is left to explain."""
        return {place for place, found in self.accounts.items() if found.whole}

    @property
    def asking(self) -> list[Account]:
        """Of the failing tests that ask for what is wrong, or where none does of those that reach it."""
        return [each for each in self.accounts.values() if each.asked] or list(self.accounts.values())

    @property
    def explained(self) -> int:
        """In how many failing tests that ask for what is wrong this is something."""
        return sum(bool(each.agreed) for each in self.asking)

    @property
    def weight(self) -> int:
        """In how many numbers of failing tests the answers are their own."""
        return sum(each.weight for each in self.accounts.values())

    def explains_enough(self) -> bool:
        """Whether this is something in all failing tests that ask for what is wrong, or more than that in half."""
        half = 2 * self.explained >= len(self.asking) and (self.agreed > 1 or self.weight >= 2 * ENOUGH)
        return bool(self.explained) and (self.explained == len(self.asking) or half)

    def explains_all(self) -> bool:
        """Whether this is all that is wrong in the failing tests that reach it."""
        return not any(each.others for each in self.accounts.values())

    def diagnoses(self, test: str, place: int) -> Iterator[Diagnosis]:
        """The mistakes, as what explains a test."""
        found = self.accounts[place]
        whole = found.whole and 2 * self.explained > len(self.asking)
        for each in self.mistakes:
            yield Diagnosis(each.name, each.advice, each.replaces, test, self.agreed, whole, found.shown)


class Causes:
    """Looks for the causes of failures among the known mistakes of one exercise."""

    def __init__(self, reference: types.ModuleType, mistakes: Sequence[Mistake], limits: Limits):
        """`limits`: those of a test, which the reference and the mistakes have for their answers."""
        self.memory = Memory(reference, limits)
        self._mistakes = mistakes
        self._pair = lru_cache(MOST_PAIRS_KEPT)(_pair)

    def diagnose(self, runs: Sequence[Run]) -> tuple[Diagnosis, ...]:
        """For each failing test the mistake that explains it, or two that do so together; each mistake once."""
        if not any(run.failed for run in runs):
            return ()
        cases = [self.memory.case(run) for run in runs]
        failing = [place for place, case in enumerate(cases) if case.run.failed]
        possible = [claim for each in self._mistakes if (claim := self._claim(cases, each, each)) is not None]
        claims = [each for each in possible if each.explains_enough()]
        found: dict[str, Diagnosis] = {}
        explained: set[int] = set()
        searches = 0
        for place in failing:
            if place in explained:
                continue
            best = _best(claims, place)
            whole = cases[place].broken_off or (best is not None and best.accounts[place].whole)
            if not whole and searches < MOST_SEARCHES:
                searches += 1
                pair = self._together(cases, possible, place)
                if pair is not None and pair.explains_all():
                    best = pair
            if best is not None:
                explained |= best.whole
                for each in best.diagnoses(cases[place].run.test, place):
                    found.setdefault(each.mistake, each)
        return tuple(found.values())

    def _claim(self, cases: Sequence[Case], version: Version, *mistakes: Mistake) -> _Claim | None:
        """What a version explains; None where an answer contradicts it.

        The passed tests are asked only of what explains something of the failing ones.
        """
        accounts: dict[int, Account] = {}
        elsewhere = 0
        reaching = [(place, case) for place, case in enumerate(cases) if not case.reached.isdisjoint(version.names)]
        direct = any(name in version.names for _, case in reaching for name in case.asked)
        for place, case in sorted(reaching, key=lambda each: not each[1].run.failed):
            if not case.run.failed and not any(each.agreed for each in accounts.values()):
                break
            found = account(case, self.memory.wrongs(case, version), version.names, direct)
            if found is None:
                return None
            if case.run.failed:
                accounts[place] = found
            else:
                elsewhere += found.agreed
        return _Claim(mistakes, accounts, elsewhere)

    def _together(self, cases: Sequence[Case], possible: Sequence[_Claim], place: int) -> _Claim | None:
        """Two mistakes that together explain all that is wrong in a test, where neither does alone.

        None where different ones do so equally well.
        """
        case = cases[place]
        ranked = sorted(possible, key=lambda each: -each.agreed)
        shown = [each for claim in ranked for each in claim.mistakes]
        shown = [each for each in shown if each.replaces in case.reached and any(self.memory.wrongs(case, each))]
        claims: dict[frozenset[str], _Claim] = {}
        for one, two in itertools.islice(_two_of(shown), MOST_PAIRS):
            version = self._pair(one, two)
            claim = self._made_claim(cases, place, version, one, two)
            if claim is not None and claim.weight >= ENOUGH:
                claims.setdefault(frozenset((one.name, two.name)), claim)
        return _only(list(claims.values()))

    def _made_claim(self, cases: Sequence[Case], place: int, version: Version, *mistakes: Mistake) -> _Claim | None:
        """Return what two mistakes together explain, if they explain all that is wrong in a failing test.

        None also where it does not end: no author is to blame for it.
        """
        case = cases[place]
        try:
            found = account(case, self.memory.wrongs(case, version), version.names, direct=True, whole=True)
            return self._claim(cases, version, *mistakes) if found is not None and found.agreed else None
        except UsageError:
            return None


def _pair(one: Mistake, two: Mistake) -> Version:
    """Two mistakes made together; of one name, the first around the second."""
    return Nested(one, two) if one.replaces == two.replaces else Pair(one, two)


def _two_of(mistakes: Sequence[Mistake]) -> Iterator[tuple[Mistake, Mistake]]:
    """Two mistakes each: of two names, or of one name the outer and the inner."""
    for one, two in itertools.combinations(mistakes, 2):
        if one.replaces != two.replaces:
            yield one, two
        else:
            yield from ((a, b) for a, b in ((one, two), (two, one)) if a.uses_reference)


def _only(claims: Sequence[_Claim]) -> _Claim | None:
    """Return the claim that explains most; None where several do so equally well."""
    best = max((each.rank for each in claims), default=None)
    equal = [each for each in claims if each.rank == best]
    return equal[0] if len(equal) == 1 else None


def _best(claims: Sequence[_Claim], place: int) -> _Claim | None:
    """The claim that explains most of a failing test."""
    explaining = [each for each in claims if place in each.accounts and each.accounts[place].agreed]
    return max(explaining, key=lambda each: (each.accounts[place].whole, *each.rank), default=None)
