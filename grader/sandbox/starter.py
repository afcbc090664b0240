"""How the judge comes by workers: forked by the zygote, or spawned where no safe fork exists."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Protocol

from grader.result import Isolation
from grader.sandbox import zygote


@dataclass
class Started:
    """A running worker: its channel, the pipe of what it prints, and a descriptor that tells of its end."""

    pid: int
    sock: socket.socket
    output: int
    gone: int | None


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its exit code, or the signal that ended it."""

    code: int | None
    signal: int | None
    cpu_seconds: float | None


class Starter(Protocol):
    """Starts and ends workers."""

    def start(self, memory: int, cpu_seconds: int) -> Started:
        """A fresh worker with so much memory, in bytes beyond the warm process's, and so many seconds of CPU."""
        ...

    def end(self, started: Started) -> Ended:
        """Ends a worker if it still runs, and says how it ended."""
        ...

    def interrupt(self, started: Started) -> None:
        """Asks a worker to print where it is."""
        ...


class ForkStarter:
    """Workers forked by the zygote at the other end of `connection`."""

    def __init__(self, connection: socket.socket):
        self._connection = connection

    def start(self, memory: int, cpu_seconds: int) -> Started:
        told, fds = self._ask(zygote.StartWorker(memory, cpu_seconds))
        assert isinstance(told, zygote.Started)
        sock, output, pidfd = fds
        return Started(told.pid, socket.socket(fileno=sock), output, pidfd)

    def end(self, started: Started) -> Ended:
        told, _ = self._ask(zygote.End(started.pid))
        assert isinstance(told, zygote.Ended)
        code = os.waitstatus_to_exitcode(told.status)
        return Ended(code if code >= 0 else None, -code if code < 0 else None, told.cpu_seconds)

    def _ask(self, request: zygote.StartWorker | zygote.End) -> tuple[zygote.Tell, list[int]]:
        """Asks the zygote, and gives its answer and descriptors. Without it a judge is of no use, and ends."""
        try:
            self._connection.send(zygote.encode(request))
            data, fds, _, _ = socket.recv_fds(self._connection, zygote.MAX_REQUEST, 3)
        except ConnectionError:
            os._exit(1)
        if not data:
            os._exit(1)
        return zygote.decode_tell.decode(data), fds

    def interrupt(self, started: Started) -> None:
        assert started.gone is not None
        signal.pidfd_send_signal(started.gone, signal.SIGUSR1)


class SpawnStarter:
    """Workers as fresh processes: a few seconds each, bounds on time and memory, no promise of isolation."""

    def __init__(self) -> None:
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, memory: int, cpu_seconds: int) -> Started:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, printed = os.pipe()
        command = [sys.executable, "-P", "-c", "from grader.sandbox.spawned import main; main()"]
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(memory), str(cpu_seconds)],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            pass_fds=[theirs.fileno()],
            cwd="/",
        )
        os.close(printed)
        theirs.close()
        self._processes[process.pid] = process
        return Started(process.pid, ours, output, None)

    def end(self, started: Started) -> Ended:
        process = self._processes.pop(started.pid)
        process.kill()
        code = process.wait()
        return Ended(code if code >= 0 else None, -code if code < 0 else None, None)

    def interrupt(self, started: Started) -> None:
        self._processes[started.pid].send_signal(signal.SIGUSR1)


SPAWNED = Isolation("process", start="spawn")


def waited_for_cpu(*pids: int) -> float:
    """Seconds that processes could have run and were not given a CPU; 0 where the system does not count them."""
    waited = 0
    try:
        for pid in pids:
            with open(f"/proc/{pid}/schedstat", "rb", buffering=0) as schedstat:
                waited += int(schedstat.read().split()[1])
    except OSError:
        return 0.0
    return waited / 1e9
