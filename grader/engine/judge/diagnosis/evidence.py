"""How far a wrong version of the reference accounts for what a submission answered.

Only one thing contradicts a version: that the submission gave the reference's answer to a direct question for what the
version replaces, where the version gives another. Whatever is wrong in yet another way may have a second cause. The
words of an exception are the student's own; one is evidence only in the same words. Three things can speak for a
version and not against it: the numbers in a module, since who draws the first weights in another order makes no other
mistake, a gradient that leads nowhere, since a right result may be without one, and an argument that was changed in
place, which can come on top of any other mistake.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from torch import Tensor

from grader.engine.judge.compare import close, compare, differs
from grader.engine.judge.replay import Answer, same, same_arguments, same_gradients, same_modules, same_words
from grader.engine.judge.session import Entry
from grader.engine.sandbox import wire

ENOUGH = 6  # numbers that a part of a result, a slip or two mistakes together have to explain
_RTOL, _ATOL = 1e-6, 1e-9  # within which numbers are no evidence: a search that ends elsewhere differs by as much


@dataclass(frozen=True)
class Run:
    """One test that ran. `shown` is the question that its failure is about, and `sizes` are the names that the test has
    for sizes. The log is empty where it was too large to be kept."""

    test: str
    log: Sequence[Entry]
    seed: int
    failed: bool
    shown: Entry | None = None
    sizes: dict[int, str] = field(default_factory=dict)


@dataclass
class Case:
    """A run, with the submission's answers, a hash of the questions, the reference's answers, and its names.

    `asked`: the name that each question asks directly. `reached`: all names that the run reaches: a version that
    replaces another answers as the reference does, and need not be asked.
    """

    run: Run
    given: Sequence[Answer]
    questions: bytes
    right: Sequence[Answer]
    asked: Sequence[str]
    reached: set[str]

    @property
    def shown(self) -> int | None:
        """The place of the question that the failure is about."""
        return next((place for place, each in enumerate(self.run.log) if each is self.run.shown), None)

    @cached_property
    def answered(self) -> int:
        """To how many questions there is an answer, before one for which time or memory was not enough.

        No version is asked that one: it can be dear, and nothing that comes of it would speak for the version.
        """
        return next((place for place, each in enumerate(self.given) if each.missing), len(self.given))

    @property
    def broken_off(self) -> bool:
        """Whether the last question has no answer: then nothing explains all that is wrong."""
        return self.answered < len(self.given)

    @cached_property
    def is_right(self) -> Sequence[bool]:
        """Whether each answer is the reference's, or an exception of another kind with which the test was content."""
        pairs = zip(self.given, self.right, strict=True)
        return [same(mine, right) or self._accepted(place, mine, right) for place, (mine, right) in enumerate(pairs)]

    def _accepted(self, place: int, mine: Answer, right: Answer) -> bool:
        """Whether the test went on after an exception where the reference has one, too."""
        ended_here = self.run.failed and place == len(self.given) - 1
        return isinstance(mine.reply, wire.Threw) and isinstance(right.reply, wire.Threw) and not ended_here

    def asks(self, names: Sequence[str]) -> bool:
        """Whether one of these is asked directly by a question with a wrong answer, or if there is none by any."""
        doubtful = [asked for asked, is_right in zip(self.asked, self.is_right, strict=True) if not is_right]
        return not set(names).isdisjoint(doubtful or self.asked)


class Wrong(NamedTuple):
    """A version's answer that is not the reference's, and the first thing in which it differs."""

    answer: Answer
    differs: Literal["value", "gradients", "arguments", "modules"]


def wrong(answer: Answer, right: Answer) -> Wrong | None:
    """What is wrong with an answer; None where it is the reference's."""
    if not same(answer, right):
        return Wrong(answer, "value")
    if not same_gradients(answer, right):
        return Wrong(answer, "gradients")
    if not same_arguments(answer, right):
        return Wrong(answer, "arguments")
    return None if same_modules(answer, right) else Wrong(answer, "modules")


@dataclass(frozen=True)
class Account:
    """What a version explains of one test: wrong answers of the submission that are the version's own, and others.

    `shown`: the answer to the question that the failure is about is one of them, or the failure is about none.
    `asked`: the test asks directly for what the version replaces, where it fails (see `Case.asks`). `weight`: in how
    many numbers the version's own answers are not the reference's.
    """

    agreed: int
    others: int
    shown: bool
    asked: bool
    weight: int

    @property
    def whole(self) -> bool:
        """Whether nothing of the test is left to explain."""
        return bool(self.agreed) and not self.others


def account(
    case: Case, wrongs: Iterable[Wrong | None], names: Sequence[str], direct: bool, *, whole: bool = False
) -> Account | None:
    """How far a version that replaces `names` explains a case; None if an answer contradicts it.

    `direct`: some question asks for the names; then only such questions can contradict. `whole`: an answer that is left
    to explain contradicts it, too.
    """
    agreed, weight, others = 0, 0, int(case.broken_off)
    if whole and others:
        return None
    shown = case.shown is None
    n = case.answered
    answers = zip(wrongs, case.given[:n], case.right[:n], case.is_right[:n], case.asked[:n], strict=True)
    for place, (theirs, mine, right, is_right, asked) in enumerate(answers):
        if theirs is not None and _agrees(mine, theirs):
            agreed += 1
            weight += numbers(mine, right)
            shown |= place == case.shown
        elif not is_right:
            in_part = theirs is not None and _agrees_in_part(mine, theirs, right)
            agreed += in_part
            weight += numbers(mine, right) if in_part else 0
            shown |= in_part and place == case.shown
            others += theirs is None or not same(mine, theirs.answer)
            if whole and others:
                return None
        elif theirs is not None and theirs.differs == "value" and (not direct or asked in names):
            return None
    return Account(agreed, others, shown, case.asks(names), weight)


def _agrees(mine: Answer, theirs: Wrong) -> bool:
    """Whether an answer has what is wrong with a version's."""
    if theirs.differs == "modules":
        return same_modules(mine, theirs.answer)
    if not same(mine, theirs.answer) or not same_words(mine, theirs.answer):
        return False
    if theirs.differs == "gradients":
        return same_gradients(mine, theirs.answer)
    if theirs.differs == "arguments":
        return same_arguments(mine, theirs.answer)
    return True


def _agrees_in_part(mine: Answer, theirs: Wrong, right: Answer) -> bool:
    """Whether one of several results is wrong as a version says, and none is right that is wrong there."""
    parts = [_results(answer.value) for answer in (mine, theirs.answer, right)]
    if theirs.differs != "value" or not parts[2] or not parts[0].keys() == parts[1].keys() == parts[2].keys():
        return False
    weight = 0
    for name, expected in parts[2].items():
        found, version = parts[0][name], parts[1][name]
        if compare(version, expected) is None:
            continue
        if compare(found, expected) is None:
            return False
        if compare(found, version) is None:
            weight += _numbers(found, expected)
    return weight >= ENOUGH


def _results(value: Any) -> dict[Any, Any]:
    """The results in a tuple, a list or a dict; none in anything else."""
    if isinstance(value, dict):
        return value
    return dict(enumerate(value)) if isinstance(value, list | tuple) else {}


def numbers(answer: Answer, right: Answer) -> int:
    """In how many numbers an answer is another than the reference's; a float counts for more than a truth."""
    return _numbers(answer.value, right.value)


def _numbers(value: Any, right: Any) -> int:
    if isinstance(value, Tensor) and isinstance(right, Tensor):
        weight = 4 if value.is_floating_point() or value.is_complex() else 1
        if value.shape != right.shape:
            return weight * min(8, value.numel())
        return weight * min(8, int(differs(value.detach(), right.detach(), _RTOL, _ATOL).sum()))
    if isinstance(value, list | tuple) and isinstance(right, list | tuple):
        return sum(_numbers(one, two) for one, two in zip(value, right, strict=False))
    if isinstance(value, dict) and isinstance(right, dict):
        return sum(_numbers(value[key], right[key]) for key in value if key in right)
    if type(value) is int and type(right) is int:
        return 0 if value == right else min(8, value.bit_length())
    if isinstance(value, float) and isinstance(right, int | float):
        return 0 if close(value, right, _RTOL, _ATOL) else 8
    return int(type(value) is type(right) is bool and value != right)
