"""One submission in its worker: loading, asking, and naming whatever goes wrong."""

import builtins
import contextlib
import difflib
import itertools
import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from grader.base.result import Outcome, Output
from grader.base.text import clean
from grader.engine.sandbox import channel, wire
from grader.engine.sandbox.proc import Clock, is_exiting
from grader.engine.sandbox.proxy import Link, Question, RemoteSubmission
from grader.engine.sandbox.shared_memory import Blob
from grader.engine.sandbox.starter import DUMP_SIGNAL, Starter, WorkerExit, WorkerHandle
from grader.engine.sandbox.validation import read_reply

T = TypeVar("T")

LOAD_SECONDS = 10.0  # at least so long may loading take for a test: it can include slow imports
TIMES_REFERENCE = 10  # a test may take so many times what the reference takes, where that is more than its limit
DUMP_SECONDS = 1.0  # how long a worker that does not answer may take to print where it is
MAX_QUESTIONS = 10_000  # of one test; gradcheck asks a few hundred
MAX_KEPT = 16 << 20  # bytes of a test's questions and answers that are kept until the submission is diagnosed
_MOST_CPU = 20  # times all tests' limits: the last resort if nobody is left to end a worker
_DUMPED = re.compile(rb'File "([^"\n]{1,200})", line (\d{1,7}) in ([^\n]{1,200})\n')
_SERVES = str(Path(channel.__file__).with_name("worker.py")), "serve"  # what calls all code of the student's
_NO_THREAD = "can't start new thread"
_NO_MEMORY = "allocate memory", "DefaultCPUAllocator", "std::bad_alloc"  # in the words of the kernel and of torch
_CRASHES: dict[int, str] = {
    signal.SIGSEGV: "a segmentation fault (SIGSEGV)",
    signal.SIGABRT: "an abort (SIGABRT)",
    signal.SIGFPE: "an arithmetic fault (SIGFPE)",
    signal.SIGBUS: "a bus error (SIGBUS)",
    signal.SIGILL: "an illegal instruction (SIGILL)",
    signal.SIGTRAP: "a trap (SIGTRAP)",
}
_INTERFERED = "The code interfered with the grader's channel: {}."
_WEIGHT = 40  # bytes that a byte of meta can take up as objects


class Fault(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A call that ended otherwise than by a value or an exception that a test may expect.

    Not an `Exception`, so that no test catches it by the way: `pytest.raises(Exception)` is not satisfied by a crash.
    But one that pytest knows: after any other, a fixture that raised it would be broken for all tests to come.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        threw: wire.Threw | None = None,
        samples: "Sequence[wire.SeenFrame]" = (),
        seconds: float = 0.0,
        line: int | None = None,
        column: int | None = None,
    ):
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.threw = threw
        self.samples = samples  # of where it was, if it was stopped after so many seconds
        self.seconds = seconds
        self.line = line
        self.column = column


class MissingName(AttributeError):
    """The student's module, or an object of it, has no such attribute."""

    def __init__(self, message: str):
        super().__init__(message)
        self.fault = Fault(Outcome.MISSING_NAME, message)


@dataclass
class Entry:
    """A question and its answer. `reply` is None where there was none, a blob where it was too large to keep."""

    question: Question
    request: wire.Invoke | wire.Get | wire.Set | wire.Differentiate
    blob: bytes | None
    reply: wire.Reply | None = None
    reply_blob: bytes | None = b""
    weight: int = 0  # bytes that the answer may take up

    @property
    def whole(self) -> bool:
        """Whether all of it was kept."""
        return self.blob is not None and self.reply_blob is not None


@dataclass(frozen=True)
class Limits:
    """`seconds` for a test, without those waited for a CPU; `memory` in bytes beyond the warm process's.

    As many bytes may the tensors of a test's answers take up. Loading may take `loading` seconds, where that is more.
    """

    seconds: float
    memory: int
    loading: float = LOAD_SECONDS


@dataclass
class Session:
    """Runs one submission. A worker that died or was stopped is replaced for the next test."""

    starter: Starter
    name: str
    source: str
    others: Mapping[str, str]
    limits: Limits
    seconds: float  # that all tests may take: bounds the CPU time of a worker
    code: bytes | None = None  # of the source, marshalled; None: the worker compiles it
    examine: bool = False  # the worker says first whether there is anything to run
    reference_seconds: Callable[[], float | None] = lambda: None  # what the reference takes for the log, here and now
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # of the questions
    log: list[Entry] = field(default_factory=list)  # of the test that runs
    timeouts: int = 0
    killed: bool = False  # a worker was ended by a SIGKILL that we did not send
    worker: WorkerHandle | None = None
    _link: Link | None = None  # of the test that runs
    _line: channel.WorkerChannel | None = None
    _clock: Clock | None = None
    _waited: float = 0.0  # seconds of the test that runs, in a worker that has ended
    _names: dict[str, bool] | None = None
    _allowed: float = 0.0  # seconds of the test that runs, or of loading
    _left: float = 0.0  # of its limit
    _reference: float | None = None  # what the reference took for the first `_measured` questions
    _measured: int = 0
    _heard: int = 0  # bytes that the answers of this test take up, about
    _kept: int = 0  # bytes of blobs in its log
    _printed: Output | None = None  # by a worker that has ended

    def load(self) -> Output | None:
        """Loads the module, and returns what it printed meanwhile. Raises Fault."""
        if self._line is None:
            self._start()
        assert self._line is not None
        self.start_clock()
        self._allowed = self._left = max(self.limits.seconds, self.limits.loading)
        request = wire.Load(self.name, self.source, self.examine, self.code, dict(self.others), self.limits.seconds)
        try:
            reply, _ = self._ask(request, [])
        except wire.WireError as error:  # its text, what Python makes of it, and what it imports are too much
            raise Fault(Outcome.IMPORT_ERROR, f"The module cannot be used: it is {error}.") from None
        match reply:
            case wire.Loaded(names):
                self._names = names
                return self.take_output()
            case wire.NothingToRun(message, line, column):
                if message is None:
                    raise Fault(Outcome.NOT_STARTED, "nothing is written yet", line=line)
                raise Fault(Outcome.SYNTAX_ERROR, clean(message), line=line, column=column)
            case wire.Threw():
                raise _fault(reply, Outcome.IMPORT_ERROR, self._line_of(reply))
            case wire.Unsendable(message=message):
                raise Fault(Outcome.IMPORT_ERROR, f"The module cannot be used: {clean(message)}.")
            case _:
                raise self._tampered("an answer to another question")

    def begin(self, seed: int) -> RemoteSubmission:
        """A test begins. Raises Fault where the module cannot be loaded any more."""
        self.log = []
        if self._names is None:
            self.load()
        assert self._names is not None
        self._allowed = self._left = self.limits.seconds
        assert self._line is not None
        self.start_clock()
        self._heard = self._kept = self._measured = 0
        self._line.hold(wire.encode(wire.Begin(seed)))
        torch.default_generator.manual_seed(seed)  # as the worker does
        self._link = Link(self._exchange, self._refuse, self.limits.memory, self.ids)
        return RemoteSubmission(self._link, self._names)

    def ask_again(self, log: Sequence[Entry], seed: int) -> tuple[wire.Reply, bytes]:
        """What the submission answers to the last of some questions of a test, asked once more from its beginning.

        Raises Fault where it does not answer.
        """
        self.reference_seconds = lambda: None
        self.begin(seed)
        for entry in log:
            reply, blob = self._ask(entry.request, [entry.blob or b""])
            if getattr(reply, "id", None) != entry.request.id:
                raise self._tampered("an answer to another question")
        return reply, bytes(blob)

    def settle(self) -> None:
        """The test is over and explained: its log goes where it is too large to be kept for the diagnosis."""
        if max(self._heard, self._kept) > MAX_KEPT:
            self.log.clear()

    def take_output(self) -> Output | None:
        """What the submission printed since the last time; None if nothing."""
        if self._line is None:
            last, self._printed = self._printed, None
            return last
        printed, dropped = self._line.take_output()
        return Output(clean(printed.decode("utf-8", "replace")), dropped) if printed or dropped else None

    def close(self) -> None:
        """Ends the worker."""
        if self.worker is not None:
            self._leave(self.starter.dismiss)

    # ------------------------------------------------------------ the worker

    def start(self) -> None:
        """Has a worker started ahead of its use."""
        if self.worker is None:
            self._start()

    def _start(self) -> None:
        cpu_seconds = math.ceil(_MOST_CPU * (self.seconds + self.limits.loading))
        self.worker = self.starter.start(self.limits.memory, cpu_seconds)
        worker = self.worker
        self._clock = Clock(worker.pid, os.getpid())
        self._line = channel.WorkerChannel(
            worker.sock,
            worker.output,
            worker.pidfd,
            self.limits.memory,
            self._clock.waited,
            self._more,
            self._clock.cpu_nanoseconds_if_runnable,
        )
        self._printed = None

    def _end(self) -> WorkerExit:
        return self._leave(self.starter.end)

    def _leave(self, end: Callable[[WorkerHandle], T]) -> T:
        assert self.worker is not None
        assert self._line is not None
        assert self._clock is not None
        self._waited = self._clock.waited()
        ended = end(self.worker)
        self._printed = self._printed or self.take_output()
        self._line.close()
        self._clock.close()
        self.worker = self._line = self._clock = self._names = None
        return ended

    # ------------------------------------------------------------ asking

    def _exchange(self, request: Any, blobs: list[Any], question: Question) -> tuple[wire.Returned, Blob]:
        """Carries a request of a test over. Raises Fault, or the builtin exception that the student's code raised."""
        if len(self.log) == MAX_QUESTIONS:
            often = f"This test asked your code {MAX_QUESTIONS:,} times for something, and it did not come to an end."
            raise Fault(Outcome.TIMEOUT, f"{often} Does {question.label} return an iterator that never ends?")
        entry = Entry(question, request, self._copy(blobs))
        self.log.append(entry)
        before = self._heard
        reply, blob = self._ask(request, blobs)
        entry.weight = self._heard - before
        if getattr(reply, "id", None) != request.id:
            raise self._tampered("an answer to another question")
        if self._heard > self.limits.memory:
            most = f"{self.limits.memory >> 20:,} MiB"
            raise Fault(Outcome.MEMORY, f"The results of this test take up more than the {most} that it may use.")
        entry.reply, entry.reply_blob = reply, self._copy([blob])
        match reply:
            case wire.Returned(changed=[]):
                return reply, blob
            case wire.Returned(changed=changed):
                raise Fault(Outcome.ARGUMENT_CHANGED, ", ".join(clean(name[:50]) for name in changed[:8]))
            case wire.Threw():
                raise _exception(reply, self._line_of(reply))
            case wire.NoSuchName(path=path, names=names):
                raise MissingName(_missing(question.label, path, names))
            case wire.Unsendable(message=message):
                raise Fault(Outcome.WRONG_TYPE, f"{question.label} returned {clean(message)}.")
            case _:
                raise self._tampered("an answer to another question")

    def _copy(self, blobs: Sequence[Any]) -> bytes | None:
        """The bytes of a question or an answer, for the log; None where it would hold too many."""
        self._kept += sum(memoryview(blob).nbytes for blob in blobs)
        return b"".join(blobs) if self._kept <= MAX_KEPT else None

    def _line_of(self, threw: wire.Threw) -> str:
        """The line of the student's that raised, or called what did."""
        if not threw.frames:
            return ""
        frame = threw.frames[-1]
        sources = {f"{name}.py": source for name, source in {**self.others, self.name: self.source}.items()}
        lines = sources.get(frame.file, "").split("\n")
        return lines[frame.line - 1] if 0 < frame.line <= len(lines) else ""

    def _ask(self, request: wire.Question, blobs: list[Any]) -> tuple[wire.Reply, Blob]:
        """Sends a request and receives its reply within what is left of the test's time. Raises Fault.

        What is returned was read through, which is part of that time: nobody after this can stumble over it.
        """
        if self._line is None:  # a test that goes on after a Fault
            raise Fault(Outcome.CRASHED, "The process that ran the code has ended.")
        meta = wire.encode(request)
        begun = time.monotonic()
        deadline = begun + self._left
        samples: list[wire.SeenFrame] = []
        seen = -math.inf
        try:
            self._line.send(meta, blobs, deadline)
            blobs.clear()  # what was made for the question alone would lie beside the answer
            while True:
                meta, blob = self._line.receive(deadline)
                reply = read_reply(meta, blob)
                if not isinstance(reply, wire.Sample):
                    self._left -= time.monotonic() - begun
                    self._heard += _WEIGHT * len(meta) + len(blob)
                    return reply, blob
                if self._line.is_late(deadline):  # whatever else it has to say
                    raise channel.Late
                samples = [*samples[-99:], reply.frame]
                seen = self._now()
        except channel.Late:
            raise self._late(samples, stale=self._now() - seen > self.limits.seconds / 4) from None
        except channel.ChannelClosed:
            raise self._gone() from None
        except (channel.InvalidFrame, wire.WireError) as error:
            raise self._tampered(str(error)) from None

    def start_clock(self) -> None:
        """A test begins, or something else that may take so long: what was waited before does not count."""
        self._waited = 0.0
        if self._clock is not None:
            self._clock.start(self.limits.seconds)

    def waited(self) -> float:
        """Seconds since then that do not count, since they were waited for a CPU."""
        return self._clock.waited() if self._clock is not None else self._waited

    def _now(self) -> float:
        return time.monotonic() - self.waited()

    def _more(self) -> float:
        """Seconds that the test has beyond its limit, by what the reference takes for the same questions."""
        if self._names is None:  # while the module is loaded
            return 0.0
        if self._measured < len(self.log):
            self._measured = len(self.log)
            self._reference = self.reference_seconds()
            self._allowed = max(self._allowed, TIMES_REFERENCE * (self._reference or 0.0))
        return self._allowed - self.limits.seconds

    def _late(self, samples: list[wire.SeenFrame], *, stale: bool) -> Fault:
        """The fault of a call that did not end. `stale`: the samples do not show where the worker is now."""
        if stale:
            samples = self._dump() or samples
        loading = self._names is None
        ended = self._end()
        if ended.signal not in (None, signal.SIGKILL, DUMP_SIGNAL):  # by itself, before it was stopped
            return self._fault_of(ended)
        self.timeouts += 1
        message = f"Stopped after {self._allowed:g} s"
        if loading:
            message += " while it was loaded" + (f", in line {samples[-1].line}" if samples else "")
        elif self._reference is not None:
            message += f"; the reference takes {max(1, round(self._reference * 1e3)):,} ms."
        return Fault(Outcome.TIMEOUT, message, samples=samples, seconds=self._allowed)

    def _dump(self) -> list[wire.SeenFrame]:
        """Where a worker is that is inside an operation and cannot look at itself."""
        assert self._line is not None
        assert self.worker is not None
        self._printed = self.take_output()
        self.starter.interrupt(self.worker)
        files = {f"{name}.py" for name in (self.name, *self.others)}
        printed = b""
        deadline = time.monotonic() + DUMP_SECONDS - self.waited()  # the line adds what does not count
        # it comes in pieces, among whatever else is printed
        while len(printed) < channel.MAX_OUTPUT and self._line.wait_for_output(deadline):
            printed += self._line.take_output()[0]
            for where in _DUMPED.findall(printed):
                file, line, function = (part.decode("utf-8", "replace") for part in where)
                if file in files:
                    return [wire.SeenFrame(clean(file), int(line), clean(function), None, None, None, [], {})]
                if (file, function) == _SERVES:
                    return []
        return []

    def _gone(self) -> Fault:
        assert self._line is not None
        assert self.worker is not None
        if self.worker.pidfd is not None and not is_exiting(self.worker.pid):
            return self._tampered("it was closed")
        self._line.wait_for_end()
        return self._fault_of(self._end())

    def _fault_of(self, ended: WorkerExit) -> Fault:
        """The fault of a worker that ended by itself."""
        if ended.code == channel.CUT_OFF:
            return Fault(Outcome.TAMPERED, _INTERFERED.format("it was closed"))
        if ended.signal == signal.SIGXCPU:
            self.timeouts += 1
            return Fault(Outcome.TIMEOUT, "Stopped: out of CPU time.", seconds=self._allowed)
        if ended.signal == signal.SIGKILL:
            self.killed = True
            return Fault(Outcome.CRASHED, "The process was killed: by its own signal, or because memory ran out.")
        if ended.signal is not None:
            what = _CRASHES.get(ended.signal, f"signal {ended.signal}")
            return Fault(Outcome.CRASHED, f"The process crashed with {what}.")
        return Fault(Outcome.EXITED, f"The process ended itself with exit code {ended.code}.")

    def _tampered(self, what: str) -> Fault:
        self._end()
        return Fault(Outcome.TAMPERED, _INTERFERED.format(clean(what[:200])))

    def _refuse(self, error: wire.WireError) -> Fault:
        """The fault for an answer whose parts do not fit together."""
        self.log[-1].reply = None
        return self._tampered(str(error))


def _missing(label: str, path: str, names: list[str]) -> str:
    name = path.rpartition(".")[2]
    close = difflib.get_close_matches(name, [n for n in names if len(n) < 80], n=1)
    owner = label.rpartition(".")[0] if "." in label else "Your file"
    return f"{owner} has no {name!r}." + (f" Is it what you called {clean(close[0])!r}?" if close else "")


def filled_memory(threw: wire.Threw) -> bool:
    """Whether an exception says that there was no memory left."""
    return "MemoryError" in threw.bases or any(words in threw.message for words in _NO_MEMORY)


def _fault(threw: wire.Threw, outcome: Outcome, line: str) -> Fault:
    """The fault for an exception at a line of the student's, told by its own words if it is one of the special ones."""
    bases = set(threw.bases)
    message = threw.message
    if "NotImplementedError" in line:  # torch raises it too, where an operation has no such variant
        return Fault(Outcome.NOT_STARTED, "It raises NotImplementedError: it is not written yet.", threw)
    if "SystemExit" in bases:
        return Fault(Outcome.EXITED, f"The code called exit ({clean(message) or 'no code'}).", threw)
    if "RecursionError" in bases:
        return Fault(Outcome.RECURSION, "A function calls itself without end.", threw)
    if filled_memory(threw):
        return Fault(Outcome.MEMORY, "The memory that an exercise may use was not enough.", threw)
    if "PermissionError" in bases or _NO_THREAD in message:
        what = "The code asked the system for something that a submission may not have"
        return Fault(Outcome.FORBIDDEN, f"{what}: {clean(message)}", threw)
    return Fault(outcome, f"{clean(threw.type_name)}: {clean(message)}", threw)


def _made(kind: type[Exception], threw: wire.Threw) -> Exception:
    """An exception of a builtin class that reads as the student's does."""
    message = clean(threw.message)
    with contextlib.suppress(TypeError, ValueError):  # the class does not take these arguments
        error = kind(*threw.args or ())
        if str(error) == threw.message == message:
            return error
    error = kind(message)
    if str(error) != message:  # KeyError shows its argument's repr
        error = type(kind.__name__, (kind,), {"__str__": lambda _: message})(message)
    return error


def _exception(threw: wire.Threw, line: str) -> BaseException:
    """What a call raises in a test: the nearest builtin exception where a test may expect it, else a Fault."""
    if threw.signature is not None:
        return Fault(Outcome.WRONG_SIGNATURE, clean(threw.message), threw)
    fault = _fault(threw, Outcome.EXCEPTION, line)
    if fault.outcome is not Outcome.EXCEPTION:
        return fault
    for name in threw.bases:
        kind = getattr(builtins, name, None)
        if not isinstance(kind, type) or not issubclass(kind, Exception):
            continue
        if not issubclass(kind, UnicodeError | ExceptionGroup):  # these take more than a message
            error = _made(kind, threw)
            error.fault = fault  # type: ignore[attr-defined]
            return error
    return fault
