"""Run the command `grade` in a pseudo-terminal."""

import os
import pty
import select
import shlex
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress

import click

from tests.paths import ROOT

GRADE = [sys.executable, "-m", "grader.cli"]
PROMPT = "shell> "
WARM = ("ARCHGRADE_WARM", "XDG_RUNTIME_DIR")  # whether a warm process is used, and where it is found
PATIENCE = 600  # seconds without output after which a test fails


class InTerminal:
    """A run of `grade` in a terminal."""

    def __init__(self, *words: str, rows: int = 24, columns: int = 80):
        self._screen, inner = pty.openpty()
        termios.tcsetwinsize(inner, (rows, columns))
        environment = {"PYTHONPATH": str(ROOT), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        environment |= {name: os.environ[name] for name in WARM if name in os.environ} | {"PS1": PROMPT}
        opening = ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(inner)]  # so that it becomes the session's terminal
        self.process = subprocess.Popen(
            [*opening, *self._command(words)],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment,
            start_new_session=True,
        )
        os.close(inner)
        self._ahead = ""

    def _command(self, words: Sequence[str]) -> list[str]:
        return [*GRADE, *words]

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

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the terminal, which tells the program so."""
        termios.tcsetwinsize(self._screen, (rows, columns))

    def ends(self) -> int:
        with suppress(OSError):
            while select.select([self._screen], [], [], PATIENCE)[0] and os.read(self._screen, 4096):
                pass
        os.close(self._screen)
        return self.process.wait(PATIENCE)


class InShell(InTerminal):
    """A run of `grade` by an interactive shell, which can stop and continue it."""

    def __init__(self, *words: str, rows: int = 24, columns: int = 80):
        super().__init__(*words, rows=rows, columns=columns)
        self.until(PROMPT)
        self.types(shlex.join([*GRADE, *words]) + "\n")
        self.until("\n")

    def _command(self, words: Sequence[str]) -> list[str]:
        return ["sh", "-i"]

    def stops(self) -> None:
        """Stop the program with Ctrl-Z, and check that the shell has its terminal back."""
        self.types("\x1a")
        self.until(PROMPT)
        _, _, _, modes, *_ = termios.tcgetattr(self._screen)
        assert modes & termios.ECHO
        assert modes & termios.ICANON

    def goes_on(self) -> None:
        self.types("fg\n")
        self.until("\n")

    def leaves_shell(self) -> None:
        """End the shell after the program has ended."""
        self.until(PROMPT)
        self.types("exit\n")
        assert self.ends() == 0
