"""The warm process: it has imported torch and nothing of a course, and forks judges and workers.

    command line --spawns--> warm process --forks--> judge (the tests) --asks it for--> workers (the student's code)

It is started with an environment of a few chosen variables: its memory is what a student's code finds around itself.
It stays single-threaded, since a fork copies only the thread that forks.
"""

import contextlib
import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from grader.errors import UsageError
from grader.result import Isolation
from grader.warm.messages import (
    MAX_REQUEST,
    Ask,
    End,
    Ended,
    EndJudge,
    Prepare,
    Ready,
    Started,
    StartJudge,
    StartWorker,
    decode_ask,
    encode,
)


class _WarmProcess:
    def __init__(self) -> None:
        from grader.sandbox.confine import Policy  # torch comes first: see main

        self._policy_class = Policy
        self._policy: Policy | None = None
        self._selector = selectors.DefaultSelector()
        self._children: dict[socket.socket, list[int]] = {}  # by the connection that asked for them
        self._judges: dict[socket.socket, int] = {}
        self._to_collapse = False

    def add(self, connection: socket.socket, judge: int | None = None) -> None:
        self._selector.register(connection, selectors.EVENT_READ)
        self._children[connection] = []
        if judge is not None:
            self._judges[connection] = judge

    def serve(self) -> None:
        """Answers until the first connection, the command line's, is closed."""
        first = next(iter(self._children))
        while first in self._children:
            for key, _ in self._selector.select():
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if connection not in self._children:  # a judge that was ended meanwhile
                    continue
                try:
                    data, fds, _, _ = socket.recv_fds(connection, MAX_REQUEST, 1)
                    if data:
                        self._answer(connection, decode_ask.decode(data), fds)
                except ConnectionError:  # it ended between its question and the answer
                    data = b""
                if not data:
                    self._drop(connection)
        for connection in list(self._children):
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        """The other side is gone: end what was forked for it."""
        for pid in self._children.pop(connection):
            self._end(pid)
        if connection in self._judges:
            self._end(self._judges.pop(connection))
        self._selector.unregister(connection)
        connection.close()

    def _answer(self, connection: socket.socket, ask: Ask, fds: list[int]) -> None:
        match ask:
            case Prepare(forbidden, many, optim):
                self._to_collapse = many
                if optim:
                    from grader.warm.imports import warm_up_optim

                    warm_up_optim()
                    gc.freeze()
                connection.send(encode(self._prepare(forbidden)))
            case StartJudge():
                connection.send(encode(Started(self._start_judge(fds[0]))))
                os.close(fds[0])
            case StartWorker():
                self._start_worker(connection, ask)
                if self._to_collapse:  # while the first one works
                    from grader.warm.imports import collapse

                    collapse()
                    self._to_collapse = False
            case End(pid):
                self._children[connection].remove(pid)
                connection.send(encode(self._end(pid)))
            case EndJudge(pid):
                for judge in [line for line, of in self._judges.items() if of == pid]:
                    self._drop(judge)

    def _prepare(self, forbidden: list[str]) -> Ready:
        from grader.sandbox.confine import Unconfinable

        isolation = Isolation("process", start="fork")
        fault = None
        try:
            self._policy = self._policy_class.prepare(forbidden=[Path(path) for path in forbidden])
            isolation = self._policy.isolation
        except Unconfinable:
            self._policy = None  # a process of its own, with bounds; the result says so
        except UsageError as error:
            fault = str(error)
        return Ready(isolation, fault)

    def _start_judge(self, channel: int) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            with _child_ends():
                _die_with_parent()
                for connection in self._children:
                    connection.close()
                ours.close()
                from grader.judge.process import serve
                from grader.warm.starters import ForkStarter

                serve(socket.socket(fileno=channel), ForkStarter(theirs))
        theirs.close()
        self.add(ours, judge=pid)
        return pid

    def _start_worker(self, connection: socket.socket, ask: StartWorker) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, printed = os.pipe()
        pid = os.fork()
        if pid == 0:
            with _child_ends():
                null = os.open("/dev/null", os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(printed, 1)
                os.dup2(printed, 2)
                if self._policy is not None:
                    self._policy.confine(keep=[theirs.fileno()], memory=ask.memory, cpu_seconds=ask.cpu_seconds)
                else:
                    from grader.sandbox.bounds import bound

                    for other in (*self._children, ours):
                        other.close()
                    bound(ask.memory, ask.cpu_seconds)
                from grader.sandbox.worker import serve

                gc.enable()
                serve(theirs, ask.memory)
        pidfd = os.pidfd_open(pid)
        self._children[connection].append(pid)
        try:
            socket.send_fds(connection, [encode(Started(pid))], [ours.fileno(), output, pidfd])
        finally:
            for fd in (output, printed, pidfd):
                os.close(fd)
            ours.close()
            theirs.close()

    @staticmethod
    def _end(pid: int) -> Ended:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # not yet reaped: the number is still this child's
        _, status, usage = os.wait4(pid, 0)
        return Ended(status, usage.ru_utime + usage.ru_stime)


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
    """Serves the connection that it inherits, the descriptor in `sys.argv[1]`."""
    gc.disable()  # nothing that importing allocates is garbage
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command line, which hangs up
    from grader.warm.imports import warm_up

    warm_up()
    warm = _WarmProcess()
    gc.freeze()
    warm.add(connection)
    warm.serve()

