"""Run the command `grade` in a pseudo-terminal."""

import os
import pty
import select
import subprocess
import sys
import termios
from contextlib import suppress

import click

from tests.paths import ROOT

WARM = ("ARCHGRADE_WARM", "XDG_RUNTIME_DIR")  # whether a warm process is used, and where it is found
PATIENCE = 600  # seconds without output after which a test fails


class InTerminal:
    """A run of `grade` in a terminal."""

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
        """Return the output up to and including a text, without colours. The rest is returned by the next call."""
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
