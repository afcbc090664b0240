"""A pytest plugin for the public tests of exercises, so that the test panels of editors work too.

    pytest exercises/moe_router

The submission is the student's own file, imported into pytest's process without a judge or a sandbox: it is their code
on their machine. Points, hidden tests and diagnoses come from `grade exercise`. pytest finds this plugin by an entry
point, wherever archgrade is installed; it only affects tests in the folder of an exercise, and imports nothing heavy
before one of them runs.
"""

import sys
from collections.abc import Generator, Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from grader.base.errors import UsageError
from grader.base.seeds import derive_seed
from grader.course.load import EXERCISE_FILE, find_course

if TYPE_CHECKING:
    from grader.engine.judge.rng import Rng

MARKS = (
    "points(n): the points of the test",
    "needs(*tests, packages): tests that must pass and packages that must be installed, otherwise this one is skipped",
    "seconds(n): the time limit of the test",
)
_FAILED = pytest.StashKey[set[tuple[Path, str]]]()  # file and name of tests that did not pass


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks. Import test files by path, since those of all exercises have the same name."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    config.stash[_FAILED] = set()
    places = (str(Path.cwd()), *(str(arg).partition("::")[0] for arg in config.args))
    if any(_in_course(Path(place)) for place in places):
        config.option.importmode = "importlib"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test as a judge does, if a test that it needs failed or a package is missing."""
    if _exercise(item.path) is None:
        return
    for name in (name for mark in item.iter_markers("needs") for name in mark.kwargs.get("packages", ())):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    for name in (name for mark in item.iter_markers("needs") for name in mark.args):
        if (item.path, name) in item.config.stash[_FAILED]:
            pytest.skip(f"needs {name} to pass")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests did not pass."""
    report = yield
    if not report.passed:
        item.config.stash[_FAILED].add((item.path, item.name))
    return report


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Return the student's module, with random generators seeded as in `grade exercise`."""
    folder = _folder(request)
    import random

    import torch

    others = [str(each) for each in sorted(folder.parent.iterdir()) if (each / EXERCISE_FILE).is_file()]
    sys.path += others  # a submission may import the student's other exercises
    try:
        module = _module(folder)
        torch.manual_seed(_seed(request, folder))
        random.seed(_seed(request, folder))
        yield module
    finally:
        for place in others:
            sys.path.remove(place)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> "Rng":
    """Return the random inputs of `grade exercise`."""
    from grader.engine.judge.rng import Rng

    return Rng(_seed(request, _folder(request)))


def _seed(request: pytest.FixtureRequest, folder: Path) -> int:
    return derive_seed(folder.name, request.node.name, 0)


def _folder(request: pytest.FixtureRequest) -> Path:
    """Return the folder of the exercise that a test belongs to."""
    folder = _exercise(request.path)
    if folder is None:
        pytest.fail(f"{request.path} is not in the folder of an exercise, so there is no submission.", pytrace=False)
    return folder


def _exercise(path: Path) -> Path | None:
    return path.parent if (path.parent / EXERCISE_FILE).is_file() else None


def _module(folder: Path) -> ModuleType:
    """Import the student's file as the module of the exercise's name. Raise what the file raises."""
    name, file = folder.name, folder / f"{folder.name}.py"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(file):
        return known
    if not file.is_file():
        pytest.fail(f"{file} is missing; restore it, or start over with grade reset {name}.", pytrace=False)
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_course(place: Path) -> bool:
    try:
        return bool(find_course(place, None))
    except UsageError:
        return False
