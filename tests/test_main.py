"""`grade` that is interrupted while its modules are imported."""

import signal
import subprocess
import sys

CODE = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "grader.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["grade", "--version"]
{before}
from grader.__main__ import main
main()
"""


def started(before: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", CODE.format(before=before)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_ends_without_a_word() -> None:
    done = started()
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_what_is_ignored_stays_ignored() -> None:
    done = started("signal.signal(signal.SIGINT, signal.SIG_IGN)")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("archgrade ")


def test_later_it_is_the_commands_own() -> None:
    code = "import signal, sys; from grader.cli import grade; from grader.__main__ import main\n"
    code += "grade.callback = lambda **_: signal.raise_signal(signal.SIGINT)\nsys.argv = ['grade']\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "")
