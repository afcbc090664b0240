"""Tells which known mistakes a submission makes.

A mistake is claimed only on this evidence: no answer contradicts it (see `evidence`), and it explains the first
failing test, or at least half of the failing tests that reach the function which it replaces: one late coincidence is
not enough. Each failing test has the mistake that explains most of it. Where none explains all that is wrong in a
test, two are tried together.
"""

import hashlib
import inspect
import itertools
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from grader.judge.diagnosis.evidence import Account, Case, Run, Wrong, account, numbers, wrong
from grader.judge.diagnosis.reach import asks_for, reached, uses
from grader.judge.diagnosis.search import Bench
from grader.judge.diagnosis.versions import Mistake, Pair, Slip, Version
from grader.judge.replay import Answer, answers, names_of_slots, replay, size
from grader.judge.session import Limits
from grader.result import Diagnosis

MAX_KEPT = 16 << 20  # bytes of answers of the reference and of mistakes
MOST_SLIPS = 12  # that are held against all answers of a submission
MOST_CAUSES = 3  # different ones that may explain a failure equally well, for the first of them to be told
ENOUGH = 6  # numbers that a slip has to explain
MOST_PAIRS = 40  # of mistakes, that are tried together for one submission
_encode = msgspec.msgpack.encode


@dataclass(frozen=True)
class _Claim:
    """Mistakes that nothing contradicts, and what they explain of each failing test that they reach, by their places."""

    mistakes: tuple[Mistake | Slip, ...]
    accounts: dict[int, Account]
    elsewhere: int  # answers of passed tests that are their own

    @property
    def agreed(self) -> int:
        return self.elsewhere + sum(each.agreed for each in self.accounts.values())

    @property
    def whole(self) -> set[int]:
        """The failing tests in which nothing is left to explain."""
        return {place for place, found in self.accounts.items() if found.whole}

    def explains_enough(self, first: int) -> bool:
        """Whether this is the first failing test, or at least half of those that reach what is wrong."""
        explained = [place for place, found in self.accounts.items() if found.agreed]
        return bool(explained) and (explained[0] == first or 2 * len(explained) >= len(self.accounts))

    def diagnoses(self, test: str, place: int) -> Iterator[Diagnosis]:
        """The mistakes, as what explains a test."""
        whole = self.accounts[place].whole
        for each in self.mistakes:
            yield Diagnosis(each.name, each.advice, each.replaces, test, self.agreed, whole)

    @property
    def rank(self) -> tuple[bool, int]:
        """All that is wrong in the tests that it explains is its own; how many answers are."""
        return not any(each.others for each in self.accounts.values() if each.agreed), self.agreed


class KnownMistakes:
    """The mistakes of one exercise, and what they and the reference answer to what its tests ask.

    Most submissions of a class are asked the same, so answers are kept: as many as fit into `MAX_KEPT`.
    """

    def __init__(self, reference: types.ModuleType, mistakes: Sequence[Mistake], limits: Limits):
        """`limits`: those of a test, which the reference and the mistakes have for their answers."""
        self._reference = reference
        self._mistakes = mistakes
        self._limits = limits
        self._uses = uses(reference)
        self._right: dict[bytes, list[Answer]] = {}  # of the reference, by the questions
        self._wrong: dict[tuple[bytes, str], list[Wrong | None]] = {}  # of a mistake; None where it answers right
        self._pairs: dict[tuple[str, str], Pair] = {}
        self._bench = Bench(reference.__name__, inspect.getsource(reference), limits)
        self._kept = 0  # bytes of answers

    def right(self, run: Run) -> list[Answer]:
        """What the reference answers to the questions of a run."""
        return self._answers(run, _questions(run))

    def case(self, run: Run) -> Case:
        """A run with what the reference answers to its questions."""
        questions = _questions(run)
        return Case(run, answers(run.log), questions, self._answers(run, questions), reached(run.log, self._uses))

    def diagnose(self, runs: Sequence[Run]) -> tuple[Diagnosis, ...]:
        """For each failing test the mistake that explains it, or two that do so together; each mistake once."""
        if not any(run.failed for run in runs):
            return ()
        cases = [self.case(run) for run in runs]
        first = next(place for place, case in enumerate(cases) if case.run.failed)
        possible = [claim for each in self._mistakes if (claim := self._claim(cases, each, each)) is not None]
        claims = [each for each in possible if each.explains_enough(first)]
        found: dict[str, Diagnosis] = {}
        open_ = [place for place, case in enumerate(cases) if case.run.failed]
        for place in list(open_):
            if place not in open_:  # another's explanation is that of this test, too
                continue
            best = _best(claims, place)
            if best is None or not best.accounts[place].whole:
                best = self._together(cases, possible, place) or best
            if best is not None:
                open_ = [each for each in open_ if each not in best.whole]
                for said in best.diagnoses(cases[place].run.test, place):
                    found.setdefault(said.mistake, said)
        if not found:
            slip = self._slip(cases, open_[0])
            found |= {said.mistake: said for said in slip.diagnoses(cases[open_[0]].run.test, open_[0])} if slip else {}
        return tuple(found.values())

    def _claim(self, cases: Sequence[Case], version: Version, *mistakes: Mistake | Slip) -> _Claim | None:
        """What a version explains; None where an answer contradicts it."""
        accounts: dict[int, Account] = {}
        elsewhere = 0
        reaching = [(place, case) for place, case in enumerate(cases) if not case.reached.isdisjoint(version.names)]
        direct = any(asks_for(entry, name) for _, case in reaching for entry in case.run.log for name in version.names)
        for place, case in sorted(reaching, key=lambda each: not each[1].run.failed):  # most are contradicted early
            found = account(case, self._wrongs(case, version), version.names, direct)
            if found is None:
                return None
            if case.run.failed:
                accounts[place] = found
            else:
                elsewhere += found.agreed
        return _Claim(mistakes, accounts, elsewhere)

    def _together(self, cases: Sequence[Case], possible: Sequence[_Claim], place: int) -> _Claim | None:
        """Two mistakes, of two names, that together explain all that is wrong in a test, where neither does alone."""
        case = cases[place]
        shows = [each for each in possible if place in each.accounts and any(self._wrongs(case, each.mistakes[0]))]
        shows.sort(key=lambda each: -each.agreed)
        pairs = itertools.combinations([mistake for each in shows for mistake in each.mistakes], 2)
        for one, two in itertools.islice((pair for pair in pairs if pair[0].replaces != pair[1].replaces), MOST_PAIRS):
            pair = self._pairs.setdefault((one.name, two.name), Pair(one, two))
            found = account(case, self._wrongs(case, pair), pair.names, direct=True)
            if found is not None and found.whole:
                claim = self._claim(cases, pair, one, two)
                if claim is not None:
                    return claim
        return None

    def _slip(self, cases: Sequence[Case], place: int) -> _Claim | None:
        """A slip of the reference, made by machine, that explains all that is wrong in a test."""
        case = cases[place]
        direct = dict.fromkeys(entry.question.label.split(".")[0] for entry in case.run.log)
        names = [name for name in (*direct, *sorted(case.reached - direct.keys())) if name in case.reached]
        claims: list[_Claim] = []
        for slip in self._bench.fitting(case, names)[:MOST_SLIPS]:
            claim = self._claim(cases, slip, slip)
            if claim is not None and claim.accounts[place].whole and self._weight(cases, slip) >= ENOUGH:
                claims.append(claim)
        causes = {each.mistakes[0].name for each in claims if each.rank == max(other.rank for other in claims)}
        return max(claims, key=lambda each: each.rank) if claims and len(causes) <= MOST_CAUSES else None

    def _weight(self, cases: Sequence[Case], version: Version) -> int:
        """How many numbers there are in which a version's answers, and the submission's, are not the reference's."""
        return sum(
            numbers(each.answer, right)
            for case in cases
            if case.run.failed and not case.reached.isdisjoint(version.names)
            for each, right in zip(self._wrongs(case, version), case.right, strict=True)
            if each is not None
        )

    def _answers(self, run: Run, questions: bytes) -> list[Answer]:
        if questions not in self._right:
            found = list(replay(run.log, self._reference, run.seed, self._limits))
            self._make_room(sum(map(size, found)))
            self._right[questions] = found
        return self._right[questions]

    def _wrongs(self, case: Case, version: Version) -> Iterator[Wrong | None]:
        """What a version answers to the questions of a run, where it is wrong: what is kept of it, then by asking."""
        key = case.questions, version.name
        known = self._wrong.get(key, [])
        yield from known
        if len(known) == len(case.right):
            return
        found: list[Wrong | None] = []
        replayed = replay(case.run.log, version.module, case.run.seed, self._limits)
        for answer, right in zip(replayed, case.right, strict=True):
            each = wrong(answer, right)
            found.append(each)
            if len(found) > len(known):
                self._make_room(size(each.answer) if each is not None else 0)
                self._wrong[key] = found
                yield each

    def _make_room(self, more: int) -> None:
        self._kept += more
        if self._kept > MAX_KEPT:
            self._right.clear()
            self._wrong.clear()
            self._kept = more


def _best(claims: Sequence[_Claim], place: int) -> _Claim | None:
    """The claim that explains most of a failing test."""
    explaining = [each for each in claims if place in each.accounts and each.accounts[place].agreed]
    return max(explaining, key=lambda each: (each.accounts[place].whole, *each.rank), default=None)


def _questions(run: Run) -> bytes:
    """A hash of all that the answers of a replay depend on."""
    digest = hashlib.sha256(f"{run.seed}".encode())
    for entry in run.log:
        digest.update(_encode((entry.request, entry.blob, names_of_slots(entry.reply))))
    return digest.digest()
