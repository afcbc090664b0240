"""docs/contributors/architecture.md: the wings that it draws are those of the code."""

import re

from tests.docs.documents import read
from tests.paths import ROOT


def test_the_wings_are_the_folders_of_grader() -> None:
    drawn = re.findall(r"^  (\w+)/ ", read("docs/contributors/architecture.md"), re.MULTILINE)
    wings = {path.name for path in (ROOT / "grader").iterdir() if (path / "__init__.py").is_file()}
    assert sorted(drawn) == sorted(wings)


def test_nothing_but_wings_and_what_authors_import_lies_in_grader() -> None:
    modules = {path.stem for path in (ROOT / "grader").glob("*.py")}
    assert modules == {"__init__", "__main__", "testing", "lab", "pictures", "weights"}
