"""docs/students.md: its screens are those that are shown."""

import subprocess
import sys

from tests.paths import ROOT


def test_the_screens_are_true() -> None:
    done = subprocess.run(
        [sys.executable, "docs/students.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
