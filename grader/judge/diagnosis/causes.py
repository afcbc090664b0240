"""Tells which mistakes a submission makes: known ones, two of them at once, or a slip that a machine has made.

A mistake is claimed only on this evidence: no answer contradicts it (see `evidence`), and it explains something in all
failing tests that ask for the function which it replaces, or where none does of those that reach it. Since there can be
a second mistake, half of them are enough for more than one answer or several numbers: one coincidence is not. Each
failing test has the mistake that explains most of it. Where none explains all that is wrong in a test, two are tried
together, of two functions or one made around the other, and then slips made by machine: of the reference, or of the
mistake that explains a part. Both are some of hundreds, so they have to explain more: the whole of a failing test,
several numbers of it, something in most of the failing tests that they reach (two mistakes: all that is wrong in each
of them), and where others do so as well, there must be few.
"""

import inspect
import itertools
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from grader.errors import UsageError
from grader.judge.diagnosis.evidence import ENOUGH, Account, Case, Run, account
from grader.judge.diagnosis.memory import Memory
from grader.judge.diagnosis.search import Bench
from grader.judge.diagnosis.versions import Mistake, Nested, Pair, Slip, Slipped, Version
from grader.judge.session import Limits
from grader.result import Diagnosis

MOST_PAIRS = 40  # of mistakes, that are tried together for one test
MOST_SEARCHES = 2  # for pairs of mistakes, one for each test, and for slips, one for each module
MOST_BENCHES = 1  # that are kept for mistakes in which slips were made: each has some megabytes
MOST_PAIRS_KEPT = 32  # each has modules of its own
MOST_SLIPS = 12  # that are held against all answers of a submission
MOST_CAUSES = 3  # different slips that may explain a failure equally well, for the first of them to be told


@dataclass(frozen=True)
class _Claim:
    """Mistakes that nothing contradicts, and what they explain of the failing tests that they reach, by place."""

    mistakes: tuple[Mistake | Slip, ...]
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

    def explains_most(self) -> bool:
        """Whether this is something in most of the failing tests that reach what is wrong."""
        return 2 * sum(bool(found.agreed) for found in self.accounts.values()) > len(self.accounts)

    def explains_all(self) -> bool:
        """Whether this is all that is wrong in the failing tests that reach it."""
        return not any(each.others for each in self.accounts.values())

    def diagnoses(self, test: str, place: int) -> Iterator[Diagnosis]:
        """The mistakes, as what explains a test."""
        found = self.accounts[place]
        whole = found.whole and 2 * self.explained > len(self.asking)
        for each in self.mistakes:
            known = isinstance(each, Mistake)
            yield Diagnosis(each.name, each.advice, each.replaces, test, self.agreed, whole, found.shown, known)


class Causes:
    """Looks for the causes of failures among the known mistakes of one exercise and the slips of its reference."""

    def __init__(self, reference: types.ModuleType, mistakes: Sequence[Mistake], limits: Limits):
        """`limits`: those of a test, which the reference and the mistakes have for their answers."""
        self.memory = Memory(reference, limits)
        self._mistakes = mistakes
        self._reference = reference
        self._limits = limits
        self._pair = lru_cache(MOST_PAIRS_KEPT)(_pair)
        self._bench_of = lru_cache(MOST_BENCHES)(self._made_bench)

    @cached_property
    def _bench(self) -> Bench:
        """Made for the first submission that is wrong in a way nobody has written down."""
        return Bench(self._reference.__name__, inspect.getsource(self._reference), self._limits)

    def _made_bench(self, known: Mistake) -> Bench:
        own = known.replaces if known.uses_reference else ""
        return Bench(known.name, known.under_its_name, self._limits, own)

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
        pairs = searches = 0
        for place in failing:
            if place in explained:
                continue
            best = _best(claims, place)
            whole = cases[place].broken_off or (best is not None and best.accounts[place].whole)
            if not whole and pairs < MOST_SEARCHES:
                pairs += 1
                pair = self._together(cases, possible, place)
                if pair is not None and pair.explains_all():
                    best, whole = pair, True
            for base in (None, *_most_seen(claims, place)) if not whole else ():
                if searches == MOST_SEARCHES:
                    break
                searches += 1
                slip = self._slip(cases, place, base)
                if slip is not None and slip.explains_most():
                    best = slip
                    break
            if best is not None:
                explained |= best.whole
                for each in best.diagnoses(cases[place].run.test, place):
                    found.setdefault(each.mistake, each)
        return tuple(found.values())

    def _claim(self, cases: Sequence[Case], version: Version, *mistakes: Mistake | Slip) -> _Claim | None:
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
        shown = [each for claim in ranked for each in claim.mistakes if isinstance(each, Mistake)]
        shown = [each for each in shown if each.replaces in case.reached and any(self.memory.wrongs(case, each))]
        claims: dict[frozenset[str], _Claim] = {}
        for one, two in itertools.islice(_two_of(shown), MOST_PAIRS):
            version = self._pair(one, two)
            claim = self._made_claim(cases, place, version, one, two)
            if claim is not None and claim.weight >= ENOUGH:
                claims.setdefault(frozenset((one.name, two.name)), claim)
        return _only(list(claims.values()), most=1)

    def _made_claim(
        self, cases: Sequence[Case], place: int, version: Version, *mistakes: Mistake | Slip
    ) -> _Claim | None:
        """What a version that was made by machine explains, if it explains all that is wrong in a failing test.

        None also where it does not end: no author is to blame for it.
        """
        case = cases[place]
        try:
            found = account(case, self.memory.wrongs(case, version), version.names, direct=True, whole=True)
            return self._claim(cases, version, *mistakes) if found is not None and found.agreed else None
        except UsageError:
            return None

    def _slip(self, cases: Sequence[Case], place: int, known: Mistake | None) -> _Claim | None:
        """The slip that explains all that is wrong in a test: of the reference, or of a known mistake."""
        case = cases[place]
        direct = dict.fromkeys(case.asked)
        names = [name for name in (*direct, *sorted(case.reached - direct.keys())) if name in case.reached]
        claims: list[_Claim] = []
        bench = self._bench if known is None else self._bench_of(known)
        for slip in bench.fitting(case, names)[:MOST_SLIPS]:
            version = slip if known is None else Slipped(known, slip)
            claim = self._made_claim(cases, place, version, *((slip,) if known is None else (known, slip)))
            if claim is not None and claim.weight >= ENOUGH:
                claims.append(claim)
            slip.let_go()
        return _only(claims, MOST_CAUSES)


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


def _only(claims: Sequence[_Claim], most: int) -> _Claim | None:
    """The claim that explains most; None where more than `most` do so equally well."""
    best = max((each.rank for each in claims), default=None)
    equal = [each for each in claims if each.rank == best]
    return equal[0] if 0 < len(equal) <= most else None


def _most_seen(claims: Sequence[_Claim], place: int) -> list[Mistake]:
    """The known mistake that explains most in all, of those that a failing test reaches; none if there is none."""
    reaching = [claim for claim in claims if place in claim.accounts]
    best = max(reaching, key=lambda each: each.agreed, default=None)
    return [] if best is None else [each for each in best.mistakes if isinstance(each, Mistake)]


def _best(claims: Sequence[_Claim], place: int) -> _Claim | None:
    """The claim that explains most of a failing test."""
    explaining = [each for each in claims if place in each.accounts and each.accounts[place].agreed]
    return max(explaining, key=lambda each: (each.accounts[place].whole, *each.rank), default=None)
