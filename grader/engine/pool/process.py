"""The warm process: it has imported torch and nothing of a course, and forks judges and workers.

    command line --spawns--> warm process --forks--> judge (the tests) --asks it for--> workers (the student's code)

Its environment holds a few fixed variables only, since student code can read the memory of the process that it was
forked from. It stays single-threaded, since a fork copies only the thread that forks. A resident process also serves
the command lines that connect to its socket: each has judges of its own, which end when it disconnects.
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
from grader.engine.pool.identity import identity_hash
from grader.engine.pool.messages import (
    MAX_DATAGRAM,
    Ended,
    EndJudge,
    EndWorker,
    GetStatus,
    PoolRequest,
    Prepare,
    Ready,
    Started,
    StartJudge,
    StartWorker,
    Status,
    Stop,
    encode,
    request_decoder,
)
from grader.engine.pool.resident import IDLE_TIMEOUT, ResidentSocket, peer_credentials
from grader.engine.sandbox.bounds import limit_data_memory, limit_resources
from grader.engine.sandbox.confine import Policy, Unconfinable

CHECK_INTERVAL = 60.0  # seconds after which an idle resident process checks whether it is still of use
SETTLE_DELAY = 3.0  # seconds without a request after which a resident process prepares for later forks
JUDGE_MEMORY = 1500 << 20  # bytes that a judge may use beyond the memory that it shares with the warm process


class InvalidRequest(Exception):
    """Malformed request: disconnect that client, keep the others."""


@dataclass(eq=False)
class Connection:
    """A connection to a command line, or to a judge that was forked for one."""

    sock: socket.socket
    client: "Connection | None" = None  # of a judge: the command line that it was forked for
    judge_pid: int | None = None
    policy: Policy | None = None  # of a command line: how its workers are confined
    workers: list[int] = field(default_factory=list)
    ended_judges: dict[int, Ended] = field(default_factory=dict)  # of a command line, by pid


class WarmProcess:
    """Serves command lines and the judges that it has forked for them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections: dict[socket.socket, Connection] = {}
        self._resident_socket: ResidentSocket | None = None
        self._since = datetime.now(UTC)
        self._last_used = time.monotonic()
        self._should_collapse = False
        self._is_settled = False
        self._is_stopped = False

    def add(self, connection: Connection) -> None:
        """Serve a connection until its other end is closed."""
        self._selector.register(connection.sock, selectors.EVENT_READ)
        self._connections[connection.sock] = connection

    def stay(self, path: Path) -> None:
        """Become resident: also serve the clients that connect to the socket at `path`.

        Do nothing if another process listens there, or if this one's identity no longer matches the path.
        """
        if identity_hash() != path.stem:
            return
        self._resident_socket = ResidentSocket.listen(path)
        if self._resident_socket is not None:
            self._selector.register(self._resident_socket.listener, selectors.EVENT_READ)
            silence_output()

    def serve(self) -> None:
        """Handle requests until the last command line has disconnected and no other is expected."""
        self._last_used = time.monotonic()
        while not self._is_stopped and (self._connections or self._expects_clients()):
            self._handle_events()
        for connection in list(self._connections.values()):
            self._disconnect(connection)
        if self._resident_socket is not None:
            self._resident_socket.close()

    def _handle_events(self) -> None:
        """Wait for requests and new clients once, and handle them."""
        events = self._selector.select(self._timeout())
        if not events and not self._is_settled:
            self._settle()
        for key, _ in events:
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if self._resident_socket is not None and sock is self._resident_socket.listener:
                self._accept(sock)
            elif sock in self._connections:  # false for a judge that was ended by an earlier event
                self._receive(self._connections[sock])
        if self._connections:
            self._last_used = time.monotonic()

    def _timeout(self) -> float | None:
        """Return how many seconds to wait for an event; None to wait without end."""
        if self._resident_socket is None:
            return None
        return CHECK_INTERVAL if self._is_settled else SETTLE_DELAY

    def _settle(self) -> None:
        from grader.engine.pool.preload import settle

        settle()
        gc.freeze()
        self._is_settled = True

    def _expects_clients(self) -> bool:
        """Return whether this process is resident, was used recently, and can still be found."""
        if self._resident_socket is None or time.monotonic() - self._last_used > IDLE_TIMEOUT:
            return False
        return self._resident_socket.is_in_place() and identity_hash() == self._resident_socket.path.stem

    def _accept(self, listener: socket.socket) -> None:
        sock, _ = listener.accept()
        if peer_credentials(sock)[1] == os.geteuid():
            self.add(Connection(sock))
        else:
            sock.close()

    def _receive(self, connection: Connection) -> None:
        """Receive and handle a request. Disconnect a client that is gone or sends an invalid one."""
        try:
            data, descriptors, _, _ = socket.recv_fds(connection.sock, MAX_DATAGRAM, 2)
            if data:
                self._handle(connection, request_decoder.decode(data), descriptors)
        except (OSError, msgspec.MsgspecError, InvalidRequest):
            data = b""
        if not data:
            self._disconnect(connection)

    def _disconnect(self, connection: Connection) -> None:
        """Close a connection, and end the processes that were forked for it."""
        for judge in self._judges_of(connection):
            self._disconnect(judge)
        for pid in connection.workers:
            _kill_and_reap(pid)
        if connection.judge_pid is not None and connection.client is not None:
            connection.client.ended_judges[connection.judge_pid] = _kill_and_reap(connection.judge_pid)
        if connection.policy is not None:
            connection.policy.close()
        del self._connections[connection.sock]
        self._selector.unregister(connection.sock)
        connection.sock.close()

    def _judges_of(self, client: Connection) -> list[Connection]:
        return [each for each in self._connections.values() if each.client is client]

    def _handle(self, connection: Connection, request: PoolRequest, descriptors: list[int]) -> None:
        """Carry out a request and send the response. Raise InvalidRequest, or OSError if the client is gone."""
        match request:
            case Prepare():
                connection.sock.send(encode(self._prepare(connection, request)))
            case StartJudge():
                connection.sock.send(encode(self._start_judge(connection, descriptors)))
            case StartWorker():
                self._start_worker(connection, request)
                self._collapse_once()  # while the first worker runs
            case EndWorker(pid):
                connection.sock.send(encode(self._end_worker(connection, pid)))
            case EndJudge(pid):
                connection.sock.send(encode(self._end_judge(connection, pid)))
            case GetStatus():
                connection.sock.send(encode(self._status()))
            case Stop():
                self._is_stopped = True

    def _prepare(self, connection: Connection, request: Prepare) -> Ready:
        self._should_collapse = request.many
        if request.optim:
            from grader.engine.pool.preload import warm_up_optim

            warm_up_optim()
            gc.freeze()
        if connection.policy is not None:
            connection.policy.close()
            connection.policy = None
        try:
            connection.policy = Policy.prepare(forbidden=[Path(path) for path in request.forbidden])
        except Unconfinable:  # workers are bounded processes then, and the result says so
            return Ready(Isolation("process", start="fork"), None)
        except UsageError as error:
            return Ready(Isolation("process", start="fork"), str(error))
        return Ready(connection.policy.isolation, None)

    def _start_judge(self, client: Connection, descriptors: list[int]) -> Started:
        if len(descriptors) != 2:
            raise InvalidRequest("StartJudge comes with two descriptors: a channel and the output")
        channel, output = descriptors
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            with _never_returning():
                _die_with_parent()
                self._close_all()
                ours.close()
                for descriptor in (1, 2):
                    os.dup2(output, descriptor)
                os.close(output)
                limit_data_memory(JUDGE_MEMORY)
                from grader.engine.judge.process import serve
                from grader.engine.pool.starters import ForkStarter

                serve(socket.socket(fileno=channel), ForkStarter(theirs))
        for descriptor in (channel, output):
            os.close(descriptor)
        theirs.close()
        self.add(Connection(ours, client, pid))
        return Started(pid)

    def _close_all(self) -> None:
        """Close the sockets that a forked child inherits and must not use."""
        for sock in self._connections:
            sock.close()
        if self._resident_socket is not None:
            self._resident_socket.listener.close()

    def _start_worker(self, connection: Connection, request: StartWorker) -> None:
        policy = (connection.client or connection).policy
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, output_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            with _never_returning():
                null = os.open("/dev/null", os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(output_end, 1)
                os.dup2(output_end, 2)
                if policy is not None:
                    policy.confine(keep=[theirs.fileno()], memory=request.memory, cpu_seconds=request.cpu_seconds)
                else:
                    self._close_all()
                    ours.close()
                    limit_resources(request.memory, request.cpu_seconds)
                from grader.engine.sandbox.worker import serve

                gc.enable()
                serve(theirs, request.memory)
        pidfd = os.pidfd_open(pid)
        connection.workers.append(pid)
        try:
            socket.send_fds(connection.sock, [encode(Started(pid))], [ours.fileno(), output, pidfd])
        finally:
            for descriptor in (output, output_end, pidfd):
                os.close(descriptor)
            ours.close()
            theirs.close()

    def _collapse_once(self) -> None:
        """Collapse this process's memory, if `Prepare` asked for it and this is the first worker since."""
        if self._should_collapse:
            from grader.engine.pool.preload import collapse_memory

            collapse_memory()
            self._should_collapse = False

    def _end_worker(self, connection: Connection, pid: int) -> Ended:
        if pid not in connection.workers:
            raise InvalidRequest(f"{pid} is not a worker of this connection")
        connection.workers.remove(pid)
        return _kill_and_reap(pid)

    def _end_judge(self, client: Connection, pid: int) -> Ended:
        for judge in self._judges_of(client):
            if judge.judge_pid == pid:
                self._disconnect(judge)
        if pid not in client.ended_judges:
            raise InvalidRequest(f"{pid} is not a judge of this connection")
        return client.ended_judges.pop(pid)

    def _status(self) -> Status:
        import torch

        with open("/proc/self/statm", "rb") as statm:
            memory = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        judges = sum(each.judge_pid is not None for each in self._connections.values())
        return Status(os.getpid(), self._since, platform.python_version(), str(torch.__version__), memory, judges)


def _kill_and_reap(pid: int) -> Ended:
    """Kill a child if it still runs. One whose channel is closed may be ending already, and keeps its status."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # not reaped yet, so the pid is still this child's
    _, status, usage = os.wait4(pid, 0)
    return Ended(status, usage.ru_utime + usage.ru_stime)


def silence_output() -> None:
    """Send stdout and stderr to /dev/null.

    Otherwise a program that reads the first command line's output would wait for the end of this process.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(null)


@contextlib.contextmanager
def _never_returning() -> Iterator[None]:
    """End a forked child after the block, whatever happens, so that it never returns into the parent's loop."""
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
    """Have the kernel kill this forked child when the warm process ends.

    Not for the warm process itself: it would die with the thread that started it.
    """
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    """Serve the connection of the descriptor `sys.argv[1]`, and become resident at `sys.argv[2]` if it is given."""
    gc.disable()  # nothing that importing allocates is garbage
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command line, which then disconnects
    from grader.engine.pool.preload import warm_up

    warm_up()
    warm = WarmProcess()
    gc.freeze()
    warm.add(Connection(connection))
    for path in sys.argv[2:]:
        warm.stay(Path(path))
    warm.serve()
