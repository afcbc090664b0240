"""What can be said of a submission without running it: it does not compile, nothing is written yet, what it imports.

The text is parsed once, in a process that is stopped if that takes longer than a submission may take to load.
"""

import marshal
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import IO, Any

import msgspec

from grader.base import outline
from grader.base.errors import ProcessLost
from grader.base.result import Outcome

SECONDS = 10  # of CPU time for one text: as much as loading may take
_MEMORY = 1 << 30  # bytes of address space for the process that parses
_SCRIPT = outline.__file__
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


class Import(msgspec.Struct, frozen=True):
    """A name that a text imports."""

    module: str  # the top-level one
    name: str  # as the text calls it
    read: bool  # the text reads the name somewhere


class Finding(msgspec.Struct, frozen=True):
    """Why there is nothing to run."""

    outcome: Outcome
    message: str
    line: int | None = None  # from 1
    column: int | None = None  # from 1, in characters


class Examined(msgspec.Struct, frozen=True):
    """A source text as its parser sees it."""

    finding: Finding | None = None
    imports: tuple[Import, ...] = ()
    code: bytes | None = None  # marshalled; None: not compiled, or Python warns of something that is to be seen


@lru_cache(maxsize=64)
def examine(text: str, module: str) -> Examined:
    """Parse the text of a module in a process of its own. Raise ProcessLost where the system ends that process."""
    return _parser.examine(text, f"{module}.py")


def finding_of(fault: Sequence[Any] | None, unwritten: int | None) -> Finding | None:
    """Return what an outline says against running a text."""
    if fault is not None:
        return Finding(Outcome.SYNTAX_ERROR, *fault)
    return None if unwritten is None else Finding(Outcome.NOT_STARTED, "nothing is written yet", unwritten)


def is_untouched(text: str, module: str) -> bool:
    """Return whether nothing is written yet in a module. Raise ProcessLost as `examine` does."""
    finding = examine(text, module).finding
    return finding is not None and finding.outcome is Outcome.NOT_STARTED


class _Parser:
    """A process that parses one text after the other. It ends with this one, whose end of the pipe it reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def examine(self, text: str, file: str) -> Examined:
        with self._lock:
            return self._examine(text, file) or self._examine(text, file) or self._lost()

    def _examine(self, text: str, file: str) -> Examined | None:
        """Return None where the process was killed, which says nothing about the text."""
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin, marshal.dumps((file, text.encode("utf-8", "surrogatepass"))))
            answer = _read(process.stdout)
        except (BrokenPipeError, EOFError):
            return self._ended(process)
        except BaseException:  # an interrupt: what it answers later belongs to no other text
            process.kill()
            self._ended(process)
            raise
        fault, imports, unwritten, code = marshal.loads(answer)
        return Examined(finding_of(fault, unwritten), tuple(Import(*each) for each in imports), code)

    def _ended(self, process: "subprocess.Popen[bytes]") -> Examined | None:
        self._process = None
        with suppress(BrokenPipeError), process:  # closes its pipes, one with unsent data in it, and waits
            pass
        number = -process.returncode
        if number == signal.SIGXCPU:
            what = f"Stopped after {SECONDS} s while it was loaded: Python cannot parse it in that time."
            return Examined(Finding(Outcome.TIMEOUT, what))
        if number in _CRASHES:
            what = f"Python crashes while it parses the file ({signal.Signals(number).name})."
            return Examined(Finding(Outcome.CRASHED, what))
        return None

    def _lost(self) -> Examined:
        raise ProcessLost("the process that parses submissions was ended twice; is there enough memory?")


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", _SCRIPT, str(SECONDS), str(_MEMORY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=os.sep,
        process_group=0,  # Ctrl-C is for the command
    )


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(len(data).to_bytes(8, "little") + data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes:
    """Raise EOFError where the other side has ended."""
    length = pipe.read(8)
    if len(length) < 8:
        raise EOFError
    data = pipe.read(int.from_bytes(length, "little"))
    if len(data) < int.from_bytes(length, "little"):
        raise EOFError
    return data


_parser = _Parser()
