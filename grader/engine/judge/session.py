"""The conversation with one submission: loads it in a worker and calls it."""

import itertools
import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import msgspec
import torch

from grader.base.errors import UsageError
from grader.base.result import Outcome, Output
from grader.base.text import clean
from grader.engine.judge.faults import (
    Fault,
    MissingName,
    exception_in_test,
    fault_of_end,
    fault_of_exception,
    tampered,
)
from grader.engine.judge.worker_process import WorkerProcess
from grader.engine.sandbox import channel, wire
from grader.engine.sandbox.proxy import Link, Question, RemoteSubmission
from grader.engine.sandbox.shared_memory import Blob
from grader.engine.sandbox.starter import DUMP_SIGNAL, Starter, WorkerExit
from grader.engine.sandbox.validation import read_reply

LOAD_SECONDS = 10.0  # minimum time limit of loading, which can include slow imports
TIMES_REFERENCE = 10  # a test may take this many times as long as the reference, if that exceeds its limit
MAX_QUESTIONS = 10_000  # of one test; gradcheck asks a few hundred
MAX_KEPT = 16 << 20  # bytes of a test's calls and answers that are kept for the diagnosis
_MAX_SAMPLES = 100
_CPU_FACTOR = 20  # a worker's CPU limit in units of all tests' limits: the last resort if no judge is left to end it
_BYTES_AS_OBJECTS = 40  # bytes of memory that a byte of meta can take up as Python objects
_WRONG_QUESTION = "an answer to another question"


@dataclass
class LogEntry:
    """A request to the submission and its reply."""

    question: Question
    request: wire.Invoke | wire.Get | wire.Set | wire.Differentiate
    blob: bytes | None  # None: too large to keep
    reply: wire.Reply | None = None  # None: there was none
    reply_meta: bytes = b""  # the reply without its blob, as it arrived
    reply_blob: bytes | None = b""  # None: too large to keep
    weight: int = 0  # bytes of memory that the reply may take up

    @property
    def is_whole(self) -> bool:
        """Whether both blobs were kept."""
        return self.blob is not None and self.reply_blob is not None

    def asks_like(self, other: "LogEntry") -> bool:
        """Return whether the requests are the same."""
        return self.blob == other.blob and _comparable(self.request) == _comparable(other.request)

    def is_answered_by(self, meta: bytes, blob: Blob) -> bool:
        """Return whether the reply is the same, byte for byte."""
        return self.reply_meta == meta and self.reply_blob == bytes(blob)


def _comparable(request: wire.Question) -> bytes:
    """Return the bytes of a request, without what was released: that depends on the judge's garbage collector."""
    if isinstance(request, wire.Invoke | wire.Get | wire.Set):
        context = msgspec.structs.replace(request.context, released=[])
        request = msgspec.structs.replace(request, context=context)
    return wire.encode(request)


class _Answer(NamedTuple):
    """A valid reply, with the bytes that arrived."""

    reply: wire.Reply
    meta: bytes
    blob: Blob

    @property
    def weight(self) -> int:
        """The bytes of memory that the reply may take up."""
        return _BYTES_AS_OBJECTS * len(self.meta) + len(self.blob)


@dataclass(frozen=True)
class Run:
    """What a test looked up in the student's module, and what it asked."""

    is_callable: Mapping[str, bool | None]  # by name; None: there is no such name
    log: Sequence[LogEntry]


R = TypeVar("R", bound=Run)


@dataclass(frozen=True)
class SessionLimits:
    """What a test of a submission may use."""

    seconds: float  # not counting time spent waiting for a CPU
    memory: int  # bytes, beyond the warm process's, and also of all tensors in a test's answers
    loading: float = LOAD_SECONDS  # for loading, if it is more than `seconds`


@dataclass
class _TimeBudget:
    """The seconds that the running test, or loading, may take."""

    allowed: float
    left: float  # of the stated limit
    reference: float | None = None  # seconds that the reference took for the first `measured` calls
    measured: int = 0


@dataclass
class Session:
    """Runs one submission. A worker that died or was stopped is replaced for the next test."""

    starter: Starter
    name: str
    source: str
    others: Mapping[str, str]
    limits: SessionLimits
    seconds: float  # limit of all tests together, which bounds the CPU time of a worker
    code: bytes | None = None  # marshalled code of the source; None: the worker compiles it
    examine: bool = False  # the worker first checks whether there is anything to run
    reference_seconds: Callable[[], float | None] = lambda: None  # measures the reference on the log, here and now
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # of requests
    trains: bool = False  # calls follow in thousands, each with a graph of its own, which the log must not keep
    log: list[LogEntry] = field(default_factory=list)  # of the running test
    timeouts: int = 0
    killed: bool = False  # a worker was ended by a SIGKILL that the judge did not send
    worker: WorkerProcess | None = None  # the last one; it may have ended
    _names: dict[str, bool] | None = None  # names of the loaded module; None: not loaded
    _exported: dict[str, bool] = field(default_factory=dict)  # the same, when the running test began
    _link: Link | None = None  # of the running test: gradients refer to it weakly
    _asked: deque[tuple[LogEntry, _Answer | Fault]] = field(default_factory=deque)  # before the test began to run
    _time: _TimeBudget = field(default_factory=lambda: _TimeBudget(0.0, 0.0))
    _received: int = 0  # bytes of memory that the answers of this test take up, estimated
    _kept: int = 0  # bytes of blobs in its log

    # ------------------------------------------------------------ a test

    def load(self) -> Output | None:
        """Load the module and return what it printed. Raises Fault."""
        if self.worker is None or not self.worker.is_running:
            cpu_seconds = math.ceil(_CPU_FACTOR * (self.seconds + self.limits.loading))
            self.worker = WorkerProcess(self.starter, self.limits.memory, cpu_seconds, self._more_seconds)
        self.start_clock()
        self._allow(max(self.limits.seconds, self.limits.loading))
        request = wire.Load(self.name, self.source, self.examine, self.code, dict(self.others), self.limits.seconds)
        try:
            reply = self._ask(request, []).reply
        except wire.WireError as error:  # the source and what it imports are too large for a message
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
                raise fault_of_exception(reply, Outcome.IMPORT_ERROR, self._line_of(reply))
            case wire.Unsendable(message=message):
                raise Fault(Outcome.IMPORT_ERROR, f"The module cannot be used: {clean(message)}.")
            case _:
                raise self._tampered(_WRONG_QUESTION)

    def set_up_test(self, number: int, limits: SessionLimits, reference_seconds: Callable[[], float | None]) -> None:
        """Set the limits of the next test, and reset the clock. `number` is that of the test in its exercise."""
        self.limits = limits
        self.reference_seconds = reference_seconds
        self.ids = itertools.count(2 * MAX_QUESTIONS * number + 1)
        self._asked.clear()
        self.start_clock()

    def begin(self, seed: int) -> RemoteSubmission:
        """Begin a test and return the submission. Raises Fault if the module cannot be loaded any more."""
        if not self._asked:
            self._begin(seed)
        self.log = []
        self._received = self._kept = 0
        torch.default_generator.manual_seed(seed)  # as the worker does
        self._link = Link(self._exchange, self._refuse, self.limits.memory, self.ids)
        return RemoteSubmission(self._link, self._exported)

    def names_read(self) -> dict[str, bool | None]:
        """Return the names that the running test has looked up in the module, as in `Run.is_callable`."""
        names = self._link.names_read if self._link is not None else set()
        return {name: self._exported.get(name) for name in names}

    def ask_as(self, runs: Iterable[R], seed: int) -> R | None:
        """Ask what earlier runs of a test asked, and return the run that got the same answers.

        Return None if there is no such run. The test has to run then, and gets the answers up to the first one that
        differs. Raise Fault if the module cannot be loaded any more.
        """
        names = self._names or {}
        runs = [run for run in runs if all(names.get(name) == kind for name, kind in run.is_callable.items())]
        if not runs:
            return None
        self._begin(seed)
        self.log = []
        for place in itertools.count():
            known = [run.log[place] for run in runs]
            entry = known[0]  # after the same answers, all of them ask the same
            self.log.append(entry)
            try:
                answer = self._ask(entry.request, [entry.blob or b""], known)
            except Fault as fault:
                self._asked.append((entry, fault))
                break
            self._asked.append((entry, answer))
            runs = [run for run in runs if run.log[place].is_answered_by(answer.meta, answer.blob)]
            if not runs:
                break
            if len(runs[0].log) == place + 1:
                self._asked.clear()
                return runs[0]
        return None

    def ask_again(self, log: Sequence[LogEntry], seed: int) -> tuple[wire.Reply, bytes]:
        """Repeat the calls of a test from its beginning, and return the reply to the last. Raises Fault."""
        self.reference_seconds = lambda: None
        self._asked.clear()
        self.begin(seed)
        for entry in log:
            answer = self._ask(entry.request, [entry.blob or b""])
            if getattr(answer.reply, "id", None) != entry.request.id:
                raise self._tampered(_WRONG_QUESTION)
        return answer.reply, bytes(answer.blob)

    def drop_large_log(self) -> None:
        """Clear the log of a test that is over and explained, if it is too large to keep for the diagnosis."""
        if max(self._received, self._kept) > MAX_KEPT:
            self.log.clear()

    def take_output(self) -> Output | None:
        """Return what the submission printed since the last call; None if nothing."""
        return None if self.worker is None else self.worker.take_output()

    def start_clock(self) -> None:
        """Reset the clock: time spent waiting for a CPU before now does not extend the limit."""
        if self.worker is not None:
            self.worker.start_clock(self.limits.seconds)

    def waited(self) -> float:
        """Return the seconds since `start_clock` that do not count, because they were spent waiting for a CPU."""
        return 0.0 if self.worker is None else self.worker.waited()

    def close(self) -> None:
        """End the worker, and drop what belongs to the last test, since stand-ins in known runs keep the session."""
        self.log, self._link, self.reference_seconds = [], None, lambda: None
        if self.worker is not None and self.worker.is_running:
            self._names = None
            self.worker.dismiss()

    # ------------------------------------------------------------ requests and replies

    def _exchange(self, request: Any, blobs: list[Any], question: Question) -> tuple[wire.Returned, Blob]:
        """Send a request of a test, log it, and return the reply.

        Raises Fault, or the builtin exception that the student's code raised.
        """
        if len(self.log) == MAX_QUESTIONS:
            often = f"This test called your code {MAX_QUESTIONS:,} times without coming to an end."
            raise Fault(Outcome.TIMEOUT, f"{often} Does {question.label} return an iterator that never ends?")
        if self.trains and self.log:
            self.log[-1].question.detach()
        entry = LogEntry(question, request, self._copy(blobs))
        self.log.append(entry)
        answer = self._answer_to(entry, blobs)
        reply, blob = answer.reply, answer.blob
        if getattr(reply, "id", None) != request.id:
            raise self._tampered(_WRONG_QUESTION)
        entry.weight = answer.weight
        self._received += answer.weight
        if self._received > self.limits.memory:
            most = f"{self.limits.memory >> 20:,} MiB"
            raise Fault(Outcome.MEMORY, f"The results of this test take up more than the {most} that it may use.")
        entry.reply, entry.reply_meta, entry.reply_blob = reply, answer.meta, self._copy([blob])
        match reply:
            case wire.Returned(changed=[]):
                return reply, blob
            case wire.Returned(changed=changed):
                raise Fault(Outcome.ARGUMENT_CHANGED, ", ".join(clean(name[:50]) for name in changed[:8]))
            case wire.Threw():
                raise exception_in_test(reply, self._line_of(reply))
            case wire.NoSuchName(path=path, names=names):
                raise MissingName(question.label, path, names)
            case wire.Unsendable(message=message):
                raise Fault(Outcome.WRONG_TYPE, f"{question.label} returned {clean(message)}.")
            case _:
                raise self._tampered(_WRONG_QUESTION)

    def _answer_to(self, entry: LogEntry, blobs: list[Any]) -> _Answer:
        """Return the answer to a request of a test, which may have come before the test began to run. Raises Fault."""
        if not self._asked:
            return self._ask(entry.request, blobs)
        blobs.clear()
        asked, answer = self._asked.popleft()
        if not entry.asks_like(asked):
            raise UsageError(
                f"The test does not call {entry.question.label} as it did before, with the same seed and the same "
                "answers. Take random inputs from the fixture rng."
            )
        if isinstance(answer, Fault):
            raise answer
        return answer

    def _copy(self, blobs: Sequence[Any]) -> bytes | None:
        """Return the bytes of a request or reply for the log; None if the log would become too large."""
        self._kept += sum(memoryview(blob).nbytes for blob in blobs)
        return b"".join(blobs) if self._kept <= MAX_KEPT else None

    def _line_of(self, threw: wire.Threw) -> str:
        """Return the student's source line that raised, or that called what raised."""
        if not threw.frames:
            return ""
        frame = threw.frames[-1]
        sources = {f"{name}.py": source for name, source in {**self.others, self.name: self.source}.items()}
        lines = sources.get(frame.file, "").split("\n")
        return lines[frame.line - 1] if 0 < frame.line <= len(lines) else ""

    def _begin(self, seed: int) -> None:
        """Begin a test in the worker. Raises Fault if the module cannot be loaded any more."""
        if self._names is None:
            self.load()
        assert self._names is not None
        assert self.worker is not None
        self._exported = self._names
        self._allow(self.limits.seconds)
        self.start_clock()
        self.worker.line.hold(wire.encode(wire.Begin(seed)))

    def _ask(self, request: wire.Question, blobs: list[Any], known: Sequence[LogEntry] = ()) -> _Answer:
        """Send a request and return the checked reply. Raises Fault.

        Checking the reply counts as time of the submission, and nothing after this needs to check it again. One that is
        the same as that of a `known` entry was checked already.
        """
        if self.worker is None or not self.worker.is_running:  # the test went on after a Fault
            raise Fault(Outcome.CRASHED, "The process that ran the code has ended.")
        line = self.worker.line
        meta = wire.encode(request)
        begun = time.monotonic()
        deadline = begun + self._time.left
        samples: list[wire.SeenFrame] = []
        last_sample = -math.inf
        try:
            line.send(meta, blobs, deadline)
            blobs.clear()  # frees what was made for the request alone, before the reply takes up memory
            while True:
                meta, blob = line.receive(deadline)
                same = (each.reply for each in known if each.is_answered_by(meta, blob))
                reply = next(same, None) or read_reply(meta, blob)
                if not isinstance(reply, wire.Sample):
                    self._time.left -= time.monotonic() - begun
                    return _Answer(reply, meta, blob)
                if line.is_late(deadline):  # a stream of samples does not extend the limit
                    raise channel.Late
                samples = [*samples[-(_MAX_SAMPLES - 1) :], reply.frame]
                last_sample = self._now()
        except channel.Late:
            stale = self._now() - last_sample > self.limits.seconds / 4
            raise self._late(samples, stale=stale) from None
        except channel.ChannelClosed:
            raise self._gone() from None
        except (channel.InvalidFrame, wire.WireError) as error:
            raise self._tampered(str(error)) from None

    # ------------------------------------------------------------ time

    def _allow(self, seconds: float) -> None:
        self._time = _TimeBudget(seconds, seconds)

    def _now(self) -> float:
        return time.monotonic() - self.waited()

    def _more_seconds(self) -> float:
        """Return the seconds that the test has beyond its limit, because the reference is slow on these calls."""
        if self._names is None:  # loading
            return 0.0
        budget = self._time
        if budget.measured < len(self.log):
            budget.measured = len(self.log)
            budget.reference = self.reference_seconds()
            budget.allowed = max(budget.allowed, TIMES_REFERENCE * (budget.reference or 0.0))
        return budget.allowed - self.limits.seconds

    # ------------------------------------------------------------ the end of a worker

    def _end(self) -> WorkerExit:
        assert self.worker is not None
        self._names = None
        return self.worker.end()

    def _late(self, samples: list[wire.SeenFrame], *, stale: bool) -> Fault:
        """End the worker and return the fault of a call without a reply.

        `stale`: the samples do not show where the worker is now.
        """
        assert self.worker is not None
        if stale and (frame := self.worker.dump_frame({f"{name}.py" for name in (self.name, *self.others)})):
            samples = [frame]
        loading = self._names is None
        ended = self._end()
        if ended.signal not in (None, signal.SIGKILL, DUMP_SIGNAL):  # it ended by itself before it was stopped
            return self._ended(ended)
        self.timeouts += 1
        message = f"Stopped after {self._time.allowed:g} s"
        if loading:
            message += " while it was loaded" + (f", in line {samples[-1].line}" if samples else "")
        elif self._time.reference is not None:
            message += f"; the reference takes {max(1, round(self._time.reference * 1e3)):,} ms."
        return Fault(Outcome.TIMEOUT, message, samples=samples, seconds=self._time.allowed)

    def _gone(self) -> Fault:
        """End the worker and return the fault of a channel that was closed."""
        assert self.worker is not None
        if self.worker.is_alive():  # it has closed the channel itself
            return self._tampered("it was closed")
        self.worker.line.wait_for_end()
        return self._ended(self._end())

    def _ended(self, ended: WorkerExit) -> Fault:
        """Return the fault of a worker that ended by itself."""
        if ended.signal == signal.SIGXCPU:
            self.timeouts += 1
            return Fault(Outcome.TIMEOUT, "Stopped: out of CPU time.", seconds=self._time.allowed)
        if ended.signal == signal.SIGKILL:
            self.killed = True
        return fault_of_end(ended)

    def _tampered(self, what: str) -> Fault:
        """End the worker and return the fault of a forged message."""
        self._end()
        return tampered(clean(what[:200]))

    def _refuse(self, error: wire.WireError) -> Fault:
        """End the worker and return the fault of a reply whose parts do not fit together."""
        self.log[-1].reply = None
        return self._tampered(str(error))
