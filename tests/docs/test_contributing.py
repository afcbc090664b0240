"""CONTRIBUTING.md: tests lie where it says that they lie, so that the path of a module leads to its tests."""

import pytest

from tests.docs.documents import read
from tests.paths import ROOT

BESIDES = {"course_content", "docs", "sorting", "toolbox"}  # folders of no package


def test_the_folders_of_tests_are_those_of_grader() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    engine = [path for path in folders if path.parts and path.parts[0] not in BESIDES]
    assert len(engine) > 20
    assert [path for path in engine if not (ROOT / "grader" / path).is_dir() and path.name != "boundary"] == []


@pytest.mark.parametrize("folder", sorted(BESIDES))
def test_folders_of_another_name_are_explained(folder: str) -> None:
    assert f"`tests/{folder}/`" in read("CONTRIBUTING.md")
