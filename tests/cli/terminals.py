"""The command `grade` in a terminal of its own, in which somebody types."""

import os
import pty
import select
import subprocess
import sys
import termios
from contextlib import suppress

import click

from tests.paths import ROOT

WARM = ("ARCHGRADE_WARM", "XDG_RUNTIME_DIR")  # what says whether a warm process is found, and where
PATIENCE = 600  # seconds for which a terminal may be silent


class InTerminal:
    """`grade` with these words."""

    def __init__(self, *words: str, rows: int = 24, columns: int = 80):
        command = [sys.executable, "-m", "grader.cli", *words]
        environment = {"PYTHONPATH": str(ROOT), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        environment |= {name: os.environ[name] for name in WARM if name in os.environ}
        self._screen, inner = pty.openpty()
        termios.tcsetwinsize(inner, (rows, columns))
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
        os.close(inner)
        self._ahead = ""

    def until(self, text: str) -> str:
        """What is shown up to a text, with it and without colours. What follows is shown next time."""
        shown = self._ahead
        while text not in shown:
            data = b""
            ready, _, _ = select.select([self._screen], [], [], PATIENCE)
            with suppress(OSError):  # the program has ended
                data = os.read(self._screen, 4096) if ready else b""
            assert data, f"{text!r} was never shown, but:\n{shown}"
            shown += click.unstyle(data.decode("utf-8", "replace")).replace("\r", "")
        shown, found, self._ahead = shown.partition(text)
        return shown + found

    def types(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def ends(self) -> int:
        with suppress(OSError):
            while select.select([self._screen], [], [], PATIENCE)[0] and os.read(self._screen, 4096):
                pass
        os.close(self._screen)
        return self.process.wait(PATIENCE)
