"""Run a command in a terminal, for the documents that show what it prints."""

import os
import pty
import select
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

LONGEST = 600.0  # seconds that a command may print nothing


def screen(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], rows: int, columns: int = 80) -> str:
    """Return what a command prints in a terminal of this size, with escape sequences, and then what it says on stderr.

    stderr is no terminal, so that no spinner turns.
    """
    outer, inner = pty.openpty()
    termios.tcsetwinsize(inner, (rows, columns))
    process = subprocess.Popen(words, cwd=cwd, stdin=inner, stdout=inner, stderr=subprocess.PIPE, env=env)
    os.close(inner)
    printed = b""
    while True:
        if not select.select([outer], [], [], LONGEST)[0]:
            raise TimeoutError(f"{' '.join(words)} prints nothing more, and has not ended")
        try:
            data = os.read(outer, 1 << 16)
        except OSError:  # the program has ended
            data = b""
        if not data:
            break
        printed += data
    os.close(outer)
    _, errors = process.communicate()
    return (printed + errors).decode("utf-8").replace("\r", "")
