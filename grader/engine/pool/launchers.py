"""Two ways to start judges: forked by a warm process, or spawned where no safe fork exists.

Imports neither torch nor pytest.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from grader.base.errors import UsageError
from grader.base.result import Isolation
from grader.engine.pool import messages
from grader.engine.pool.identity import environment, identity_hash
from grader.engine.pool.judge_client import Judge, JudgeLost
from grader.engine.pool.liveness import Watchdog
from grader.engine.pool.resident import connect, socket_path

_EXIT_TIMEOUT = 2.0  # seconds for processes to end by themselves once their connection is closed


class Launcher(Protocol):
    """Starts and ends judges."""

    isolation: Isolation

    def prepare(self, forbidden: Sequence[Path], *, many: bool, optim: bool) -> None:
        """Get ready to start judges; call it before `start_judge`. For the arguments see `messages.Prepare`.

        Raise UsageError if a forbidden folder lies where workers can read, and JudgeLost.
        """
        ...

    def start_judge(self) -> Judge:
        """Start a judge. Raise JudgeLost."""
        ...

    def end_judge(self, pid: int) -> int:
        """Kill a judge and its workers if they still run, and return its exit code: -N for signal N.

        Raise JudgeLost if the warm process ended.
        """
        ...

    def kill(self) -> None:
        """Kill the processes that were started for this launcher, without waiting for them."""
        ...

    def close(self) -> None:
        """Close the connection and wait until the processes of this launcher have ended."""
        ...


class SpawnLauncher:
    """Starts each judge as a fresh process, which imports torch itself."""

    def __init__(self, *, own_group: bool):
        self.isolation = Isolation("process", start="spawn")
        self._own_group = own_group
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def prepare(self, forbidden: Sequence[Path], *, many: bool, optim: bool) -> None:
        """Do nothing: spawned workers are not confined."""

    def start_judge(self) -> Judge:
        """Start a process."""
        program = "from grader.engine.pool.spawned import judge; judge()"
        sock, process = _spawn(program, socket.SOCK_STREAM, own_group=self._own_group)
        self._processes[process.pid] = process
        return Judge(sock, process.pid)

    def end_judge(self, pid: int) -> int:
        """Kill the process and return its exit code."""
        process = self._processes[pid]
        process.kill()
        return process.wait()

    def kill(self) -> None:
        """Kill all judges."""
        for process in self._processes.values():
            process.kill()

    def close(self) -> None:
        """Wait until all judges have ended."""
        for process in self._processes.values():
            _wait(process)


class WarmLauncher:
    """Has judges forked by a warm process, which has imported torch.

    `resident`: use the warm process that an earlier command left behind, or leave one behind.
    """

    def __init__(self, *, own_group: bool, resident: bool):
        self.isolation = Isolation("process", start="spawn")  # until `prepare`
        self._lock = threading.Lock()  # held from a request to its response
        self._process: subprocess.Popen[bytes] | None = None  # the warm process, if it ends with this launcher
        path = _resident_path() if resident else None
        if path is None or not self._connect(path):
            self._start(path, own_group)

    def _connect(self, path: Path) -> bool:
        """Connect to the resident warm process, if there is one."""
        found = connect(path)
        if found is None:
            return False
        self.connection, status = found
        self.pid = status.pid
        return True

    def _start(self, path: Path | None, own_group: bool) -> None:
        """Start a warm process. With a path it outlives this command and listens there."""
        program = "from grader.engine.pool.process import main; main()"
        self.connection, process = _spawn(program, socket.SOCK_SEQPACKET, own_group=own_group, listen_at=path)
        self.pid = process.pid
        if path is None:
            self._process = process

    def prepare(self, forbidden: Sequence[Path], *, many: bool, optim: bool) -> None:
        """Have the warm process make the rules that confine workers."""
        response = self._ask(messages.Prepare([str(path) for path in forbidden], many, optim))
        assert isinstance(response, messages.Ready)
        if response.fault is not None:
            raise UsageError(response.fault)
        self.isolation = response.isolation

    def start_judge(self) -> Judge:
        """Have the warm process fork a judge."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            # What a test prints goes to stderr: stdout belongs to the report.
            response = self._ask(messages.StartJudge(), theirs.fileno(), 2)
        assert isinstance(response, messages.Started)
        return Judge(ours, response.pid, self.pid)

    def end_judge(self, pid: int) -> int:
        """Have the warm process kill and reap a judge."""
        response = self._ask(messages.EndJudge(pid))
        assert isinstance(response, messages.Ended)
        return os.waitstatus_to_exitcode(response.status)

    def kill(self) -> None:
        """Kill the warm process, whose judges die with it; disconnect from one that outlives this command."""
        if self._process is not None:
            self._process.kill()
            return
        with suppress(OSError):  # it has ended
            self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, and wait for the warm process unless it is resident."""
        self.connection.close()
        if self._process is not None:
            _wait(self._process)

    def _ask(self, request: messages.PoolRequest, *descriptors: int) -> messages.PoolResponse:
        with self._lock:
            try:
                socket.send_fds(self.connection, [messages.encode(request)], descriptors)
            except ConnectionError:
                raise JudgeLost("the warm process ended") from None
            if problem := Watchdog(self.pid).wait_for(self.connection):
                raise JudgeLost(f"the warm process {problem}")
            try:
                data = self.connection.recv(messages.MAX_DATAGRAM)
            except ConnectionError:
                data = b""
            if not data:
                raise JudgeLost("the warm process ended")
            return messages.response_decoder.decode(data)


def _resident_path() -> Path | None:
    """Return the path of the resident warm process's socket; None if this system does not describe processes."""
    with suppress(OSError):
        return socket_path(identity_hash())
    return None


def _spawn(
    program: str, kind: socket.SocketKind, *, own_group: bool, listen_at: Path | None = None
) -> "tuple[socket.socket, subprocess.Popen[bytes]]":
    """Run a Python program that gets the other end of the returned socket as the descriptor `sys.argv[1]`.

    With `listen_at`, the program gets that as its second argument and a session of its own.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    command = [sys.executable, "-P", "-c", program, str(theirs.fileno())]
    if listen_at is not None:
        command.append(str(listen_at))
    process = subprocess.Popen(
        command,
        env=environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=2,  # what a test prints goes to stderr: stdout belongs to the report
        pass_fds=[theirs.fileno()],
        process_group=0 if own_group and listen_at is None else None,
        start_new_session=listen_at is not None,
    )
    theirs.close()
    return ours, process


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process to end by itself, then kill it."""
    try:
        process.wait(timeout=_EXIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
