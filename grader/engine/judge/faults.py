"""Faults of a submission, and the exceptions that its tests see."""

import builtins
import contextlib
import difflib
import signal
from collections.abc import Sequence

import pytest

from grader.base.result import Outcome
from grader.base.text import clean
from grader.engine.sandbox import channel, wire
from grader.engine.sandbox.starter import WorkerExit

_NO_THREAD = "can't start new thread"
_NO_INPUT = "EOF when reading a line"  # what input() raises where there is no input
_NO_MEMORY = "allocate memory", "DefaultCPUAllocator", "std::bad_alloc"  # messages of the kernel and of torch
_CRASHES: dict[int, str] = {
    signal.SIGSEGV: "a segmentation fault (SIGSEGV)",
    signal.SIGABRT: "an abort (SIGABRT)",
    signal.SIGFPE: "an arithmetic fault (SIGFPE)",
    signal.SIGBUS: "a bus error (SIGBUS)",
    signal.SIGILL: "an illegal instruction (SIGILL)",
    signal.SIGTRAP: "a trap (SIGTRAP)",
}


class Fault(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A call that ended neither with a value nor with an exception that a test may expect.

    It is not an `Exception`, so `pytest.raises(Exception)` does not catch it. It is one that pytest knows, because
    after any other a fixture that raised it would be broken for all later tests.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        threw: wire.Threw | None = None,
        samples: Sequence[wire.SeenFrame] = (),
        seconds: float = 0.0,
        line: int | None = None,
        column: int | None = None,
    ):
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.threw = threw
        self.samples = samples  # where the code was seen, if it was stopped
        self.seconds = seconds  # after which it was stopped
        self.line = line
        self.column = column


class MissingName(AttributeError):
    """Raised for an attribute that the student's module, or an object of it, does not have."""

    def __init__(self, label: str, path: str, names: Sequence[str]):
        name = path.rpartition(".")[2]
        close = difflib.get_close_matches(name, [n for n in names if len(n) < 80], n=1)
        owner = label.rpartition(".")[0] if "." in label else "Your file"
        message = f"{owner} has no {name!r}."
        if close:
            message += f" Is it what you called {clean(close[0])!r}?"
        super().__init__(message)
        self.fault = Fault(Outcome.MISSING_NAME, message)


def tampered(what: str) -> Fault:
    """Return the fault of a submission that interfered with the channel."""
    return Fault(Outcome.TAMPERED, f"The code interfered with the grader's channel: {what}.")


def fault_of_end(ended: WorkerExit) -> Fault:
    """Return the fault of a worker that ended by itself."""
    if ended.code == channel.CUT_OFF:
        return tampered("it was closed")
    if ended.signal == signal.SIGKILL:
        return Fault(Outcome.CRASHED, "The process was killed: by its own signal, or because memory ran out.")
    if ended.signal is not None:
        what = _CRASHES.get(ended.signal, f"signal {ended.signal}")
        return Fault(Outcome.CRASHED, f"The process crashed with {what}.")
    return Fault(Outcome.EXITED, f"The process ended itself with exit code {ended.code}.")


def has_filled_memory(threw: wire.Threw) -> bool:
    """Return whether an exception says that memory ran out."""
    return "MemoryError" in threw.bases or any(words in threw.message for words in _NO_MEMORY)


def fault_of_exception(threw: wire.Threw, outcome: Outcome, line: str) -> Fault:
    """Return the fault of an exception raised at the source text `line`.

    `outcome` is the fault's outcome unless the exception is a special one, such as NotImplementedError.
    """
    bases = set(threw.bases)
    message = threw.message
    if "NotImplementedError" in line:  # not in the exception: torch raises it too, for a missing kernel
        return Fault(Outcome.NOT_STARTED, "It raises NotImplementedError: it is not written yet.", threw)
    if "SystemExit" in bases:
        code = "" if message in ("", "None") else f" ({clean(message)})"
        return Fault(Outcome.EXITED, f"The code called exit{code}.", threw)
    if "RecursionError" in bases:
        return Fault(Outcome.RECURSION, "A function calls itself without end.", threw)
    if "EOFError" in bases and message == _NO_INPUT:
        advice = "Take it out: functions get what they need as arguments."
        return Fault(outcome, f"Your code calls input(), and nobody can answer there. {advice}", threw)
    if threw.type_name == "BdbQuit":
        advice = "Take it out; see grade shell."
        return Fault(outcome, f"Your code stops at breakpoint(), and nobody can answer there. {advice}", threw)
    if has_filled_memory(threw):
        return Fault(Outcome.MEMORY, "The memory that an exercise may use was not enough.", threw)
    if "PermissionError" in bases or _NO_THREAD in message:
        what = "The code asked the system for something that a submission may not have"
        return Fault(Outcome.FORBIDDEN, f"{what}: {clean(message)}", threw)
    return Fault(outcome, f"{clean(threw.type_name)}: {clean(message)}", threw)


def exception_in_test(threw: wire.Threw, line: str) -> BaseException:
    """Return what a call raises in a test: the nearest builtin exception if a test may expect it, or else a Fault."""
    if threw.signature is not None:
        return Fault(Outcome.WRONG_SIGNATURE, clean(threw.message), threw)
    fault = fault_of_exception(threw, Outcome.EXCEPTION, line)
    if fault.outcome is not Outcome.EXCEPTION:
        return fault
    for name in threw.bases:
        kind = getattr(builtins, name, None)
        if not isinstance(kind, type) or not issubclass(kind, Exception):
            continue
        if not issubclass(kind, UnicodeError | ExceptionGroup):  # these take more than a message
            error = _builtin_exception(kind, threw)
            error.fault = fault  # type: ignore[attr-defined]
            return error
    return fault


def _builtin_exception(kind: type[Exception], threw: wire.Threw) -> Exception:
    """Return an exception of a builtin class with the message of the student's."""
    message = clean(threw.message)
    with contextlib.suppress(TypeError, ValueError):  # the class does not accept these arguments
        error = kind(*threw.args or ())
        if str(error) == threw.message == message:
            return error
    error = kind(message)
    if str(error) != message:  # KeyError shows its argument's repr
        error = type(kind.__name__, (kind,), {"__str__": lambda _: message})(message)
    return error
