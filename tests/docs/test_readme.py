"""README.md: it can be read in a terminal, and its picture is the current screen."""

import subprocess
import sys

from tests.docs.documents import read
from tests.paths import ROOT


def test_no_line_is_wider_than_a_terminal() -> None:
    assert [line for line in read("README.md").splitlines() if len(line) > 80] == []


def test_the_picture_is_current() -> None:
    command = [sys.executable, "docs/first_screen.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
