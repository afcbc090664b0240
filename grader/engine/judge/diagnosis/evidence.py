"""Evidence for and against a wrong version of the reference, in the answers of a submission.

Only one observation contradicts a version: a call asks directly for what the version replaces, the version answers it
wrongly, and the submission answers it right. Any other wrong answer may have a second cause.

Three properties can support a version but not contradict it:

- the numbers in a module, since initializing weights in another order is no mistake;
- a missing gradient, since a right result may have none;
- an argument changed in place, which can occur together with any other mistake.

Not every wrong answer that equals the version's tells much. Many mistakes end in NaN, infinity, zeros, a certain shape
or type of exception, so the evidence is weighed: see `weight`.
"""

import enum
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
import torch
from torch import Tensor

from grader.base.result import Outcome
from grader.engine.judge.compare import PYTHON_FLOAT, TOLERANCE, close, compare, differs
from grader.engine.judge.replay import Answer, layouts, same, same_arguments, same_gradients, same_modules, same_words
from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire

ENOUGH = 6  # weight of evidence that could not be a coincidence
DOUBLE = TOLERANCE[torch.float64]
_DIGIT = re.compile(r"\d")
_RTOL, _ATOL = 1e-6, 1e-9  # closer numbers are no evidence: iterative algorithms end that far apart


@dataclass(frozen=True)
class RecordedTest:
    """A test that ran on the submission. Its log is empty if it was too large to keep."""

    name: str
    log: Sequence[LogEntry]
    seed: int
    failed: bool
    failing_call: LogEntry | None = None  # the call that the failure is about
    sizes: dict[int, str] = field(default_factory=dict)  # the test's names of sizes
    exceeded: Outcome | None = None  # the limit, TIMEOUT or MEMORY, that the submission exceeded

    @property
    def failing_place(self) -> int | None:
        """The index of the call that the failure is about."""
        return next((place for place, each in enumerate(self.log) if each is self.failing_call), None)

    @cached_property
    def digest(self) -> bytes:
        """A hash of everything that a diagnosis depends on."""
        log = [(wire.encode(each.request), each.blob, each.reply_meta, each.reply_blob) for each in self.log]
        rest = self.name, self.seed, self.failed, self.failing_place, self.exceeded, sorted(self.sizes.items())
        return hashlib.sha256(msgspec.msgpack.encode((log, rest))).digest()


@dataclass
class Case:
    """A recorded test with the submission's and the reference's answers to its calls.

    `asked_names` has the reference's name that each call asks for directly, `reached_names` all names that the test
    uses. A version that replaces none of them answers as the reference does.
    """

    test: RecordedTest
    hashes: Sequence[bytes]  # for each call, of everything that the answer in a replay depends on
    answers: Sequence[Answer]
    expected: Sequence[Answer]
    asked_names: Sequence[str]
    reached_names: set[str]

    @cached_property
    def answered(self) -> int:
        """The number of calls before the first that ran out of time or memory.

        Versions are not asked that call: it may be expensive, and no answer to it would be evidence.
        """
        return next((place for place, each in enumerate(self.answers) if each.is_missing), len(self.answers))

    @property
    def is_cut_off(self) -> bool:
        """Whether a call has no answer, so that no version explains the whole test."""
        return self.answered < len(self.answers)

    @cached_property
    def is_right(self) -> Sequence[bool]:
        """For each call, whether the answer is the reference's or an exception that the test accepted instead."""
        pairs = enumerate(zip(self.answers, self.expected, strict=True))
        return [self._agree(place, *pair) or self._is_accepted(place, *pair) for place, pair in pairs]

    def _agree(self, place: int, mine: Answer, right: Answer) -> bool:
        """Return whether an answer is the reference's: to all digits if the test failed because of it."""
        return same(mine, right, floats=DOUBLE) if place == self.test.failing_place else same(mine, right)

    def _is_accepted(self, place: int, mine: Answer, right: Answer) -> bool:
        """Return whether both raised, and the test went on."""
        ended_here = self.test.failed and place == len(self.answers) - 1
        return isinstance(mine.reply, wire.Threw) and isinstance(right.reply, wire.Threw) and not ended_here

    def asks_for(self, names: Sequence[str]) -> bool:
        """Return whether a wrongly answered call, or any call if there is none, asks directly for one of `names`."""
        pairs = zip(self.asked_names, self.is_right, strict=True)
        doubtful = [asked for asked, is_right in pairs if not is_right]
        return not set(names).isdisjoint(doubtful or self.asked_names)


class MismatchedAnswer(NamedTuple):
    """A version's answer that is not the reference's, and the first property that differs."""

    answer: Answer
    differs: Literal["value", "gradients", "arguments", "modules"]


def wrong_answer(answer: Answer, right: Answer) -> MismatchedAnswer | None:
    """Return a version's answer with what is wrong about it, or None if it is the reference's."""
    if not same(answer, right, floats=DOUBLE):
        return MismatchedAnswer(answer, "value")
    if not same_gradients(answer, right):
        return MismatchedAnswer(answer, "gradients")
    if not same_arguments(answer, right):
        return MismatchedAnswer(answer, "arguments")
    if not same_modules(answer, right):
        return MismatchedAnswer(answer, "modules")
    return None


@dataclass
class Coverage:
    """How much of one test a version explains."""

    explained: int  # wrong answers of the submission that the version gives too
    unexplained: int  # other wrong answers
    explains_failing_call: bool  # True also if the failure is about no call
    is_asked_for: bool  # see `Case.asks_for`
    weight: int  # of the explained answers, see `weight`
    is_concerned: bool = False  # the version answers a call wrongly

    @property
    def is_complete(self) -> bool:
        """Whether the version explains every wrong answer."""
        return bool(self.explained) and not self.unexplained


class _Match(enum.Enum):
    """How an answer of the submission relates to a version's answer to the same call."""

    EXPLAINED = enum.auto()
    PARTLY_EXPLAINED = enum.auto()
    UNEXPLAINED = enum.auto()
    NO_EVIDENCE = enum.auto()
    CONTRADICTION = enum.auto()


def coverage_of(
    case: Case,
    answers: Iterable[MismatchedAnswer | None],
    names: Sequence[str],
    direct: bool,
    *,
    complete: bool = False,
) -> Coverage | None:
    """Return how much of a case a version explains, or None if an answer contradicts it.

    `answers` are the version's: None where it answers right. The version replaces `names`. With `direct`, some call
    asks for these names, and only such calls can contradict. With `complete`, an unexplained wrong answer contradicts
    as well.
    """
    found = Coverage(0, int(case.is_cut_off), case.test.failing_place is None, case.asks_for(names), 0)
    if complete and found.unexplained:
        return None
    for place, version in zip(range(case.answered), answers, strict=True):
        found.is_concerned = found.is_concerned or version is not None
        match = _match(case, place, version, not direct or case.asked_names[place] in names)
        if match is _Match.CONTRADICTION:
            return None
        if match in (_Match.UNEXPLAINED, _Match.PARTLY_EXPLAINED):
            found.unexplained += 1
            if complete:
                return None
        if match in (_Match.EXPLAINED, _Match.PARTLY_EXPLAINED):
            found.explained += 1
            found.weight += weight(case.answers[place], case.expected[place], version)
            found.explains_failing_call = found.explains_failing_call or place == case.test.failing_place
    return found


def _match(case: Case, place: int, version: MismatchedAnswer | None, may_contradict: bool) -> _Match:
    mine, right, is_right = case.answers[place], case.expected[place], case.is_right[place]
    if version is None:
        return _Match.NO_EVIDENCE if is_right else _Match.UNEXPLAINED
    if _is_same_error(mine, version, right):
        return _Match.EXPLAINED
    if is_right:
        contradicts = version.differs == "value" and may_contradict and not same(version.answer, right)
        return _Match.CONTRADICTION if contradicts else _Match.NO_EVIDENCE
    is_same_answer = same(mine, version.answer)
    if _shares_wrong_part(mine, version, right):
        return _Match.EXPLAINED if is_same_answer else _Match.PARTLY_EXPLAINED
    return _Match.NO_EVIDENCE if is_same_answer else _Match.UNEXPLAINED


def _is_same_error(mine: Answer, version: MismatchedAnswer, right: Answer) -> bool:
    """Return whether an answer has the property that is wrong in the version's."""
    if same(mine, right) and not same_arguments(mine, right) and not same_arguments(mine, version.answer):
        return False  # only an argument is wrong, and not in the version
    if version.differs == "modules":
        if layouts(version.answer) != layouts(right):
            return layouts(mine) == layouts(version.answer)
        return same_modules(mine, version.answer)
    floats = DOUBLE if same(version.answer, right) else PYTHON_FLOAT  # the version may be wrong in the last digits only
    if not same(mine, version.answer, floats=floats):
        return False
    if version.differs == "gradients":
        return same_gradients(mine, version.answer)
    if version.differs == "arguments":
        return same_arguments(mine, version.answer)
    return True


def _shares_wrong_part(mine: Answer, version: MismatchedAnswer, right: Answer) -> bool:
    """Return whether one of several results is wrong as in the version, and none that it gets wrong is right."""
    my_parts, version_parts, right_parts = (_parts(answer.value) for answer in (mine, version.answer, right))
    if version.differs != "value" or not right_parts:
        return False
    if not my_parts.keys() == version_parts.keys() == right_parts.keys():
        return False
    shared = 0
    for name, expected in right_parts.items():
        if compare(version_parts[name], expected) is None:
            continue
        if compare(my_parts[name], expected) is None:
            return False
        if compare(my_parts[name], version_parts[name]) is None:
            shared += _weight(my_parts[name], expected)
    return shared >= ENOUGH


def _parts(value: Any) -> dict[Any, Any]:
    """Return the items of a tuple, a list or a dict by key; none of anything else."""
    if isinstance(value, dict):
        return value
    return dict(enumerate(value)) if isinstance(value, list | tuple) else {}


def weight(mine: Answer, right: Answer, version: MismatchedAnswer | None) -> int:
    """Return how much a wrong answer that equals the version's tells: about how many of its numbers are distinctive.

    What many mistakes have in common weighs nothing: NaN, infinity, a float zero, a shape, the type of an exception.
    A round float such as 0.5 weighs less than another.
    """
    if isinstance(mine.reply, wire.Threw):
        same_sizes = version is not None and same_words(mine, version.answer) and _DIGIT.search(mine.reply.message)
        return ENOUGH if same_sizes else 0
    if isinstance(right.reply, wire.Threw) or (version is not None and version.differs != "value"):
        return ENOUGH  # a missing check or gradient, or a changed argument, is the mistake itself
    return _weight(mine.value, right.value)


def _weight(value: Any, right: Any) -> int:
    if isinstance(value, Tensor) and isinstance(right, Tensor):
        return _weight_of_tensor(value.detach(), right.detach())
    if isinstance(value, list | tuple) and isinstance(right, list | tuple):
        return sum(_weight(one, two) for one, two in zip(value, right, strict=False))
    if isinstance(value, dict) and isinstance(right, dict):
        return sum(_weight(value[key], right[key]) for key in value if key in right)
    if type(value) is int and type(right) is int:
        return 0 if value == right else min(8, value.bit_length())
    if isinstance(value, float) and isinstance(right, int | float) and not close(value, right, _RTOL, _ATOL):
        return _weight_of_floats(torch.tensor([value], dtype=torch.float64))
    if isinstance(value, str) and isinstance(right, str):
        return 2 * (value != right)
    return int(type(value) is type(right) is bool and value != right)


def _weight_of_tensor(value: Tensor, right: Tensor) -> int:
    wrong = value.flatten() if value.shape != right.shape else value[differs(value, right, _RTOL, _ATOL)]
    if value.is_complex():  # torch.unique knows no complex numbers
        return _weight_of_floats(torch.view_as_real(wrong.resolve_conj()))
    if not value.is_floating_point():
        return min(8, wrong.numel())
    if value.shape == right.shape and not right.is_complex() and _are_masks(value, right):
        return min(8, wrong.numel())
    return _weight_of_floats(wrong)


def _weight_of_floats(wrong: Tensor) -> int:
    telling = wrong[wrong.isfinite() & (wrong != 0)].unique()
    is_round = 8 * telling == (8 * telling).round()
    return min(24, 8 * int((~is_round).sum()) + 4 * int(is_round.sum()))


def _are_masks(value: Tensor, right: Tensor) -> bool:
    """Return whether two float tensors hold only 0 and one other number, such as 1 or -inf."""
    numbers = torch.cat([value.flatten(), right.flatten()]).unique()
    return len(numbers) == 2 and bool((numbers == 0).any())
