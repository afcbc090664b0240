"""Search for the known mistakes, or pairs of them, that explain why a submission fails.

A single mistake is named if no answer contradicts it (see `evidence`) and it explains something in every relevant
failing test. Since there may be a second mistake, half of these tests are enough if it explains more than one answer
or many numbers, and one test if it explains all of it. Relevant are the failing tests that ask directly for what the
mistake replaces, or if there are none, those that reach it.

If no single mistake explains all of a failing test, pairs are tried: two mistakes that replace different names, or one
nested in the other. Because a pair is one of hundreds, it must explain more: every wrong answer of all failing tests
that it reaches, with enough evidence, and no other pair may do so equally well.

If nothing explains a failing test, a mistake is named that exceeds the limit of time or memory that the submission
exceeds in all of them.
"""

import itertools
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from grader.base.errors import UsageError
from grader.base.result import Certainty, Diagnosis
from grader.course.variations import Variation
from grader.engine.judge.diagnosis.answer_cache import AnswerCache
from grader.engine.judge.diagnosis.evidence import ENOUGH, Case, Coverage, RecordedTest, coverage_of
from grader.engine.judge.diagnosis.versions import MistakePair, NestedMistakes, SingleMistake, Version
from grader.engine.judge.session import SessionLimits

MAX_CALLS = 30_000  # replayed on versions with other values of parameters
MAX_PAIRS = 40  # tried for one test
MAX_PAIR_SEARCHES = 2  # per submission
MAX_PAIRS_KEPT = 32  # each has modules of its own
MAX_DIAGNOSED = 1000  # submissions of which the diagnosis is kept: a class makes the same mistakes


@dataclass(frozen=True)
class _Candidate:
    """One or two mistakes that no answer contradicts."""

    mistakes: tuple[SingleMistake, ...]
    coverage: dict[int, Coverage]  # of the failing tests that reach the mistakes, by place
    explained_elsewhere: int  # answers of passed tests

    @property
    def explained(self) -> int:
        """The number of wrong answers that it explains."""
        return self.explained_elsewhere + sum(each.explained for each in self.coverage.values())

    @property
    def weight(self) -> int:
        """The weight of the evidence for it in failing tests."""
        return sum(each.weight for each in self.coverage.values())

    @property
    def advice(self) -> set[str]:
        """What would be said: versions of a mistake share it, unless it contains the values of their parameters."""
        return {each.mistake.advice for each in self.mistakes}

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Sort key: explains every wrong answer of the tests in which it explains any, answers explained, evidence."""
        incomplete = any(each.unexplained for each in self.coverage.values() if each.explained)
        return not incomplete, self.explained, self.weight

    def rank_in(self, place: int) -> tuple[bool, bool, int, int]:
        """Sort key for one failing test: explains all of it, then as `rank`."""
        return self.coverage[place].is_complete, *self.rank

    @property
    def complete(self) -> set[int]:
        """The places of failing tests of which it explains every wrong answer."""
        return {place for place, found in self.coverage.items() if found.is_complete}

    def changes(self, place: int) -> bool:
        """Return whether it answers a call of a failing test wrongly."""
        return place in self.coverage and self.coverage[place].is_concerned

    @property
    def relevant(self) -> list[Coverage]:
        """The coverage of failing tests that ask for the mistakes directly, or of all if none does."""
        return [each for each in self.coverage.values() if each.is_asked_for] or list(self.coverage.values())

    @property
    def tests_explained(self) -> int:
        """The number of relevant tests in which it explains something."""
        return sum(bool(each.explained) for each in self.relevant)

    def explains_enough(self) -> bool:
        """Return whether it explains something in all relevant tests, or more than a coincidence in some of them."""
        if self.tests_explained == 0:
            return False
        if self.tests_explained == len(self.relevant):
            return True
        if any(each.is_complete and each.weight >= 2 * ENOUGH for each in self.relevant):
            return True
        return 2 * self.tests_explained >= len(self.relevant) and (self.explained > 1 or self.weight >= 2 * ENOUGH)

    def explains_all(self) -> bool:
        """Return whether it explains every wrong answer of the failing tests that reach it."""
        return not any(each.unexplained for each in self.coverage.values())

    def certainty(self, place: int, plausible: Sequence["_Candidate"]) -> Certainty:
        """Return how sure it is that this explains a failing test, in view of all plausible candidates."""
        equal = (each for each in plausible if each.coverage.get(place) and each.rank_in(place) == self.rank_in(place))
        if self.weight < ENOUGH or any(each.advice != self.advice for each in equal):
            return Certainty.POSSIBLE
        concerned = (each for each in self.relevant if each.is_concerned)
        return Certainty.CERTAIN if all(each.is_complete for each in concerned) else Certainty.PARTIAL

    def diagnoses(self, test: str, place: int, certainty: Certainty) -> Iterator[Diagnosis]:
        """Yield a diagnosis of one failing test for each of the mistakes."""
        shown = self.coverage[place].explains_failing_call
        alone = all(each.is_complete for each in self.relevant)
        for each in self.mistakes:
            advice, explained = each.mistake.advice, self.explained
            yield Diagnosis(each.name, advice, each.replaces, test, explained, certainty, alone, shown)


class _KnownMistakes:
    """The known mistakes of one exercise, the first version of each definition before all others."""

    def __init__(self, mistakes: Sequence[Variation]):
        named = [SingleMistake(each) for each in mistakes if each.ends is None]
        first = {each.mistake.definition: each for each in reversed(named)}  # version of each definition
        self.ordered = [*reversed(first.values()), *(each for each in named if each not in first.values())]
        self.definitions = len(first)
        self.excessive = [each for each in mistakes if each.ends is not None]


class CauseFinder:
    """Finds the known mistakes of one exercise in submissions."""

    def __init__(
        self, reference: types.ModuleType, load_mistakes: Callable[[], Sequence[Variation]], limits: SessionLimits
    ):
        """Set what to compare with.

        Args:
            reference: The module that answers every call rightly.
            load_mistakes: Called when a test has failed for the first time.
            limits: They hold for each answer of the reference and of a mistake.
        """
        self.reference = reference
        self.answers = AnswerCache(reference, limits)
        self._load_mistakes = load_mistakes
        self._pair = lru_cache(MAX_PAIRS_KEPT)(_pair)
        self._diagnosed: dict[tuple[bytes, ...], tuple[Diagnosis, ...]] = {}

    @cached_property
    def mistakes(self) -> _KnownMistakes:
        """The known mistakes. Raise what loading them raises."""
        return _KnownMistakes(self._load_mistakes())

    def diagnose(self, tests: Sequence[RecordedTest]) -> tuple[Diagnosis, ...]:
        """Return the mistakes, or pairs of mistakes, that best explain the failing tests; each mistake once."""
        if not any(test.failed for test in tests):
            return ()
        same = tuple(test.digest for test in tests)
        if same not in self._diagnosed:
            if len(self._diagnosed) == MAX_DIAGNOSED:
                self._diagnosed.clear()
            self._diagnosed[same] = self._diagnose(tests)
        return self._diagnosed[same]

    def _diagnose(self, tests: Sequence[RecordedTest]) -> tuple[Diagnosis, ...]:
        cases = [self.answers.case(test) for test in tests]
        possible = self._possible(cases)
        plausible = [each for each in possible if each.explains_enough()]
        found: dict[str, Diagnosis] = {}
        named: list[_Candidate] = []
        searches_left = MAX_PAIR_SEARCHES
        for place, case in enumerate(cases):
            if not case.test.failed or any(place in each.complete for each in named):
                continue
            best = _best(plausible, place)
            needs_pair = not case.is_cut_off and (best is None or not best.coverage[place].is_complete)
            if needs_pair and searches_left:
                searches_left -= 1
                best = self._best_pair(cases, possible, place) or best
            if best is not None:
                certainty = best.certainty(place, plausible)
                if certainty is Certainty.CERTAIN and any(each.changes(place) for each in named):
                    certainty = Certainty.PARTIAL  # this may be a consequence of a mistake already named
                named.append(best)
                for each in best.diagnoses(case.test.name, place, certainty):
                    found.setdefault(each.mistake, each)
        if not found:
            found = {each.mistake: each for each in self._excessive(cases)}
        return tuple(found.values())

    def _possible(self, cases: Sequence[Case]) -> list[_Candidate]:
        """Return the mistakes that no answer contradicts.

        If one of those that explain something in the first failing test explains all failing tests, only these are
        returned: no other mistake could be named, or make the name less certain.
        """
        failing = [place for place, case in enumerate(cases) if case.test.failed]
        mistakes = list(self._within_bound(cases))
        near = [each for each in mistakes if self._explains(cases, failing[0], each)]
        possible = self._candidates(cases, near)
        best = _best([each for each in possible if each.explains_enough()], failing[0])
        if best is not None and best.complete.issuperset(failing):
            return possible
        return possible + self._candidates(cases, [each for each in mistakes if each not in near])

    def _explains(self, cases: Sequence[Case], place: int, mistake: SingleMistake) -> bool:
        """Return whether a mistake explains an answer of the test at `place`, and none there contradicts it."""
        case = cases[place]
        if mistake.replaces not in case.reached_names:
            return False
        answers = self.answers.wrong_answers(case, mistake)
        found = coverage_of(case, answers, mistake.names, _is_asked_for(cases, mistake))
        return found is not None and found.explained > 0

    def _candidates(self, cases: Sequence[Case], mistakes: Sequence[SingleMistake]) -> list[_Candidate]:
        candidates = (self._candidate(cases, each, each) for each in mistakes)
        return [each for each in candidates if each is not None]

    def _within_bound(self, cases: Sequence[Case]) -> Iterator[SingleMistake]:
        """Yield the first version of each definition, then the others while there are not too many calls to replay."""
        calls = sum(case.answered for case in cases if case.test.failed)
        mistakes = self.mistakes
        yield from mistakes.ordered[: mistakes.definitions]
        yield from mistakes.ordered[mistakes.definitions :][: MAX_CALLS // max(1, calls)]

    def are_right(self, diagnoses: Sequence[Diagnosis], test: RecordedTest) -> bool:
        """Return whether the named mistakes, each on its own, answer all calls of a test as the reference does."""
        case = self.answers.case(test)
        named = {each.mistake for each in diagnoses}
        mistakes = [each for each in self.mistakes.ordered if each.name in named]
        return not any(any(self.answers.wrong_answers(case, each)) for each in mistakes)

    def wrong_versions(self, case: Case) -> list[types.ModuleType]:
        """Return the known mistakes that answer the failing call of a test wrongly."""
        place = case.test.failing_place
        if place is None:
            return []
        asked = [each for each in self.mistakes.ordered if each.replaces == case.asked_names[place]]
        return [
            each.module
            for each in asked
            if list(self.answers.wrong_answers(case, each))[place:][:1] not in ([], [None])
        ]

    def _excessive(self, cases: Sequence[Case]) -> Iterator[Diagnosis]:
        """Yield the only mistake that exceeds the limit that the submission exceeds in all failing tests."""
        failing = [case for case in cases if case.test.failed]
        first = failing[0]
        limit = first.test.exceeded
        if limit is None or any(case.test.exceeded is not limit for case in failing) or not first.asked_names:
            return
        asked = first.asked_names[-1]
        excessive = self.mistakes.excessive
        known = {each.definition: each for each in excessive if each.ends == limit and each.replaces == asked}
        if len(known) == 1:
            (only,) = known.values()
            yield Diagnosis(only.name, only.advice, only.replaces, first.test.name, 0, Certainty.POSSIBLE)

    def _candidate(self, cases: Sequence[Case], version: Version, *mistakes: SingleMistake) -> _Candidate | None:
        """Return what a version explains, or None if an answer contradicts it.

        Passed tests are replayed only on a version that explains something in a failing test.
        """
        coverage: dict[int, Coverage] = {}
        explained_elsewhere = 0
        reaching = [
            (place, case) for place, case in enumerate(cases) if not case.reached_names.isdisjoint(version.names)
        ]
        direct = _is_asked_for(cases, version)
        for place, case in sorted(reaching, key=lambda each: not each[1].test.failed):
            if not case.test.failed and not any(each.explained for each in coverage.values()):
                break
            found = coverage_of(case, self.answers.wrong_answers(case, version), version.names, direct)
            if found is None:
                return None
            if case.test.failed:
                coverage[place] = found
            else:
                explained_elsewhere += found.explained
        return _Candidate(mistakes, coverage, explained_elsewhere)

    def _best_pair(self, cases: Sequence[Case], possible: Sequence[_Candidate], place: int) -> _Candidate | None:
        """Return the one pair of mistakes that explains every wrong answer; None if several do so equally well."""
        case = cases[place]
        ranked = sorted(possible, key=lambda each: -each.explained)
        mistakes = [mistake for candidate in ranked for mistake in candidate.mistakes]
        mistakes = [each for each in mistakes if self._answers_wrongly(case, each)]
        pairs: dict[frozenset[str], _Candidate] = {}
        for one, two in itertools.islice(_pairs_of(mistakes), MAX_PAIRS):
            candidate = self._pair_candidate(cases, place, one, two)
            if candidate is not None and candidate.weight >= ENOUGH:
                pairs.setdefault(frozenset((one.name, two.name)), candidate)
        best = _unique_best(list(pairs.values()))
        return best if best is not None and best.explains_all() else None

    def _answers_wrongly(self, case: Case, mistake: SingleMistake) -> bool:
        return mistake.replaces in case.reached_names and any(self.answers.wrong_answers(case, mistake))

    def _pair_candidate(
        self, cases: Sequence[Case], place: int, one: SingleMistake, two: SingleMistake
    ) -> _Candidate | None:
        """Return what two mistakes together explain, or None unless they explain every wrong answer of one test."""
        case = cases[place]
        version = self._pair(one, two)
        try:
            answers = self.answers.wrong_answers(case, version)
            found = coverage_of(case, answers, version.names, direct=True, complete=True)
            return self._candidate(cases, version, one, two) if found is not None and found.explained else None
        except UsageError:  # a pair that does not terminate is not the author's fault
            return None


def _is_asked_for(cases: Sequence[Case], version: Version) -> bool:
    """Return whether a call of any test asks directly for what a version replaces."""
    return any(name in version.names for case in cases for name in case.asked_names)


def _pair(one: SingleMistake, two: SingleMistake) -> Version:
    return NestedMistakes(one, two) if one.replaces == two.replaces else MistakePair(one, two)


def _pairs_of(mistakes: Sequence[SingleMistake]) -> Iterator[tuple[SingleMistake, SingleMistake]]:
    """Yield the pairs that can be combined: of different names, or of one name as (outer, inner)."""
    for one, two in itertools.combinations(mistakes, 2):
        if one.replaces != two.replaces:
            yield one, two
        elif one.mistake.definition != two.mistake.definition:
            yield from ((a, b) for a, b in ((one, two), (two, one)) if a.uses_reference)


def _unique_best(candidates: Sequence[_Candidate]) -> _Candidate | None:
    """Return the candidate with the highest rank; None if several share it."""
    highest = max((each.rank for each in candidates), default=None)
    best = [each for each in candidates if each.rank == highest]
    return best[0] if len(best) == 1 else None


def _best(candidates: Sequence[_Candidate], place: int) -> _Candidate | None:
    """Return the candidate that explains most of a failing test."""
    explaining = [each for each in candidates if place in each.coverage and each.coverage[place].explained]
    return max(explaining, key=lambda each: each.rank_in(place), default=None)
