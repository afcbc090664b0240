"""Starts the warm process and its judges, and hands them jobs. Imports neither torch nor pytest."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from grader.errors import UsageError
from grader.judge.messages import Faulty, Graded, Job, Materials, Setup, Submit, decode_from_judge, encode
from grader.result import Isolation, Result
from grader.sandbox import zygote
from grader.sandbox.channel import ChannelClosed, receive, send

_KEPT = ("PATH", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "SYSTEMROOT", "VIRTUAL_ENV")
_CHOSEN = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
    "TORCHINDUCTOR_CACHE_DIR": "/",  # torch.optim imports what wants a folder that exists, and does not write to it
}
_GRACE = 2.0  # seconds for processes to end by themselves, once nobody asks them any more
_AHEAD = 2  # jobs that a judge holds, so that it never waits for the next


class JudgeLost(Exception):
    """A judge ended without being asked to: a fault of the grader."""


def can_fork() -> bool:
    """Whether a process that has imported torch may be forked here."""
    return sys.platform == "linux"


def _environment() -> dict[str, str]:
    """The few variables that judges and workers see: a worker's memory holds what its ancestor was given."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _CHOSEN


class Judges:
    """Judges that grade jobs, `count` at a time. Start it early: importing torch takes a second, in another process.

        with Judges() as judges:
            ...  # read the course meanwhile
            judges.prepare(materials, forbidden=[root])
            for job, result in judges.grade(jobs):
                ...
    """

    def __init__(self, count: int = 1, *, many: bool = False):
        self._count = count
        self._many = many  # jobs to come, say more than fifty
        self._processes: list[subprocess.Popen[bytes]] = []
        self.warm: socket.socket | None = None  # to the warm process, where there is one
        self._judges: list[socket.socket] = []
        self.isolation = Isolation("process", start="spawn")

    def __enter__(self) -> Self:
        if can_fork():
            self.warm = self._spawn("grader.sandbox.zygote", socket.SOCK_SEQPACKET)
        else:
            self._judges = [self._spawn("grader.judge.process", socket.SOCK_STREAM) for _ in range(self._count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in (*self._judges, *([self.warm] if self.warm else [])):
            sock.close()
        for process in self._processes:
            try:
                process.wait(timeout=_GRACE if error is None else 0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, module: str, kind: socket.SocketKind) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        command = [sys.executable, "-P", "-c", f"from {module} import main; main()", str(theirs.fileno())]
        # What a test prints goes to stderr: stdout belongs to the report.
        process = subprocess.Popen(
            command, env=_environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=2, pass_fds=[theirs.fileno()]
        )
        self._processes.append(process)
        theirs.close()
        return ours

    def prepare(self, materials: Sequence[Materials], forbidden: Sequence[Path]) -> None:
        """Has the judges load the tests. UsageError if a forbidden folder lies where workers can read."""
        if self.warm is not None:
            told = self._tell(zygote.Prepare([str(path) for path in forbidden], self._many))
            assert isinstance(told, zygote.Ready)
            if told.fault is not None:
                raise UsageError(told.fault)
            self.isolation = told.isolation
            self._judges = [self._fork_judge() for _ in range(self._count)]
        for judge in self._judges:
            send(judge, encode(Setup(tuple(materials), self.isolation)))

    def _fork_judge(self) -> socket.socket:
        assert self.warm is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            socket.send_fds(self.warm, [zygote.encode(zygote.StartJudge())], [theirs.fileno()])
        zygote.decode_tell.decode(self._receive())
        return ours

    def _tell(self, ask: zygote.Ask) -> zygote.Tell:
        assert self.warm is not None
        self.warm.send(zygote.encode(ask))
        return zygote.decode_tell.decode(self._receive())

    def _receive(self) -> bytes:
        assert self.warm is not None
        try:
            data = self.warm.recv(zygote.MAX_REQUEST)
        except ConnectionError:
            data = b""
        if not data:
            raise JudgeLost("the warm process ended")
        return data

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Grades jobs, and yields each with its result as it is done. UsageError if a test file cannot be used.

        JudgeLost if a judge ended: what was not yielded is not graded.
        """
        waiting = iter(jobs)
        open_jobs: dict[socket.socket, dict[int, Job]] = {judge: {} for judge in self._judges}

        def feed(judge: socket.socket) -> None:
            while len(open_jobs[judge]) < _AHEAD and (job := next(waiting, None)) is not None:
                open_jobs[judge][job.id] = job
                send(judge, encode(Submit(job)))

        for judge in self._judges:
            feed(judge)
        while any(open_jobs.values()):
            poll = select.poll()
            for judge, jobs_of in open_jobs.items():
                if jobs_of:
                    poll.register(judge, select.POLLIN)
            for fileno, _ in poll.poll():
                judge = next(j for j in self._judges if j.fileno() == fileno)
                try:
                    message = decode_from_judge.decode(receive(judge)[0])
                except ChannelClosed:
                    raise JudgeLost("a judge ended before its work was done") from None
                if isinstance(message, Faulty):
                    raise UsageError(message.message.replace(f"{os.getcwd()}{os.sep}", ""))
                assert isinstance(message, Graded)
                done = open_jobs[judge].pop(message.id)
                feed(judge)
                yield done, message.result
