"""Observations on a failure that no known mistake explains."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from torch import Tensor

from grader.base.errors import UsageError
from grader.base.result import Diagnosis, Outcome, TestResult
from grader.engine.judge.diagnosis.causes import CauseFinder
from grader.engine.judge.diagnosis.contrasts import find_contrast
from grader.engine.judge.diagnosis.error_positions import describe_error_positions
from grader.engine.judge.diagnosis.evidence import Case, RecordedTest
from grader.engine.judge.diagnosis.lost_gradient import describe_lost_gradient
from grader.engine.judge.diagnosis.varied_calls import is_mask
from grader.engine.judge.names import named_arguments
from grader.engine.judge.replay import Answer, answer_of
from grader.engine.judge.session import LogEntry, Session
from grader.engine.sandbox import wire


def add_observations(
    results: Sequence[TestResult],
    tests: Sequence[RecordedTest],
    diagnoses: Sequence[Diagnosis],
    finder: CauseFinder,
    session: Session,
) -> list[TestResult]:
    """Return the results with observations on the first failure, unless a mistake or a None already explains it."""
    test = next((test for test in tests if test.failed and test.log), None)
    explained = {each.test for each in diagnoses}
    explained |= {each.id for each in results if each.outcome is Outcome.RETURNED_NONE}
    if test is None or test.name in explained:
        return list(results)
    case = finder.answers.case(test)
    outcome = next(each.outcome for each in results if each.id == test.name)
    lost = describe_lost_gradient(case, session.source)
    if lost is not None:
        seen: tuple[str, ...] = (lost,)
    else:
        # A call that filled the memory would fill it again each time.
        contrast = None if outcome is Outcome.MEMORY else _contrast(case, finder, session)
        seen = (*_gradient(case), *([contrast] if contrast else []), *_error_positions(case, finder))
    return [_with_observations(result, seen) if result.id == test.name else result for result in results]


def _with_observations(result: TestResult, seen: tuple[str, ...]) -> TestResult:
    if result.failure is None:
        return result
    return msgspec.structs.replace(result, failure=msgspec.structs.replace(result.failure, observations=seen))


def _contrast(case: Case, finder: CauseFinder, session: Session) -> str | None:
    def ask(log: Sequence[LogEntry]) -> Answer:
        return answer_of(*session.ask_again(log, case.test.seed))

    with contextlib.suppress(UsageError):  # the reference takes too long on a varied call
        mistakes = finder.wrong_versions(case)
        return find_contrast(case, case.test.sizes, finder.reference, mistakes, session.limits, ask)
    return None


def _gradient(case: Case) -> Iterator[str]:
    """Yield a sentence if a gradient is the first wrong answer, so that the value itself is right."""
    wrong = (entry for entry, is_right in zip(case.test.log, case.is_right, strict=True) if not is_right)
    first = next(wrong, None)
    if first is not None and isinstance(first.request, wire.Differentiate):
        of = next(each for each in case.test.log if each.request.id == first.request.of)
        yield f"What {of.question.label} returns is right here, and its gradient is not."


def _error_positions(case: Case, finder: CauseFinder) -> Iterator[str]:
    """Yield a sentence about where the first wrong part of the result is wrong."""
    failing = case.test.failing_place
    if failing is None:
        return
    masks = [
        (name, value)
        for name, value in named_arguments(finder.reference, case.test.log[failing])
        if isinstance(value, Tensor) and is_mask(value)
    ]
    pairs = zip(_tensors(case.answers[failing].value), _tensors(case.expected[failing].value), strict=False)
    for mine, right in pairs:
        sentence = describe_error_positions(mine, right, case.test.sizes, masks)
        if sentence is not None:
            yield sentence
            return


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [each for each in items if isinstance(each, Tensor)]
