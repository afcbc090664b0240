"""pytest on the public tests of exercises, and so the test panels of editors.

    pytest exercises/moe_router

The student's own file is the submission there, in the process of pytest, without a judge and without bounds: it is
their code on their machine, and the tests are those that they can read. Points, hidden tests and causes come from
`grade exercise`. pytest finds this plugin by an entry point, wherever archgrade is installed; it has no part in
anything but tests in the folder of an exercise, and imports nothing heavy before one of them runs.
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
    "points(n): what the test is worth",
    "needs(*tests): tests without which this one says nothing",
    "requires(*packages): packages without which it is not available",
    "seconds(n): what this test may take",
)
_FAILED = pytest.StashKey[set[tuple[Path, str]]]()  # tests that did not pass, by file and name


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marks known. The files with tests are all called alike, so they are imported by their paths."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    config.stash[_FAILED] = set()
    places = (str(Path.cwd()), *(str(arg).partition("::")[0] for arg in config.args))
    if any(_in_course(Path(place)) for place in places):
        config.option.importmode = "importlib"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves a test out as a judge does: without what it needs, or requires."""
    if _exercise(item.path) is None:
        return
    for name in (name for mark in item.iter_markers("requires") for name in mark.args):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    for name in (name for mark in item.iter_markers("needs") for name in mark.args):
        if (item.path, name) in item.config.stash[_FAILED]:
            pytest.skip(f"needs {name} to pass")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers which tests did not pass."""
    report = yield
    if not report.passed:
        item.config.stash[_FAILED].add((item.path, item.name))
    return report


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The student's module, with the generators of random numbers as `grade exercise` sets them."""
    folder = _folder(request)
    import random

    import torch

    others = [str(each) for each in sorted(folder.parent.iterdir()) if (each / EXERCISE_FILE).is_file()]
    sys.path += others  # what is imported of the student's other exercises
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
    """Random inputs, the same as in `grade exercise`."""
    from grader.engine.judge.rng import Rng

    return Rng(_seed(request, _folder(request)))


def _seed(request: pytest.FixtureRequest, folder: Path) -> int:
    return derive_seed(folder.name, request.node.name, 0)


def _folder(request: pytest.FixtureRequest) -> Path:
    """The folder of the exercise whose test this is."""
    folder = _exercise(request.path)
    if folder is None:
        pytest.fail(f"{request.path} is not in the folder of an exercise, and has no submission.", pytrace=False)
    return folder


def _exercise(path: Path) -> Path | None:
    return path.parent if (path.parent / EXERCISE_FILE).is_file() else None


def _module(folder: Path) -> ModuleType:
    """The student's file of an exercise as the module that others import by its name. Raises whatever it raises."""
    name, file = folder.name, folder / f"{folder.name}.py"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(file):
        return known
    if not file.is_file():
        pytest.fail(f"{file} is missing; bring it back, or begin anew with grade reset {name}.", pytrace=False)
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
