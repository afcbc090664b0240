"""CONTRIBUTING.md: tests lie where it says that they lie, so that the path of a file leads to its tests."""

from pathlib import Path

import pytest

from tests.docs.documents import read
from tests.paths import ROOT

GRADER, TESTS = ROOT / "grader", ROOT / "tests"
PACKAGES = sorted(str(path.parent.relative_to(GRADER)) for path in GRADER.glob("**/*/__init__.py"))
BESIDES = {"course_content", "docs", "sorting", "toolbox"}  # folders of no package
BY_SUBJECT = {  # test files that are named for what they are about: it is of no single module
    "commands": {"another_course", "batch_faults", "batch_quiz", "batch_versions", "light", "needs", "requires"},
    "export": {"every_format", "strangers"},
    "site": {"browser"},
    "workspace": {"wheel"},
    "judge": {"diagnosis_of_modules", "ends", "fixtures", "hostile", "outcomes", "total"},
}


def folder_of(package: str) -> Path:
    """The folder with the tests of a package."""
    return TESTS / ("commands" if package == "cli" else package)


def modules(folder: Path, prefix: str = "") -> set[str]:
    """The names of the Python files in a folder that begin so, without the prefix."""
    return {path.stem.removeprefix(prefix) for path in folder.glob(f"{prefix}*.py")}


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_bear_the_names_of_the_modules_of_their_package(package: str) -> None:
    folder = folder_of(package)
    tested = modules(folder, "test_")
    assert tested, f"there are no tests in {folder}"
    assert tested - modules(GRADER / package) == BY_SUBJECT.get(folder.name, set())


def test_beside_the_packages_there_are_tests_of_single_modules_and_few_folders() -> None:
    assert modules(TESTS, "test_") <= modules(GRADER)
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {folder_of(package).name for package in PACKAGES if "/" not in package} | BESIDES


@pytest.mark.parametrize("folder", sorted({"commands", *BESIDES}))
def test_folders_of_another_name_are_explained(folder: str) -> None:
    assert f"`tests/{folder}/`" in read("CONTRIBUTING.md")
