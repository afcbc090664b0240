"""Tells which known mistake a submission makes.

A mistake is claimed only on this evidence: wherever its answer to a question of the tests differs from the
reference's, the submission gave the mistake's answer, and it does so in the first failing test, or in at least half
of the failing tests that reach the function which it replaces: one late coincidence is not enough. The words of an
exception are the student's own and contradict nothing; an exception counts as evidence only in the same words. Three
things can speak for a mistake and not against it: the numbers in a module, since who draws the first weights in
another order makes no other mistake, a gradient that leads nowhere, since a right result may be without one, and an
argument that was changed in place, which can come on top of any other mistake.
"""

import ast
import hashlib
import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from grader.judge.replay import (
    Answer,
    answers,
    held,
    names_of_slots,
    replay,
    same,
    same_arguments,
    same_gradients,
    same_modules,
    same_words,
    size,
)
from grader.judge.session import Entry, Limits
from grader.result import Diagnosis
from grader.sandbox import wire
from grader.sandbox.objects import MODULE
from grader.sandbox.source import execute

MAX_KEPT = 16 << 20  # bytes of answers of the reference and of mistakes
_encode = msgspec.msgpack.encode


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


class KnownMistakes:
    """The mistakes of one exercise, and what they and the reference answer to what its tests ask.

    Most submissions of a class are asked the same, so answers are kept: as many as fit into `MAX_KEPT`.
    """

    def __init__(self, reference: types.ModuleType, mistakes: Sequence[Mistake], limits: Limits):
        """`limits`: those of a test, which the reference and the mistakes have for their answers."""
        self._reference = reference
        self._mistakes = mistakes
        self._limits = limits
        self._uses = _uses(reference)
        self._right: dict[bytes, list[Answer]] = {}  # of the reference, by the questions
        self._wrong: dict[tuple[bytes, str], list[_Wrong | None]] = {}  # of a mistake; None where it answers right
        self._kept = 0  # bytes of them

    def right(self, run: Run) -> list[Answer]:
        """What the reference answers to the questions of a run."""
        return self._answers(run, _questions(run))

    def diagnose(self, runs: Sequence[Run]) -> Diagnosis | None:
        """The mistake that explains the earliest failing test, and among those the one with the most evidence."""
        if not any(run.failed for run in runs):
            return None
        cases = [self._case(run) for run in runs]
        best: tuple[tuple[int, int], Diagnosis] | None = None
        for mistake in self._mistakes:
            evidence = self._evidence(cases, mistake)
            if evidence is None:
                continue
            first, agreed = evidence
            rank = (-first, agreed)
            if best is None or rank > best[0]:
                best = rank, Diagnosis(mistake.name, mistake.advice, mistake.replaces, runs[first].test, agreed)
        return best[1] if best else None

    def _case(self, run: Run) -> "_Case":
        questions = _questions(run)
        return _Case(
            run, answers(run.log), questions, self._answers(run, questions), _reached(run.log, self._uses)
        )

    def _answers(self, run: Run, questions: bytes) -> list[Answer]:
        if questions not in self._right:
            found = list(replay(run.log, self._reference, run.seed, self._limits))
            self._make_room(sum(map(size, found)))
            self._right[questions] = found
        return self._right[questions]

    def _evidence(self, cases: "Sequence[_Case]", mistake: Mistake) -> tuple[int, int] | None:
        """The place of the first failing test that a mistake explains, and how many answers are its own.

        None where it cannot be claimed.
        """
        first = next(place for place, case in enumerate(cases) if case.run.failed)
        reaching = [(place, case) for place, case in enumerate(cases) if mistake.replaces in case.reached]
        failing = [(place, case) for place, case in reaching if case.run.failed]
        agreed = 0
        explained: list[int] = []
        for place, case in failing:
            count = self._agreement(case, mistake)
            if count is None:
                return None
            agreed += count
            explained += [place] if count else []
        if not explained or (explained[0] != first and 2 * len(explained) < len(failing)):
            return None
        for _, case in reaching:
            count = 0 if case.run.failed else self._agreement(case, mistake)
            if count is None:
                return None
            agreed += count
        return explained[0], agreed

    def _agreement(self, case: "_Case", mistake: Mistake) -> int | None:
        """How many answers are those of a mistake and not the reference's; None if one contradicts the mistake."""
        count = 0
        for mine, wrong in zip(case.given, self._wrongs(case, mistake), strict=True):
            if mine.reply is None or wrong is None:
                continue
            if wrong.differs == "value":
                if not same(mine, wrong.answer):
                    return None
                count += same_words(mine, wrong.answer)
            elif wrong.differs == "gradients":
                count += same(mine, wrong.answer) and same_gradients(mine, wrong.answer)
            elif wrong.differs == "arguments":
                count += same(mine, wrong.answer) and same_arguments(mine, wrong.answer)
            else:
                count += same_modules(mine, wrong.answer)
        return count

    def _wrongs(self, case: "_Case", mistake: Mistake) -> "Iterator[_Wrong | None]":
        """What a mistake answers to the questions of a run, where it is wrong: what is kept of it, then by asking."""
        key = case.questions, mistake.name
        known = self._wrong.get(key, [])
        yield from known
        if len(known) == len(case.right):
            return
        found: list[_Wrong | None] = []
        replayed = replay(case.run.log, mistake.module, case.run.seed, self._limits)
        for answer, right in zip(replayed, case.right, strict=True):
            wrong = _wrong(answer, right)
            found.append(wrong)
            if len(found) > len(known):
                self._make_room(size(wrong.answer) if wrong is not None else 0)
                self._wrong[key] = found
                yield wrong

    def _make_room(self, more: int) -> None:
        self._kept += more
        if self._kept > MAX_KEPT:
            self._right.clear()
            self._wrong.clear()
            self._kept = more


@dataclass(frozen=True)
class _Case:
    """A run, with the submission's answers, a hash of the questions, the reference's answers, and its names reached.

    A mistake of a name that is not reached answers as the reference does, and need not be asked.
    """

    run: Run
    given: Sequence[Answer]
    questions: bytes
    right: Sequence[Answer]
    reached: set[str]


class _Wrong(NamedTuple):
    """A mistake's answer that is not the reference's, and the first thing in which it differs."""

    answer: Answer
    differs: Literal["value", "gradients", "arguments", "modules"]


def _wrong(answer: Answer, right: Answer) -> _Wrong | None:
    if not same(answer, right):
        return _Wrong(answer, "value")
    if not same_gradients(answer, right):
        return _Wrong(answer, "gradients")
    if not same_arguments(answer, right):
        return _Wrong(answer, "arguments")
    return None if same_modules(answer, right) else _Wrong(answer, "modules")


def _questions(run: Run) -> bytes:
    """A hash of all that the answers of a replay depend on."""
    digest = hashlib.sha256(f"{run.seed}".encode())
    for entry in run.log:
        digest.update(_encode((entry.request, entry.blob, names_of_slots(entry.reply))))
    return digest.digest()


# ---------------------------------------------------------------- which names a test reaches


def _uses(module: types.ModuleType) -> dict[str, set[str]]:
    """For each name that a module binds, the names that are written in what binds it."""
    found: dict[str, set[str]] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound = {statement.name}
        else:  # what a loop or a condition holds belongs together
            inner = [node for node in ast.walk(statement) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            bound = names | {node.name for node in inner}
        for name in bound:
            found.setdefault(name, set()).update(names)
    return found


def _reached(log: Sequence[Entry], uses: Mapping[str, set[str]]) -> set[str]:
    """The names of the reference that questions ask for, and those that these use, through whatever others."""
    found: set[str] = set()
    waiting = {name for entry in log for name in _asked(entry.request)}
    if "" in waiting:  # the module itself
        waiting = set(uses)
    while waiting:
        found |= waiting
        waiting = {name for each in waiting for name in uses.get(each, ())} - found
    return found


def _asked(request: wire.Invoke | wire.Get | wire.Set | wire.Differentiate) -> Iterator[str]:
    """The names of the module in one question. Any other object came from what an earlier one asked for."""
    if isinstance(request, wire.Differentiate):
        return
    values: list[wire.WireValue] = [wire.WireObject(request.number, "", request.path)]
    if isinstance(request, wire.Invoke):
        values += [*request.args, *request.kwargs.values()]
    elif isinstance(request, wire.Set):
        values.append(request.value)
    for each in (found for value in values for found in held(value)):
        if isinstance(each, wire.WireObject) and each.number == MODULE:
            yield each.path.partition(".")[0]
