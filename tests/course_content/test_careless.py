"""No careless return, instead of any function of any exercise, ends in a fault of the grader."""

import itertools
import sys
from collections.abc import Iterator

import pytest

from grader.base.files import read_text
from grader.base.result import Outcome, Result
from grader.course import Exercise, load_course
from grader.course.stub import interface
from grader.engine.judge.materials import materials_of, reference_texts
from grader.engine.judge.messages import Job
from grader.engine.pool.client import Judges
from tests.paths import ROOT

if sys.platform != "linux":
    pytest.skip("judges are tested where they can be confined", allow_module_level=True)

COURSE = load_course(ROOT)

CARELESS = {
    "its argument": "given[0]",
    "a shape": "next((each.shape for each in given if isinstance(each, torch.Tensor)), torch.Size((2, 3)))",
    "None": "None",
    "a generator": "(each for each in given)",
    "a zip": "zip(given, given)",
    "a range": "range(2**61)",
    "a dict": "{'result': given}",
    "a string": "'result'",
    "NotImplemented": "NotImplemented",
    "a module": "torch.nn.Linear(2, 2)",
    "itself": "careless",
}

_REPLACED = """

def careless(*args, **kwargs):
    import torch
    given = (*args, *kwargs.values(), 0)
    return {value}

{name} = careless
"""


_RANDOM = """

def make_random(seed):
    import collections, random
    import numpy, torch
    draw = random.Random(seed)

    def tensor(given):
        dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.complex64]
        shapes = [each.shape for each in given if isinstance(each, torch.Tensor)] or [(2, 3)]
        shape = draw.choice([*shapes, draw.choice(shapes)[:-1], (0,), (), (1, 0, 3), (4, 1, 5)])
        made = torch.randn(shape, dtype=torch.float64).to(draw.choice(dtypes))
        made = draw.choice([made, made * float("nan"), made * float("inf"), made.to_sparse() if made.dim() else made])
        return made.requires_grad_(draw.random() < 0.3) if made.is_floating_point() or made.is_complex() else made

    def value(given, depth=0):
        plain = [
            lambda: draw.choice(given), lambda: tensor(given), lambda: None, lambda: draw.choice([True, False]),
            lambda: draw.choice([0, -1, 7, 2**40, 2**63, -(10**300), -0.0, 1e308, float("nan")]),
            lambda: 2 + 3j, lambda: "a\x1b[2J" * draw.randrange(3), lambda: b"\xff", lambda: slice(None, 3, -1),
            lambda: range(draw.randrange(9)), lambda: torch.float16, lambda: torch.Size([2, 3]), lambda: Ellipsis,
            lambda: numpy.arange(4.0).reshape(2, 2), lambda: numpy.float32(2), lambda: torch.nn.Linear(2, 3),
            lambda: iter([1, 2]), lambda: (lambda x: x), lambda: NotImplemented, lambda: frozenset({1, "a"}),
        ]
        nested = [
            lambda: [value(given, depth + 1) for _ in range(draw.randrange(4))],
            lambda: tuple(value(given, depth + 1) for _ in range(draw.randrange(4))),
            lambda: {draw.choice(["a", 1, (2, 3)]): value(given, depth + 1) for _ in range(draw.randrange(3))},
            lambda: collections.namedtuple("Pair", "one two")(value(given, depth + 1), value(given, depth + 1)),
            lambda: torch.nn.ModuleList([torch.nn.Linear(2, 2)] * 2),
        ]
        return draw.choice(plain + 3 * nested if depth < 3 else plain)()

    def careless(*args, **kwargs):
        return value((*args, *kwargs.values(), 0))

    return careless
"""
IN_TURN = 5  # careless returns of one function; the next function has the next ones
SEEDS = 12  # of random values, for each exercise
DIAGNOSED = 13  # one version in so many runs all tests and is diagnosed; of the others the first failure is enough
COSTLY = 10  # seconds of a test's limit from which on no version is diagnosed


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges]:
    with Judges(many=True) as judges:
        judges.prepare(list(materials_of(COURSE, COURSE.exercises)), forbidden=[ROOT])
        yield judges


def careless_texts(exercise: Exercise) -> dict[str, str]:
    """Return the careless versions of an exercise, by what they return and where."""
    reference = read_text(exercise.reference)
    names = [each.name for each in interface(reference) if not each.name.endswith("__init__")]
    turn = itertools.cycle(CARELESS.items())
    texts = {
        f"{name} returns {what}": reference + _REPLACED.format(name=name, value=value)
        for name in names
        for what, value in itertools.islice(turn, IN_TURN)
    }
    for seed in range(SEEDS):
        replaced = "".join(f"\n{name} = make_random({seed})" for name in names)
        texts[f"all return random values, {seed}"] = reference + _RANDOM + replaced
    return texts


def faults(result: Result) -> list[str]:
    """Return what went wrong in the grader itself."""
    broken = [test for test in result.tests if test.outcome is Outcome.ERROR]
    found = [f"{test.id}: {test.failure.message if test.failure else ''}" for test in broken]
    return [*found, *result.advice_errors, *([result.message or ""] if result.outcome is Outcome.ERROR else [])]


@pytest.mark.parametrize("exercise", COURSE.exercises, ids=lambda each: each.id)
def test_no_careless_return_is_a_fault_of_the_grader(judges: Judges, exercise: Exercise) -> None:
    texts = careless_texts(exercise)
    others = reference_texts(COURSE.needed_by(exercise))
    costly = exercise.limits.seconds >= COSTLY
    jobs = {
        place: Job(
            id=place,
            exercise=exercise.id,
            file=f"{exercise.id}.py",
            source=text,
            sha256="",
            seed=0,
            others=others,
            diagnose=not costly and place % DIAGNOSED == 0,
            long=False,
            exitfirst=costly or place % DIAGNOSED != 0,
        )
        for place, text in enumerate(texts.values())
    }
    names = list(texts)
    found = {names[job.id]: faults(result) for job, result in judges.grade(jobs.values())}
    assert len(found) == len(texts)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
