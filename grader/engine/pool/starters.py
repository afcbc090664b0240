"""How a judge comes by workers: forked by the warm process, or spawned where no safe fork exists."""

import os
import signal
import socket
import subprocess
import sys

from grader.engine.pool import messages
from grader.engine.sandbox.starter import DUMP_SIGNAL, Ended, Started


class ForkStarter:
    """Workers forked by the warm process at the other end of `connection`."""

    def __init__(self, connection: socket.socket):
        self._connection = connection

    def start(self, memory: int, cpu_seconds: int) -> Started:
        told, fds = self._ask(messages.StartWorker(memory, cpu_seconds))
        assert isinstance(told, messages.Started)
        sock, output, pidfd = fds
        return Started(told.pid, socket.socket(fileno=sock), output, pidfd)

    def end(self, started: Started) -> Ended:
        told, _ = self._ask(messages.End(started.pid))
        assert isinstance(told, messages.Ended)
        code = os.waitstatus_to_exitcode(told.status)
        return Ended(code if code >= 0 else None, -code if code < 0 else None, told.cpu_seconds)

    def dismiss(self, started: Started) -> None:
        self.end(started)

    def _ask(self, request: messages.StartWorker | messages.End) -> tuple[messages.Tell, list[int]]:
        """Asks the warm process, and gives its answer and descriptors. Without it a judge is of no use, and ends."""
        try:
            self._connection.send(messages.encode(request))
            data, fds, _, _ = socket.recv_fds(self._connection, messages.MAX_REQUEST, 3)
        except ConnectionError:
            os._exit(1)
        if not data:
            os._exit(1)
        return messages.decode_tell.decode(data), fds

    def interrupt(self, started: Started) -> None:
        assert started.gone is not None
        signal.pidfd_send_signal(started.gone, DUMP_SIGNAL)


class SpawnStarter:
    """Workers as fresh processes: a few seconds each, bounds on time and memory, no promise of isolation."""

    def __init__(self) -> None:
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, memory: int, cpu_seconds: int) -> Started:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, printed = os.pipe()
        command = [sys.executable, "-P", "-c", "from grader.engine.pool.spawned import worker; worker()"]
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

    def dismiss(self, started: Started) -> None:
        self.end(started)

    def interrupt(self, started: Started) -> None:
        self._processes[started.pid].send_signal(DUMP_SIGNAL)
