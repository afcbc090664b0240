"""Tells which known mistake a submission makes.

A mistake is claimed only on this evidence: wherever its answer to a question of the tests differs from the
reference's, the submission gave the mistake's answer, and it does so in at least one failing test. The words of an
exception are the student's own and contradict nothing; an exception counts as evidence only in the same words. The
numbers in a module can speak for a mistake and not against it: who draws the first weights in another order makes no
other mistake.
"""

import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.judge.replay import Answer, answers, replay, same, same_modules, same_words
from grader.judge.session import Entry
from grader.result import Diagnosis
from grader.sandbox.servant import execute


@dataclass
class Mistake:
    """A known wrong version of one name of the reference."""

    name: str
    replaces: str
    advice: str
    source: str
    _module: types.ModuleType | None = None

    @property
    def module(self) -> types.ModuleType:
        if self._module is None:
            self._module = execute(f"{self.name}_mistake", self.source)
        return self._module


@dataclass(frozen=True)
class Run:
    """One test that ran: its questions, and whether it failed."""

    test: str
    log: Sequence[Entry]
    seed: int
    failed: bool


def diagnose(
    runs: Sequence[Run], reference: types.ModuleType, mistakes: Iterable[Mistake], limit: int
) -> Diagnosis | None:
    """The mistake that explains the earliest failing test, and among those the one with the most evidence."""
    if not any(run.failed for run in runs):
        return None
    given = [answers(run.log) for run in runs]
    right = [replay(run.log, reference, run.seed, limit) for run in runs]
    best: tuple[tuple[int, int], Diagnosis] | None = None
    for mistake in mistakes:
        agreed = _agreements(runs, given, right, mistake.module, limit)
        explained = [place for place, run in enumerate(runs) if run.failed and agreed and agreed[place]]
        if not agreed or not explained:
            continue
        first = explained[0]
        found = Diagnosis(mistake.name, mistake.advice, mistake.replaces, runs[first].test, sum(agreed))
        rank = (-first, found.agreed)
        if best is None or rank > best[0]:
            best = rank, found
    return best[1] if best else None


def _agreements(
    runs: Sequence[Run],
    given: Sequence[Sequence[Answer]],
    right: Sequence[Sequence[Answer]],
    module: types.ModuleType,
    limit: int,
) -> list[int] | None:
    """For each run, how many answers are the mistake's and not the reference's; None if one contradicts it."""
    counts = []
    for place, run in enumerate(runs):
        count = 0
        for mine, wrong, correct in zip(
            given[place], replay(run.log, module, run.seed, limit), right[place], strict=True
        ):
            if mine.reply is None:
                continue
            if not same(wrong, correct):
                if not same(mine, wrong):
                    return None
                count += same_words(mine, wrong)
            elif not same_modules(wrong, correct) and same_modules(mine, wrong):
                count += 1
        counts.append(count)
    return counts
