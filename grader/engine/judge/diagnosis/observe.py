"""What can be seen of a failure that no mistake explains."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from torch import Tensor

from grader.base.errors import UsageError
from grader.base.result import Diagnosis, Outcome, TestResult
from grader.engine.judge.collect import Tested
from grader.engine.judge.diagnosis.contrasts import contrasts
from grader.engine.judge.diagnosis.error_positions import place_of_errors
from grader.engine.judge.diagnosis.evidence import Case, Run
from grader.engine.judge.diagnosis.questions import is_mask
from grader.engine.judge.names import named_arguments
from grader.engine.judge.replay import Answer, answer_of
from grader.engine.judge.session import Entry, Session
from grader.engine.sandbox import wire


def observed(
    results: Sequence[TestResult],
    runs: Sequence[Run],
    diagnoses: Sequence[Diagnosis],
    exercise: Tested,
    session: Session,
) -> list[TestResult]:
    """The results, with what was seen of the first failure if no mistake explains it."""
    run = next((run for run in runs if run.failed and run.log), None)
    named = {each.test for each in diagnoses} | {each.id for each in results if each.outcome is Outcome.RETURNED_NONE}
    if run is None or run.test in named or exercise.causes is None or exercise.reference is None:
        return list(results)
    case = exercise.causes.memory.case(run)

    def ask(log: Sequence[Entry]) -> Answer:
        return answer_of(*session.ask_again(log, run.seed))

    found = None
    if Outcome.MEMORY not in {each.outcome for each in results if each.id == run.test}:  # it would fill it each time
        with contextlib.suppress(UsageError):  # the reference takes too long on one of the variations
            found = contrasts(case, run.sizes, exercise.reference, session.limits, ask)
    seen = (*_derivative(case), *([found] if found else []), *_places(case, exercise))
    return [_with(result, seen) if result.id == run.test else result for result in results]


def _with(result: TestResult, seen: tuple[str, ...]) -> TestResult:
    if result.failure is None:
        return result
    return msgspec.structs.replace(result, failure=msgspec.structs.replace(result.failure, observations=seen))


def _derivative(case: Case) -> Iterator[str]:
    """Of gradients that are wrong: that the values which they are of are right."""
    shown = case.shown
    if shown is None or not isinstance(request := case.run.log[shown].request, wire.Differentiate):
        return
    of = next(place for place, each in enumerate(case.run.log) if each.request.id == request.of)
    if case.is_right[of] and not case.is_right[shown]:
        yield f"What {case.run.log[of].question.label} returns is right here, and its gradient is not."


def _places(case: Case, exercise: Tested) -> Iterator[str]:
    shown = case.shown
    if shown is None:
        return
    entry = case.run.log[shown]
    masks = [
        (name, value)
        for name, value in named_arguments(exercise.reference, entry)
        if isinstance(value, Tensor) and is_mask(value)
    ]
    pairs = zip(_parts(case.given[shown].value), _parts(case.right[shown].value), strict=False)
    for mine, right in pairs:
        said = place_of_errors(mine, right, case.run.sizes, masks)
        if said is not None:
            yield said
            return


def _parts(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [each for each in items if isinstance(each, Tensor)]
