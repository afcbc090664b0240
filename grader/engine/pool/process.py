"""The warm process: it has imported torch and nothing of a course, and forks judges and workers.

    command line --spawns--> warm process --forks--> judge (the tests) --asks it for--> workers (the student's code)

It is started with an environment of a few chosen variables: its memory is what a student's code finds around itself.
It stays single-threaded, since a fork copies only the thread that forks. One that stays serves the command lines that
connect to its socket, too: each has judges of its own, which end when it hangs up, and leaves nothing behind here.
"""

import contextlib
import ctypes
import gc
import os
import platform
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Isolation
from grader.engine.pool.identity import likeness
from grader.engine.pool.messages import (
    MAX_REQUEST,
    About,
    Ask,
    End,
    Ended,
    EndJudge,
    Look,
    Prepare,
    Ready,
    Started,
    StartJudge,
    StartWorker,
    Stop,
    decode_ask,
    encode,
)
from grader.engine.pool.resident import IDLE, Place, peer
from grader.engine.sandbox.bounds import bound_data
from grader.engine.sandbox.confine import Policy, Unconfinable

LOOK = 60.0  # seconds between two looks whether it is still of use
JUDGE_MEMORY = 1200 << 20  # bytes that a judge may take beyond those of the warm process, which it shares
PAUSE = 3.0  # seconds without a question after which one that stays has time for itself


class Nonsense(Exception):
    """What is asked for has no sense. Who asks is dropped, and nobody else."""


@dataclass(eq=False)
class Line:
    """A connection: of a command line, or of a judge that was forked for it."""

    connection: socket.socket
    command: "Line | None" = None  # whose judge this is
    judge: int | None = None  # its pid
    policy: Policy | None = None  # of a command line: how what is forked for it is confined
    workers: list[int] = field(default_factory=list)
    ended: dict[int, Ended] = field(default_factory=dict)  # of a command line: its judges that ended, by pid


class WarmProcess:
    """Serves command lines and the judges that it has forked for them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lines: dict[socket.socket, Line] = {}
        self._place: Place | None = None
        self._since = datetime.now(UTC)
        self._to_collapse = False
        self._settled = False
        self._told_to_stop = False

    def add(self, line: Line) -> None:
        """Serves this line, until its other end is closed."""
        self._selector.register(line.connection, selectors.EVENT_READ)
        self._lines[line.connection] = line

    def stay(self, path: Path) -> None:
        """Serves who connects there, too, unless another process does, or this one has become another meanwhile."""
        if likeness() != path.stem:
            return
        self._place = Place.take(path)
        if self._place is not None:
            self._selector.register(self._place.listener, selectors.EVENT_READ)
            silence()

    def serve(self) -> None:
        """Answers until the last command line has hung up, and nobody is expected any more."""
        used = time.monotonic()
        while self._lines or self._expects(used):
            events = self._selector.select(self._patience())
            if not events and not self._settled:
                self._settle()
            for key, _ in events:
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if self._place is not None and connection is self._place.listener:
                    self._accept()
                elif connection in self._lines:  # and not a judge that was ended meanwhile
                    self._hear(self._lines[connection])
            if self._told_to_stop:
                break
            if self._lines:
                used = time.monotonic()
        for line in list(self._lines.values()):
            self._drop(line)
        if self._place is not None:
            self._place.leave()

    def _patience(self) -> float | None:
        """How long to wait for a question before something else is done."""
        return None if self._place is None else LOOK if self._settled else PAUSE

    def _settle(self) -> None:
        from grader.engine.pool.preload import settle

        settle()
        gc.freeze()
        self._settled = True

    def _expects(self, used: float) -> bool:
        """Whether a command line may still come; `used` is when the last one was here."""
        if self._place is None or time.monotonic() - used > IDLE:
            return False
        return self._place.is_own() and likeness() == self._place.path.stem

    def _accept(self) -> None:
        assert self._place is not None
        connection, _ = self._place.listener.accept()
        if peer(connection)[1] == os.geteuid():
            self.add(Line(connection))
        else:
            connection.close()

    def _hear(self, line: Line) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(line.connection, MAX_REQUEST, 2)
            if data:
                self._answer(line, decode_ask.decode(data), descriptors)
        except (OSError, msgspec.MsgspecError, Nonsense):  # it ended meanwhile, or speaks another language
            data = b""
        if not data:
            self._drop(line)

    def _drop(self, line: Line) -> None:
        """The other side is gone: end what was forked for it."""
        for judge in [each for each in self._lines.values() if each.command is line]:
            self._drop(judge)
        for pid in line.workers:
            self._end(pid)
        if line.judge is not None and line.command is not None:
            line.command.ended[line.judge] = self._end(line.judge)
        if line.policy is not None:
            line.policy.close()
        del self._lines[line.connection]
        self._selector.unregister(line.connection)
        line.connection.close()

    def _answer(self, line: Line, ask: Ask, descriptors: list[int]) -> None:
        match ask:
            case Prepare():
                line.connection.send(encode(self._prepare(line, ask)))
            case StartJudge():
                if len(descriptors) != 2:
                    raise Nonsense("a judge has a channel, and prints somewhere")
                line.connection.send(encode(Started(self._start_judge(line, *descriptors))))
            case StartWorker():
                self._start_worker(line, ask)
                if self._to_collapse:  # while the first one works
                    from grader.engine.pool.preload import collapse

                    collapse()
                    self._to_collapse = False
            case End(pid):
                if pid not in line.workers:
                    raise Nonsense(f"{pid} is no worker of its own")
                line.workers.remove(pid)
                line.connection.send(encode(self._end(pid)))
            case EndJudge(pid):
                for each in [each for each in self._lines.values() if each.command is line and each.judge == pid]:
                    self._drop(each)
                if pid not in line.ended:
                    raise Nonsense(f"{pid} is no judge of its own")
                line.connection.send(encode(line.ended.pop(pid)))
            case Look():
                line.connection.send(encode(self._about()))
            case Stop():
                self._told_to_stop = True

    def _about(self) -> About:
        import torch

        with open("/proc/self/statm", "rb") as statm:
            memory = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        judges = sum(each.judge is not None for each in self._lines.values())
        return About(os.getpid(), self._since, platform.python_version(), str(torch.__version__), memory, judges)

    def _prepare(self, line: Line, ask: Prepare) -> Ready:
        self._to_collapse = ask.many
        if ask.optim:
            from grader.engine.pool.preload import warm_up_optim

            warm_up_optim()
            gc.freeze()
        isolation = Isolation("process", start="fork")
        fault = None
        if line.policy is not None:
            line.policy.close()
            line.policy = None
        try:
            line.policy = Policy.prepare(forbidden=[Path(path) for path in ask.forbidden])
            isolation = line.policy.isolation
        except Unconfinable:
            pass  # a process of its own, with bounds; the result says so
        except UsageError as error:
            fault = str(error)
        return Ready(isolation, fault)

    def _start_judge(self, command: Line, channel: int, printed: int) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            with _child_ends():
                _die_with_parent()
                self._close_all()
                ours.close()
                for descriptor in (1, 2):
                    os.dup2(printed, descriptor)
                os.close(printed)
                bound_data(JUDGE_MEMORY)
                from grader.engine.judge.process import serve
                from grader.engine.pool.starters import ForkStarter

                serve(socket.socket(fileno=channel), ForkStarter(theirs))
        for descriptor in (channel, printed):
            os.close(descriptor)
        theirs.close()
        self.add(Line(ours, command, pid))
        return pid

    def _close_all(self) -> None:
        """In a fork: closes what is not its own."""
        for connection in self._lines:
            connection.close()
        if self._place is not None:
            self._place.listener.close()

    def _start_worker(self, line: Line, ask: StartWorker) -> None:
        policy = (line.command or line).policy
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, printed = os.pipe()
        pid = os.fork()
        if pid == 0:
            with _child_ends():
                null = os.open("/dev/null", os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(printed, 1)
                os.dup2(printed, 2)
                if policy is not None:
                    policy.confine(keep=[theirs.fileno()], memory=ask.memory, cpu_seconds=ask.cpu_seconds)
                else:
                    from grader.engine.sandbox.bounds import bound

                    self._close_all()
                    ours.close()
                    bound(ask.memory, ask.cpu_seconds)
                from grader.engine.sandbox.worker import serve

                gc.enable()
                serve(theirs, ask.memory)
        pidfd = os.pidfd_open(pid)
        line.workers.append(pid)
        try:
            socket.send_fds(line.connection, [encode(Started(pid))], [ours.fileno(), output, pidfd])
        finally:
            for fd in (output, printed, pidfd):
                os.close(fd)
            ours.close()
            theirs.close()

    @staticmethod
    def _end(pid: int) -> Ended:
        """Kills a child if it still runs: one whose channel is closed is ending already, and keeps its status."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # not yet reaped: the number is still this child's
        _, status, usage = os.wait4(pid, 0)
        return Ended(status, usage.ru_utime + usage.ru_stime)


def silence() -> None:
    """Prints no more to where the first command line does: whoever reads that waits for the end of all who may."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(null)


@contextlib.contextmanager
def _child_ends() -> Iterator[None]:
    """Whatever happens in a forked child, it ends here and never returns into the loop of the warm process."""
    code = 1
    try:
        yield
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _die_with_parent() -> None:
    """For what is forked here. The warm process itself may be started by a thread, and would die with that."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    """Serves the connection of descriptor `sys.argv[1]`, and stays at the socket `sys.argv[2]`, if it is given one."""
    gc.disable()  # nothing that importing allocates is garbage
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command line, which hangs up
    from grader.engine.pool.preload import warm_up

    warm_up()
    warm = WarmProcess()
    gc.freeze()
    warm.add(Line(connection))
    for path in sys.argv[2:]:
        warm.stay(Path(path))
    warm.serve()
