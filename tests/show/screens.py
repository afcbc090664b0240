"""Results of one exercise, and their screens."""

import re
from pathlib import Path
from typing import Any

from grader.base.result import Axis, Failure, Isolation, Outcome, Result, TestResult, Value, Versions
from grader.course import Exercise
from grader.show.context import RunContext
from grader.show.terminal import render

FILE = "exercises/moe_router/moe_router.py"
STATEMENT = "exercises/moe_router/README.md"


EXERCISE = Exercise(
    id="moe_router",
    title="top-k routing with renormalised weights",
    lesson=3,
    level=2,
    minutes=20,
    points=10,
    passed="You have written the gate of Mixtral 8x7B: softmax(topk(x W)).",
    folder=Path("exercises/moe_router"),
    solution=None,
)
VIEW = RunContext(hints_total=3, statement=STATEMENT)
TESTS = {  # name: (description, points)
    "shape": ("weights and experts are [T, k]", 1.0),
    "choice": ("the k largest logits, best first", 2.0),
    "renormalise": ("the k weights of every token sum to 1", 2.0),
    "values": ("equals the reference on 40 random shapes", 2.0),
    "k = E": ("reduces to a plain softmax", 1.0),
    "gradient": ("gradcheck through w_gate", 2.0),
}


def identity(name: str) -> str:
    return "test_" + re.sub(r"\W+", "_", name)


def case(name: str, outcome: Outcome = Outcome.PASSED, failure: Failure | None = None, **more: Any) -> TestResult:
    about, points = TESTS.get(name, ("what it is about", 1.0))
    return TestResult(
        id=identity(name),
        name=name,
        description=more.pop("description", about),
        visibility="hidden",
        outcome=outcome,
        points=points if outcome is Outcome.PASSED else 0.0,
        max_points=points,
        seconds=0.03,
        failure=failure,
        **more,
    )


def result(*tests: TestResult, outcome: Outcome = Outcome.GRADED, seconds: float = 0.19, **more: Any) -> Result:
    return Result(
        exercise="moe_router",
        file=FILE,
        sha256="0" * 64,
        outcome=outcome,
        score=sum(t.points for t in tests),
        max_score=sum(t.max_points for t in tests) or 10.0,
        tests=tests,
        hidden_tests=True,
        isolation=Isolation(kind="confined", landlock=4, seccomp=True, start="fork"),
        versions=Versions(archgrade="0.1.0", python="3.11.7", torch="2.4.0"),
        seed=0,
        seconds=seconds,
        **more,
    )


def graded(**failing: tuple[Outcome, Failure | None]) -> Result:
    """Return a result of the six tests, all passed except the given ones."""
    return result(*(case(name, *failing.get(name, (Outcome.PASSED, None))) for name in TESTS))


def screen(of: Result, view: RunContext = VIEW, **options: Any) -> str:
    settings = {"full": False, "width": 80, "height": 30, "unicode": True, "color": False} | options
    return render(of, EXERCISE, view, **settings)


def axes(**sizes: int) -> tuple[Axis, ...]:
    return tuple(Axis(size, name) for name, size in sizes.items())


def tensor(dtype: str = "float64", /, **sizes: int) -> Value:
    return Value("tensor", axes(**sizes), dtype)


def one(outcome: Outcome, failure: Failure | None = None, **options: Any) -> str:
    return screen(graded(choice=(outcome, failure)), **options)
