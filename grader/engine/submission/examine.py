"""Examines a submission without running it: whether it compiles, whether anything is written, what it imports.

The text is parsed once, in a process that is stopped after the time in which a submission has to load.
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

SECONDS = 10  # of CPU time for one text; loading may take as long
_MEMORY = 1 << 30  # bytes of address space for the parsing process
_SCRIPT = outline.__file__
_CRASH_SIGNALS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


class Import(msgspec.Struct, frozen=True):
    """A name that a module imports."""

    module: str  # the top-level module
    name: str  # the name that it is bound to
    read: bool  # whether the name is read anywhere


class Finding(msgspec.Struct, frozen=True):
    """The reason why a submission is not run."""

    outcome: Outcome
    message: str
    line: int | None = None  # from 1
    column: int | None = None  # from 1, in characters


class Examination(msgspec.Struct, frozen=True):
    """The findings about a source text."""

    finding: Finding | None = None
    imports: tuple[Import, ...] = ()
    code: bytes | None = None  # marshalled; None if it was not compiled, or if Python has a warning to show


@lru_cache(maxsize=64)
def examine(text: str, module: str) -> Examination:
    """Parse the text of a module in another process. Raise ProcessLost if the system ends that process."""
    return _parser.examine(text, f"{module}.py")


def finding_of(fault: Sequence[Any] | None, unwritten: int | None) -> Finding | None:
    """Return the reason of an outline not to run a text, if there is one."""
    if fault is not None:
        return Finding(Outcome.SYNTAX_ERROR, *fault)
    return None if unwritten is None else Finding(Outcome.NOT_STARTED, "nothing is written yet", unwritten)


def is_untouched(text: str, module: str) -> bool:
    """Return whether nothing is written yet in a module. Raise ProcessLost like `examine`."""
    finding = examine(text, module).finding
    return finding is not None and finding.outcome is Outcome.NOT_STARTED


class _Parser:
    """A process that parses one text after the other. It ends when this process closes the pipe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def examine(self, text: str, file: str) -> Examination:
        with self._lock:
            examination = self._examine(text, file) or self._examine(text, file)
        if examination is None:
            raise ProcessLost("the process that parses submissions was ended twice; is there enough memory?")
        return examination

    def _examine(self, text: str, file: str) -> Examination | None:
        """Return None if the process was killed, which says nothing about the text."""
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin, marshal.dumps((file, text.encode("utf-8", "surrogatepass"))))
            answer = _read(process.stdout)
        except (BrokenPipeError, EOFError):
            return self._ended(process)
        except BaseException:  # an interrupt; the answer must not be read as that to the next text
            process.kill()
            self._ended(process)
            raise
        fault, imports, unwritten, code = marshal.loads(answer)
        return Examination(finding_of(fault, unwritten), tuple(Import(*each) for each in imports), code)

    def _ended(self, process: "subprocess.Popen[bytes]") -> Examination | None:
        """Return what the end of the process says about the text; None for nothing."""
        self._process = None
        with suppress(BrokenPipeError), process:  # closes its pipes, even with unsent data, and waits
            pass
        number = -process.returncode
        if number == signal.SIGXCPU:
            message = f"Stopped after {SECONDS} s while it was loaded: Python cannot parse it in that time."
            return Examination(Finding(Outcome.TIMEOUT, message))
        if number in _CRASH_SIGNALS:
            message = f"Python crashes while it parses the file ({signal.Signals(number).name})."
            return Examination(Finding(Outcome.CRASHED, message))
        return None


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
    """Return the next answer. Raise EOFError if the process has ended."""
    length = pipe.read(8)
    if len(length) < 8:
        raise EOFError
    data = pipe.read(int.from_bytes(length, "little"))
    if len(data) < int.from_bytes(length, "little"):
        raise EOFError
    return data


_parser = _Parser()
