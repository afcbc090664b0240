"""Each exercise of the course on one seed, through a judge and without what takes long.

`grade check` proves more, on many seeds: that mistakes are named, that they fail with all values of their parameters,
and what only the long tests can tell.
"""

import sys
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from grader.author.check.exercises import FEWEST_MISTAKES, FEWEST_VARIANTS
from grader.base.files import read_text
from grader.base.result import Outcome, Result
from grader.course import Exercise, load_course
from grader.course.variations import Variation, load_variations
from grader.engine.judge.materials import materials_of, reference_texts
from grader.engine.judge.messages import Job, Materials
from grader.engine.pool.client import Judges
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


def grade(judges: Judges, exercise: Exercise, submissions: Iterable[Variation | Variation]) -> dict[str, Result]:
    """Grade submissions to an exercise that builds on the references of others. Return the results by name.

    A test that failed one is run first on the next one that has the same part wrong: it is likely to fail that, too.
    """
    others = reference_texts(COURSE.needed_by(exercise))
    failed: dict[str, str] = {}  # the test, by the part
    graded = dict(enumerate(submissions))
    jobs = (
        Job(
            id=i,
            exercise=exercise.id,
            file=f"{exercise.id}.py",
            source=each.source,
            sha256="",
            seed=0,
            others=others,
            diagnose=False,
            long=False,
            exitfirst=True,
            failed_first=failed.get(each.replaces),
        )
        for i, each in graded.items()
    )
    results = {}
    for job, result in judges.grade(jobs):
        submission = graded[job.id]
        results[submission.name] = result
        for test in result.tests:
            if test.is_failing:
                failed[submission.replaces] = test.id
    return results


def failing(result: Result) -> str:
    """How a submission failed, for the message of a test here."""
    failures = [(t.id, str(t.outcome), t.failure and t.failure.message) for t in result.relevant_failures]
    return f"{result.outcome}: {failures}"


def first_versions(mistakes: Iterable[Variation]) -> list[Variation]:
    """Return the first version of each definition, without those that run into a limit."""
    found = {each.definition: each for each in reversed([*mistakes]) if not each.ends}
    return [*reversed(found.values())]


def whole(name: str, source: str) -> Variation:
    """Return a file as it is."""
    return Variation(name, replaces="", advice="", source=source)


@pytest.mark.parametrize("exercise", COURSE.exercises, ids=lambda each: each.id)
def test_right_solutions_pass_and_wrong_ones_fail(
    judges: Judges, materials: dict[str, Materials], exercise: Exercise
) -> None:
    reference = read_text(exercise.reference)
    own = grade(judges, exercise, [whole("stub", read_text(exercise.stub)), whole("reference", reference)])
    assert own["stub"].outcome is Outcome.NOT_STARTED
    assert own["reference"].passed, failing(own["reference"])

    variants = grade(judges, exercise, load_variations(exercise.variants, reference, exercise.id))
    assert len(variants) >= FEWEST_VARIANTS
    assert {name: failing(result) for name, result in variants.items() if not result.passed} == {}

    mistakes = grade(judges, exercise, first_versions(load_variations(exercise.mistakes, reference, exercise.id)))
    assert len(mistakes) >= FEWEST_MISTAKES
    assert [name for name, result in mistakes.items() if result.passed] == []
    assert [name for name, result in mistakes.items() if result.is_faulty] == []


def test_what_failed_first_is_run_before_what_it_needs(judges: Judges) -> None:
    exercise = COURSE.exercise("causal_mask")
    nothing = read_text(exercise.stub).replace("raise NotImplementedError", "return None")
    job = Job(0, exercise.id, f"{exercise.id}.py", nothing, "", 0, diagnose=False, exitfirst=True)
    ((_, plain),) = judges.grade([job])
    waiting = next(test for test in plain.tests if test.needs and test.outcome is Outcome.SKIPPED)
    assert plain.tests[0].is_failing
    ((_, result),) = judges.grade([msgspec.structs.replace(job, failed_first=waiting.id)])
    assert (result.tests[0].id, result.tests[0].outcome) == (waiting.id, Outcome.RETURNED_NONE)
    assert {test.outcome for test in result.tests[1:]} == {Outcome.SKIPPED}
    assert len(result.tests) == len(plain.tests)
