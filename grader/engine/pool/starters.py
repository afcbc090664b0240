"""How a judge starts workers: forked by the warm process, or spawned where no safe fork exists."""

import os
import signal
import socket
import subprocess
import sys

from grader.engine.pool import messages
from grader.engine.sandbox.starter import DUMP_SIGNAL, WorkerExit, WorkerHandle


class ForkStarter:
    """Has workers forked by the warm process at the other end of `connection`."""

    def __init__(self, connection: socket.socket):
        self._connection = connection

    def start(self, memory: int, cpu_seconds: int) -> WorkerHandle:
        """Have a worker forked."""
        response, descriptors = self._ask(messages.StartWorker(memory, cpu_seconds))
        assert isinstance(response, messages.Started)
        sock, output, pidfd = descriptors
        return WorkerHandle(response.pid, socket.socket(fileno=sock), output, pidfd)

    def end(self, worker: WorkerHandle) -> WorkerExit:
        """Have a worker killed and reaped."""
        response, _ = self._ask(messages.EndWorker(worker.pid))
        assert isinstance(response, messages.Ended)
        return _worker_exit(os.waitstatus_to_exitcode(response.status), response.cpu_seconds)

    def dismiss(self, worker: WorkerHandle) -> None:
        """End a worker."""
        self.end(worker)

    def interrupt(self, worker: WorkerHandle) -> None:
        """Ask a worker to print its traceback."""
        assert worker.pidfd is not None
        signal.pidfd_send_signal(worker.pidfd, DUMP_SIGNAL)

    def _ask(self, request: messages.StartWorker | messages.EndWorker) -> tuple[messages.PoolResponse, list[int]]:
        """Return the response and its descriptors. End this judge if the warm process is gone: it is of no use."""
        try:
            self._connection.send(messages.encode(request))
            data, descriptors, _, _ = socket.recv_fds(self._connection, messages.MAX_DATAGRAM, 3)
        except ConnectionError:
            os._exit(1)
        if not data:
            os._exit(1)
        return messages.response_decoder.decode(data), descriptors


class SpawnStarter:
    """Starts workers as fresh processes: a few seconds each, bounded in time and memory, not isolated."""

    def __init__(self) -> None:
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, memory: int, cpu_seconds: int) -> WorkerHandle:
        """Start a process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        output, output_end = os.pipe()
        command = [sys.executable, "-P", "-c", "from grader.engine.pool.spawned import worker; worker()"]
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(memory), str(cpu_seconds)],
            stdin=subprocess.DEVNULL,
            stdout=output_end,
            stderr=output_end,
            pass_fds=[theirs.fileno()],
            cwd="/",
        )
        os.close(output_end)
        theirs.close()
        self._processes[process.pid] = process
        return WorkerHandle(process.pid, ours, output, None)

    def end(self, worker: WorkerHandle) -> WorkerExit:
        """Kill a worker and reap it."""
        process = self._processes.pop(worker.pid)
        process.kill()
        return _worker_exit(process.wait(), None)

    def dismiss(self, worker: WorkerHandle) -> None:
        """End a worker."""
        self.end(worker)

    def interrupt(self, worker: WorkerHandle) -> None:
        """Ask a worker to print its traceback."""
        self._processes[worker.pid].send_signal(DUMP_SIGNAL)


def _worker_exit(code: int, cpu_seconds: float | None) -> WorkerExit:
    """Return how a worker ended. `code` is an exit code, or -N for signal N."""
    if code < 0:
        return WorkerExit(None, -code, cpu_seconds)
    return WorkerExit(code, None, cpu_seconds)
