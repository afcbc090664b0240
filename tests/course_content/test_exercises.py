"""Each exercise of the course on one seed, through a judge and without what takes long.

`grade check` proves more, on many seeds: that mistakes are named, and what only the long tests can tell.
"""

import sys
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from grader.check.exercises import FEWEST_MISTAKES, FEWEST_VARIANTS
from grader.course import Exercise, load_course
from grader.course.document import read_text
from grader.course.variations import Variation, load_variations
from grader.judge.materials import materials_of, reference_texts
from grader.judge.messages import Job, Materials, Misstep
from grader.result import Outcome, Result
from grader.warm.client import Judges
from tests.paths import ROOT

if sys.platform != "linux":
    pytest.skip("judges are tested where they can be confined", allow_module_level=True)

COURSE = load_course(ROOT)


@pytest.fixture(scope="module")
def materials() -> dict[str, Materials]:
    return {each.id: each for each in materials_of(COURSE, COURSE.exercises)}


@pytest.fixture(scope="module")
def judges(materials: dict[str, Materials]) -> Iterator[Judges]:
    with Judges(many=True) as judges:
        judges.prepare(list(materials.values()), forbidden=[ROOT])
        yield judges


def grade(judges: Judges, exercise: Exercise, texts: dict[str, str]) -> dict[str, Result]:
    """The results of submissions to an exercise that builds on the references of others, by name."""
    others = reference_texts(COURSE.needed_by(exercise))
    jobs = [
        Job(i, exercise.id, f"{exercise.id}.py", text, "", 0, others, diagnose=False, long=False, exitfirst=True)
        for i, text in enumerate(texts.values())
    ]
    names = list(texts)
    return {names[job.id]: result for job, result in judges.grade(jobs)}


def failing(result: Result) -> str:
    """How a submission failed, for the message of a test here."""
    return f"{result.outcome}: {[(t.id, str(t.outcome), t.failure and t.failure.message) for t in result.telling]}"


def sources(variations: Iterable[Variation | Misstep]) -> dict[str, str]:
    return {each.name: each.source for each in variations}


@pytest.mark.parametrize("exercise", COURSE.exercises, ids=lambda each: each.id)
def test_right_solutions_pass_and_wrong_ones_fail(
    judges: Judges, materials: dict[str, Materials], exercise: Exercise
) -> None:
    reference = read_text(exercise.reference)
    own = grade(judges, exercise, {"stub": read_text(exercise.stub), "reference": reference})
    assert own["stub"].outcome is Outcome.NOT_STARTED
    assert own["reference"].passed, failing(own["reference"])

    variants = grade(judges, exercise, sources(load_variations(exercise.variants, reference, exercise.id)))
    assert len(variants) >= FEWEST_VARIANTS
    assert {name: failing(result) for name, result in variants.items() if not result.passed} == {}

    mistakes = grade(judges, exercise, sources(materials[exercise.id].mistakes))
    assert len(mistakes) >= FEWEST_MISTAKES
    assert [name for name, result in mistakes.items() if result.passed] == []
    assert [name for name, result in mistakes.items() if result.faulty] == []


def test_what_failed_first_is_run_before_what_it_needs(judges: Judges) -> None:
    exercise = COURSE.exercise("causal_mask")
    nothing = read_text(exercise.stub).replace("raise NotImplementedError", "return None")
    job = Job(0, exercise.id, f"{exercise.id}.py", nothing, "", 0, diagnose=False, exitfirst=True)
    ((_, plain),) = judges.grade([job])
    waiting = next(test for test in plain.tests if test.needs and test.outcome is Outcome.SKIPPED)
    assert plain.tests[0].failing
    ((_, result),) = judges.grade([msgspec.structs.replace(job, failed_first=waiting.id)])
    assert (result.tests[0].id, result.tests[0].outcome) == (waiting.id, Outcome.RETURNED_NONE)
    assert {test.outcome for test in result.tests[1:]} == {Outcome.SKIPPED}
    assert len(result.tests) == len(plain.tests)
