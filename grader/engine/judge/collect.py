"""Collecting: from the items of pytest to exercises with their tests, their reference and its known mistakes."""

import inspect
import runpy
import traceback
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.engine.judge.diagnosis.causes import Causes
from grader.engine.judge.diagnosis.versions import Mistake
from grader.engine.judge.messages import Materials, Setup
from grader.engine.judge.session import Limits
from grader.engine.sandbox.source import execute, install

FIXTURES = frozenset({"submission", "reference", "rng"})
_NOT_RUN_BY_CALLING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass
class Test:
    """A test of an exercise, with what its marks say."""

    item: pytest.Function
    name: str
    description: str
    hidden: bool
    points: float
    needs: tuple[str, ...]
    requires: tuple[str, ...]  # packages
    missing: tuple[str, ...]  # of them
    seconds: float | None  # its own limit
    plain: bool  # a function that wants no other fixtures than the judge's own: pytest need not set it up

    @property
    def long(self) -> bool:
        """Whether it is too costly to be repeated: on many seeds, or on every known mistake."""
        return bool(self.requires) or self.seconds is not None


@dataclass(frozen=True)
class Tested:
    """An exercise, ready to grade submissions."""

    materials: Materials
    reference: types.ModuleType | None
    causes: Causes | None  # None where there is no reference
    tests: Sequence[Test]


def collect(setup: Setup, items: Iterable[pytest.Item]) -> dict[str, Tested]:
    """The exercises, by id. UsageError where a test or a reference cannot be used."""
    by_path: dict[str, list[pytest.Function]] = {}
    for item in items:
        assert isinstance(item, pytest.Function)
        by_path.setdefault(str(item.path), []).append(item)
    found = {}
    for materials in setup.materials:
        install(materials.others)
        reference = _reference(materials)
        known = [Mistake(m.name, m.replaces, m.advice, m.source) for m in materials.mistakes]
        limits = Limits(materials.seconds, materials.memory)
        causes = None if reference is None else Causes(reference, known, limits)
        tests = [_test(item, path == materials.hidden) for path in materials.tests for item in by_path.get(path, [])]
        _check_needs(tests)
        if setup.complete:
            _refuse_missing(materials.id, tests)
        found[materials.id] = Tested(materials, reference, causes, tests)
    return found


def collection_fault(path: Path) -> UsageError:
    """What is wrong with a test file that pytest could not import: found by running it once more."""
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


def _test(item: pytest.Function, hidden: bool) -> Test:
    where = f"{item.path}:{item.function.__code__.co_firstlineno}"
    marker = item.get_closest_marker("points")
    if marker is None or len(marker.args) != 1 or not isinstance(marker.args[0], int | float) or marker.args[0] < 0:
        raise UsageError(f"{where}: {item.name} has no points; put @points(1) above it.")
    if not item.function.__doc__:
        raise UsageError(f"{where}: {item.name} has no docstring; it is the line that the student reads.")
    needs = tuple(name for mark in item.iter_markers("needs") for name in mark.args)
    requires = tuple(name for mark in item.iter_markers("requires") for name in mark.args)
    limit = item.get_closest_marker("seconds")
    return Test(
        item=item,
        name=item.name.removeprefix("test_").replace("_", " "),
        description=item.function.__doc__.strip().split("\n")[0],
        hidden=hidden,
        points=float(marker.args[0]),
        needs=needs,
        requires=requires,
        missing=tuple(name for name in requires if find_spec(name) is None),
        seconds=float(limit.args[0]) if limit is not None else None,
        plain=_plain(item),
    )


def _plain(item: pytest.Function) -> bool:
    definitions = item._fixtureinfo.name2fixturedefs
    own = all(name in FIXTURES and len(definitions[name]) == 1 for name in item.fixturenames)
    own = own and not hasattr(item, "callspec")  # of a test with parameters, which may bear the names of fixtures
    return own and inspect.isfunction(item.obj) and not item.obj.__code__.co_flags & _NOT_RUN_BY_CALLING


def _check_needs(tests: list[Test]) -> None:
    seen: dict[str, Test] = {}
    for test in tests:
        for name in test.needs:
            where = f"{test.item.path}:{test.item.function.__code__.co_firstlineno}: {test.item.name} needs {name!r}"
            if name not in seen:
                raise UsageError(f"{where}, and no test of that name stands before it.")
            if not set(seen[name].requires) <= set(test.requires):
                raise UsageError(f"{where}, which is not available everywhere; let it require the same packages.")
        seen[test.item.name] = test


def _refuse_missing(exercise: str, tests: list[Test]) -> None:
    """Raises UsageError where a test is not available: its points would be missing in some scores and not in others."""
    missing = sorted({package for test in tests for package in test.missing})
    if missing:
        what = f"Tests of {exercise} require {' and '.join(missing)}"
        raise UsageError(f"{what}, and scores without them would not compare; docs/weights.md says how to install.")


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
