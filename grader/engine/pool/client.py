"""Starts the warm process and its judges, and hands them jobs. Imports neither torch nor pytest."""

import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from grader.base.errors import ProcessLost, UsageError
from grader.base.result import Isolation, Result
from grader.engine.judge.messages import (
    Faulty,
    FromJudge,
    Graded,
    Job,
    LabEnded,
    Materials,
    Painted,
    Painting,
    PartRan,
    RunLab,
    RunLessons,
    Setup,
    Shows,
    Submit,
    Testing,
    decode_from_judge,
    encode,
)
from grader.engine.pool import messages, resident
from grader.engine.pool.identity import environment, likeness
from grader.engine.pool.liveness import LOOK, Pulse
from grader.engine.sandbox.channel import ChannelClosed, receive, send

T = TypeVar("T")

_GRACE = 2.0  # seconds for processes to end by themselves, once nobody asks them any more
_PATIENCE = 2  # times the CPU after which code for pictures is stopped where it can be interrupted
_AHEAD = 2  # jobs that a judge holds, so that it never waits for the next
_ENDED = "a judge ended before its work was done"
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}  # by what a process does; not SIGBUS: memory


class JudgeLost(ProcessLost):
    """A judge ended without being asked to, or does not answer: a fault of the grader or of the machine."""


class JudgeFelled(JudgeLost):
    """A judge crashed, or took more CPU than all that it may be asked for: something that it was given felled it."""


class Judge:
    """One judge, to whom jobs are given and who answers them in their order. `warm`: the process that forks for it."""

    def __init__(self, sock: socket.socket, pid: int, warm: int | None = None):
        self._sock = sock
        self._warm = warm
        self.pid = pid

    def fileno(self) -> int:
        """The descriptor that is readable when an answer has come, for select."""
        return self._sock.fileno()

    def close(self) -> None:
        """Hangs up: the judge ends."""
        self._sock.close()

    def hang_up(self) -> None:
        """Hangs up, also on behalf of who waits for an answer in another thread."""
        with suppress(OSError):  # it has ended
            self._sock.shutdown(socket.SHUT_RDWR)

    def set_up(self, setup: Setup | RunLab | RunLessons) -> None:
        """The exercises that its jobs may be of, or the lab or the lessons that it is to run. JudgeLost."""
        self._send(encode(setup))

    def submit(self, job: Job) -> None:
        """Gives it a job. JudgeLost."""
        self._send(encode(Submit(job)))

    def pulse(self, most: float = math.inf) -> Pulse:
        """Tells whether it gets on with what it was asked for, which may take it `most` seconds of CPU."""
        return Pulse(*(pid for pid in (self.pid, self._warm) if pid is not None), most=most)

    def hear(self) -> FromJudge:
        """What it says next. UsageError if a file of the course cannot be used; JudgeLost."""
        try:
            message = decode_from_judge.decode(receive(self._sock)[0])
        except (ChannelClosed, ConnectionError):
            raise JudgeLost(_ENDED) from None
        if isinstance(message, Faulty):
            raise UsageError(_shown(message.message))
        return message

    def _send(self, message: bytes) -> None:
        try:
            send(self._sock, message)
        except ChannelClosed:
            raise JudgeLost(_ENDED) from None


def can_fork() -> bool:
    """Whether a process that has imported torch may be forked here."""
    return sys.platform == "linux"


class Judges:
    """Judges that grade jobs, `count` at a time. Start it early: importing torch takes a second, in another process.

    with Judges() as judges:
        ...  # read the course meanwhile
        judges.prepare(materials, forbidden=[root])
        for job, result in judges.grade(jobs):
            ...
    """

    def __init__(self, count: int = 1, *, many: bool = False, own_group: bool = False, stays: bool = False):
        """`many`: jobs to come, say more than fifty. `own_group`: signals to our processes do not reach theirs.

        `stays`: have the warm process that an earlier command left behind, or leave one behind.
        """
        self._count = count
        self._many = many
        self._group = 0 if own_group else None
        self.stays = stays and can_fork() and resident.refused() is None
        self._processes: list[subprocess.Popen[bytes]] = []
        self.warm: socket.socket | None = None  # to the warm process, where there is one
        self.warm_pid: int | None = None
        self._asking = threading.Lock()  # an answer of the warm process is that to the last question
        self._judges: list[Judge] = []
        self._setup: Setup | None = None
        self.isolation = Isolation("process", start="spawn")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.kill()
        self.close()

    def start(self) -> None:
        """Finds or starts the warm process, or where there can be none, starts the judges."""
        if not can_fork():
            self._judges = [self._spawn_judge() for _ in range(self._count)]
            return
        place = self._place()
        if place is not None and (met := resident.connect(place)) is not None:
            self.warm, about = met
            self.warm_pid = about.pid
            return
        program = "from grader.engine.pool.process import main; main()"
        self.warm, process = self._spawn(program, socket.SOCK_SEQPACKET, place)
        self.warm_pid = process.pid

    def _place(self) -> Path | None:
        """Where a warm process that stays is found, and is left behind."""
        with suppress(OSError):  # this system does not tell what a process is like
            return resident.socket_of(likeness()) if self.stays else None
        return None

    def kill(self) -> None:
        """Ends all that works for this at once: whoever waits for an answer, in whatever thread, is told JudgeLost."""
        for process in self._processes:
            process.kill()
        if self.stays and self.warm is not None:
            with suppress(OSError):  # it has ended
                self.warm.shutdown(socket.SHUT_RDWR)
            for judge in list(self._judges):
                judge.hang_up()

    def close(self) -> None:
        """Hangs up and waits for the end of all processes but one that stays. Nobody may be waiting for an answer."""
        for judge in self._judges:
            judge.close()
        if self.warm is not None:
            self.warm.close()
        for process in self._processes:
            try:
                process.wait(timeout=_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(
        self, program: str, kind: socket.SocketKind, stays_at: Path | None = None
    ) -> "tuple[socket.socket, subprocess.Popen[bytes]]":
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        command = [sys.executable, "-P", "-c", program, str(theirs.fileno())]
        if stays_at is not None:
            command.append(str(stays_at))
        # What a test prints goes to stderr: stdout belongs to the report.
        process = subprocess.Popen(
            command,
            env=environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=[theirs.fileno()],
            process_group=self._group if stays_at is None else None,
            start_new_session=stays_at is not None,
        )
        if stays_at is None:
            self._processes.append(process)
        theirs.close()
        return ours, process

    def prepare(
        self, materials: Sequence[Materials], forbidden: Sequence[Path], *, complete: bool = False, ahead: bool = False
    ) -> None:
        """Has the judges load the tests. UsageError if a forbidden folder lies where workers can read.

        `complete`: a test that is not available here is a fault. `ahead`: somebody waits for each verdict.
        """
        self._forbid(forbidden, optim=any(each.uses_optim for each in materials))
        self._setup = Setup(tuple(materials), self.isolation, complete, ahead)
        for judge in self._judges:
            judge.set_up(self._setup)

    def renew(self) -> None:
        """Ends the judges and forgets what they were given, so that `prepare` can be called once more. JudgeLost."""
        for judge in list(self._judges):
            self.end(judge)
        self._setup = None
        if self.warm is None:
            self._judges = [self._spawn_judge() for _ in range(self._count)]

    def run_lab(self, lab: RunLab, forbidden: Sequence[Path]) -> Iterator[Shows | LabEnded]:
        """Has a judge run a lab, in place of `prepare`; yields all that it says. UsageError, JudgeLost."""
        self._forbid(forbidden, optim=False)  # one worker, which imports what it uses
        (judge,) = self._judges
        judge.set_up(lab)
        while True:
            message = self._hear(judge)
            assert isinstance(message, Shows | LabEnded)
            yield message
            if isinstance(message, LabEnded):
                return

    def run_lessons(self, lessons: RunLessons, forbidden: Sequence[Path]) -> Iterator[PartRan | Painted]:
        """Has a judge run code of lessons, in place of `prepare`; yields what came of each part and each file.

        UsageError, also where code for pictures does not come to an end and cannot be interrupted; JudgeLost.
        """
        optim = any("optim" in source for part in lessons.parts for source in part.sources)
        self._forbid(forbidden, optim=optim)
        (judge,) = self._judges
        judge.set_up(lessons)
        left, painting = len(lessons.parts) + len(lessons.pictures), None
        while left:
            if complaint := _silent(judge, judge.pulse(_PATIENCE * lessons.seconds)):
                raise _unfinished(painting, complaint)
            message = self._hear(judge)
            if isinstance(message, Painting):
                painting = message
                continue
            assert isinstance(message, PartRan | Painted)
            yield message
            left -= 1

    def _forbid(self, forbidden: Sequence[Path], *, optim: bool) -> None:
        """Has the warm process confine what it forks, and forks the judges."""
        if self.warm is not None:
            told = self._tell(messages.Prepare([str(path) for path in forbidden], self._many, optim))
            assert isinstance(told, messages.Ready)
            if told.fault is not None:
                raise UsageError(told.fault)
            self.isolation = told.isolation
            self._judges = [self._fork_judge() for _ in range(self._count)]

    def another(self) -> Judge:
        """One more judge, which `grade` gives no jobs. After `prepare`; JudgeLost if the warm process ended."""
        assert self._setup is not None
        judge = self._fork_judge() if self.warm is not None else self._spawn_judge()
        judge.set_up(self._setup)
        self._judges.append(judge)
        return judge

    def ask(self, judge: Judge, job: Job, most: float) -> Result:
        """What a judge of `another` gives a job, for which it may take `most` seconds of CPU.

        UsageError if a test file cannot be used. JudgeLost and JudgeFelled, after which there is no such judge.
        """
        pulse = judge.pulse(most)
        self._submit(judge, job)
        if complaint := _silent(judge, pulse):
            self.end(judge)
            raise (JudgeFelled if pulse.overspent else JudgeLost)(f"a judge {complaint}")
        message = self._hear(judge)
        assert isinstance(message, Graded)
        return message.result

    def end(self, judge: Judge) -> int:
        """Ends a judge, if it still runs, and its workers. JudgeLost if the warm process ended.

        Returns its exit code as `subprocess` has it: that of a process which a signal ended is minus its number.
        """
        self._judges.remove(judge)
        judge.close()
        if self.warm is not None:
            told = self._tell(messages.EndJudge(judge.pid))
            assert isinstance(told, messages.Ended)
            return os.waitstatus_to_exitcode(told.status)
        process = next(process for process in self._processes if process.pid == judge.pid)
        process.kill()
        return process.wait()

    def _hear(self, judge: Judge) -> FromJudge:
        """What a judge says next. UsageError; JudgeLost and JudgeFelled, after which there is no such judge."""
        try:
            return judge.hear()
        except JudgeLost:
            raise _lost(self.end(judge)) from None

    def _submit(self, judge: Judge, job: Job) -> None:
        """Gives a judge a job. JudgeLost and JudgeFelled, after which there is no such judge."""
        try:
            judge.submit(job)
        except JudgeLost:
            raise _lost(self.end(judge)) from None

    def _spawn_judge(self) -> Judge:
        sock, process = self._spawn("from grader.engine.pool.spawned import judge; judge()", socket.SOCK_STREAM)
        return Judge(sock, process.pid)

    def _fork_judge(self) -> Judge:
        assert self.warm is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            started = self._tell(messages.StartJudge(), theirs.fileno(), 2)  # what a test prints goes to stderr
        assert isinstance(started, messages.Started)
        return Judge(ours, started.pid, self.warm_pid)

    def _tell(self, ask: messages.Ask, *descriptors: int) -> messages.Tell:
        """Asks the warm process. JudgeLost if it ended."""
        assert self.warm is not None
        with self._asking:
            try:
                socket.send_fds(self.warm, [messages.encode(ask)], descriptors)
            except ConnectionError:
                raise JudgeLost("the warm process ended") from None
            return messages.decode_tell.decode(self._receive())

    def _receive(self) -> bytes:
        assert self.warm is not None
        assert self.warm_pid is not None
        if complaint := _silent(self.warm, Pulse(self.warm_pid)):
            raise JudgeLost(f"the warm process {complaint}")
        try:
            data = self.warm.recv(messages.MAX_REQUEST)
        except ConnectionError:
            data = b""
        if not data:
            raise JudgeLost("the warm process ended")
        return data

    def grade(
        self, jobs: Iterable[Job], testing: Callable[[str], None] = lambda test: None
    ) -> Iterator[tuple[Job, Result]]:
        """Grades jobs, and yields each with its result as it is done. UsageError if a test file cannot be used.

        `testing` hears the name of each test that begins, of jobs that announce them. JudgeLost if a judge ended or is
        stuck: what was not yielded is not graded.
        """
        waiting = iter(jobs)
        open_jobs: dict[int, dict[int, Job]] = {judge.fileno(): {} for judge in self._judges}

        def feed(judge: Judge) -> None:
            jobs_of = open_jobs[judge.fileno()]
            while len(jobs_of) < _AHEAD and (job := next(waiting, None)) is not None:
                jobs_of[job.id] = job
                self._submit(judge, job)

        for judge in self._judges:
            feed(judge)
        pulses: dict[int, Pulse] = {}
        while any(open_jobs.values()):
            working = [judge for judge in self._judges if open_jobs[judge.fileno()]]
            poll = select.poll()
            for judge in working:
                poll.register(judge, select.POLLIN)
            ready = {fileno for fileno, _ in poll.poll(LOOK * 1000)}
            if not ready:
                _look(working, pulses)
            for judge in working:
                if judge.fileno() in ready:
                    pulses.pop(judge.pid, None)
                    message = self._hear(judge)
                    if isinstance(message, Testing):
                        testing(message.test)
                        continue
                    assert isinstance(message, Graded)
                    done = open_jobs[judge.fileno()].pop(message.id)
                    feed(judge)
                    yield done, message.result


def with_judges(work: Callable[[Judges], T]) -> T:
    """Has `work` done by a warm process that stays; if that breaks off, which others may end, by one of its own."""
    with Judges(stays=True) as judges:
        try:
            return work(judges)
        except JudgeLost:
            if not judges.stays:
                raise
            judges.kill()
    with Judges() as judges:
        return work(judges)


def _silent(connection: socket.socket | Judge, pulse: Pulse) -> str | None:
    """Waits until something is said (None), or nothing is to be expected any more: why."""
    while not select.select([connection], [], [], LOOK)[0]:
        if complaint := pulse.complaint():
            return complaint
    return None


def _lost(code: int) -> JudgeLost:
    """What to raise for a judge that ended with this code."""
    if code >= 0:
        return JudgeLost(f"a judge ended itself, with exit code {code}")
    if -code == signal.SIGKILL:
        return JudgeLost("a judge was killed, as the system does where memory runs out")
    what = f"signal {-code} ({signal.strsignal(-code)})"
    if -code in _CRASHES:
        return JudgeFelled(f"a judge crashed with {what}")
    return JudgeLost(f"a judge was ended by {what}")


def _unfinished(painting: Painting | None, complaint: str) -> Exception:
    """What to raise for a judge that is stuck with pictures, or with other code of lessons."""
    if painting is None:
        return JudgeLost(f"a judge {complaint}")
    return UsageError(f"{_shown(painting.path)}: {painting.what} {complaint}, and was stopped.")


def _shown(text: str) -> str:
    """Without the folder in which we are."""
    return text.replace(f"{os.getcwd()}{os.sep}", "")


def _look(judges: Iterable[Judge], pulses: dict[int, Pulse]) -> None:
    """Looks after judges that have not said anything for a while. JudgeLost if one is stuck."""
    for judge in judges:
        if complaint := pulses.setdefault(judge.pid, judge.pulse()).complaint():
            raise JudgeLost(f"a judge {complaint}")
