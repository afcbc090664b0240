"""docs/students.md: its screens are those that are shown, and what it tells editors is true of them."""

import json
import re
import subprocess
import sys

import pytest

from tests.docs.documents import FENCE, read
from tests.paths import ROOT


@pytest.mark.slow
def test_the_screens_are_true() -> None:
    done = subprocess.run(
        [sys.executable, "docs/students.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def tasks() -> dict[str, object]:
    """Return the document's task for VS Code."""
    blocks = [block for block in FENCE.findall(read("docs/students.md")) if block.startswith("```json")]
    settings, tasks = (json.loads("\n".join(block.splitlines()[1:-1])) for block in blocks)
    assert settings["python.testing.pytestArgs"] == ["exercises"]
    (task,) = tasks["tasks"]
    return dict(task)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("    a/b/moe_router.py, line 42, in combine_matrix", ("a/b/moe_router.py", "42")),
        ("    exercises/moe_router/moe_router.py, line 3", ("exercises/moe_router/moe_router.py", "3")),
        ("    ✗ syntax error   exercises/moe_router/moe_router.py:12", ("exercises/moe_router/moe_router.py", "12")),
        ("    ○ not started   moe_router.py:24", ("moe_router.py", "24")),
        ("    ✓ example         three tokens choose 2 of 4 experts each          1", None),
        ("  write   exercises/moe_router/moe_router.py", None),
    ],
)
def test_the_problem_matcher_finds_the_line(line: str, place: tuple[str, str] | None) -> None:
    matcher = tasks()["problemMatcher"]
    assert isinstance(matcher, dict)
    pattern = matcher["pattern"]
    found = re.match(pattern["regexp"], line)
    assert (found and (found[pattern["file"]], found[pattern["line"]])) == place


def test_the_task_grades_the_open_file() -> None:
    assert tasks()["args"] == ["-m", "grader.cli", "exercise", "${file}"]
