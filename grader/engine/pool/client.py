"""Grades jobs with several judges at a time. Imports neither torch nor pytest."""

import math
import select
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from grader.base.result import Isolation, Result
from grader.engine.judge.messages import FromJudge, Job, JobGraded, Materials, RunLab, RunLessons, Setup, TestStarted
from grader.engine.pool.judge_client import Judge, JudgeCrashed, JudgeLost, lost_by_exit_code
from grader.engine.pool.launchers import Launcher, SpawnLauncher, WarmLauncher
from grader.engine.pool.liveness import CHECK_INTERVAL, Watchdog
from grader.engine.pool.resident import disabled_by

T = TypeVar("T")

_MAX_PENDING = 2  # jobs that a judge holds, so that it never waits for the next


def can_fork() -> bool:
    """Return whether a process that has imported torch can be forked safely on this system."""
    return sys.platform == "linux"


class Judges:
    """A pool of `count` judges. Start it early: importing torch takes a second, in another process.

    with Judges() as judges:
        ...  # read the course meanwhile
        judges.prepare(materials, forbidden=[root])
        for job, result in judges.grade(jobs):
            ...
    """

    def __init__(self, count: int = 1, *, many: bool = False, own_group: bool = False, resident: bool = False):
        """Set the options; nothing is started yet.

        Args:
            count: Judges for `grade`.
            many: More than about fifty jobs will be graded.
            own_group: Signals to this process group do not reach the judges.
            resident: Use the warm process that an earlier command left behind, or leave one behind.
        """
        self._count = count
        self._many = many
        self._own_group = own_group
        self.is_resident = resident and can_fork() and disabled_by() is None
        self._launcher: Launcher | None = None
        self._judges: list[Judge] = []
        self._setup: Setup | None = None

    @property
    def launcher(self) -> Launcher:
        """How judges are started, once the pool is started."""
        assert self._launcher is not None
        return self._launcher

    @property
    def isolation(self) -> Isolation:
        """How submissions are confined, as `prepare` found out."""
        return self.launcher.isolation

    @property
    def warm_pid(self) -> int | None:
        """The process id of the warm process; None where judges are spawned."""
        return self._launcher.pid if isinstance(self._launcher, WarmLauncher) else None

    @property
    def warm_connection(self) -> socket.socket | None:
        """The connection to the warm process; None where judges are spawned."""
        return self._launcher.connection if isinstance(self._launcher, WarmLauncher) else None

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
        """Find or start the warm process; where forking is not safe, start the judges."""
        if can_fork():
            self._launcher = WarmLauncher(own_group=self._own_group, resident=self.is_resident)
            return
        self._launcher = SpawnLauncher(own_group=self._own_group)
        self._start_judges()  # they import torch while the caller reads the course

    def kill(self) -> None:
        """Kill all judges without waiting for them. A thread that waits for an answer gets JudgeLost."""
        if self._launcher is not None:
            self._launcher.kill()
        if self.is_resident:  # the judges do not die with this command's processes
            for judge in list(self._judges):
                judge.shut_down()

    def close(self) -> None:
        """Disconnect, and wait until all processes but a resident one have ended. No thread may wait for an answer."""
        for judge in self._judges:
            judge.close()
        if self._launcher is not None:
            self._launcher.close()

    def prepare(
        self,
        materials: Sequence[Materials],
        forbidden: Sequence[Path],
        *,
        complete: bool = False,
        prestart_workers: bool = False,
    ) -> None:
        """Have the judges load the tests. Raise JudgeLost, and UsageError if workers can read a forbidden folder.

        Args:
            materials: The exercises that jobs may be about.
            forbidden: Folders that no worker may be able to read.
            complete: A test that is not available here is an error.
            prestart_workers: Somebody waits for each result, so have the next worker ready.
        """
        self._get_ready(forbidden, optim=any(each.uses_optim for each in materials))
        self._setup = Setup(tuple(materials), self.isolation, complete, prestart_workers)
        for judge in self._judges:
            judge.set_up(self._setup)

    def set_up_single(self, setup: RunLab | RunLessons, forbidden: Sequence[Path], *, optim: bool) -> Judge:
        """Give the only judge something else to run than the tests of exercises, instead of `prepare`."""
        self._get_ready(forbidden, optim=optim)
        (judge,) = self._judges
        judge.set_up(setup)
        return judge

    def _get_ready(self, forbidden: Sequence[Path], *, optim: bool) -> None:
        self.launcher.prepare(forbidden, many=self._many, optim=optim)
        if not self._judges:
            self._start_judges()

    def _start_judges(self) -> None:
        self._judges = [self.launcher.start_judge() for _ in range(self._count)]

    def renew(self) -> None:
        """End the judges and forget the exercises, so that `prepare` can be called again. Raise JudgeLost."""
        for judge in list(self._judges):
            self.end(judge)
        self._setup = None
        if isinstance(self.launcher, SpawnLauncher):
            self._start_judges()

    def add_judge(self) -> Judge:
        """Start one more judge, for `ask`. Call it after `prepare`. Raise JudgeLost if the warm process ended."""
        assert self._setup is not None
        judge = self.launcher.start_judge()
        judge.set_up(self._setup)
        self._judges.append(judge)
        return judge

    def ask(self, judge: Judge, job: Job, max_cpu: float) -> Result:
        """Return the result of a job, for which a judge of `add_judge` may use `max_cpu` seconds of CPU.

        Raise UsageError if a test file cannot be used. Raise JudgeLost or JudgeCrashed after ending the judge.
        """
        watchdog = judge.watchdog(max_cpu)
        self._submit(judge, job)
        if problem := watchdog.wait_for(judge):
            self.end(judge)
            raise (JudgeCrashed if watchdog.is_over_budget else JudgeLost)(f"a judge {problem}")
        message = self.receive(judge)
        assert isinstance(message, JobGraded)
        return message.result

    def end(self, judge: Judge) -> int:
        """End a judge and its workers, and return its exit code: -N if signal N ended it.

        Raise JudgeLost if the warm process ended.
        """
        self._judges.remove(judge)
        judge.close()
        return self.launcher.end_judge(judge.pid)

    def receive(self, judge: Judge) -> FromJudge:
        """Return the next message of a judge.

        Raise UsageError if a file of the course cannot be used. Raise JudgeLost or JudgeCrashed after ending the judge.
        """
        try:
            return judge.receive()
        except JudgeLost:
            raise lost_by_exit_code(self.end(judge)) from None

    def _submit(self, judge: Judge, job: Job) -> None:
        try:
            judge.submit(job)
        except JudgeLost:
            raise lost_by_exit_code(self.end(judge)) from None

    def grade(
        self, jobs: Iterable[Job], testing: Callable[[str], None] = lambda test: None
    ) -> Iterator[tuple[Job, Result]]:
        """Grade jobs, and yield each with its result when it is done.

        `testing` is called with the name of each test that begins, for jobs that announce their tests. Raise
        UsageError if a test file cannot be used, and JudgeLost if a judge ended or is stuck: then the jobs that were
        not yielded are not graded.
        """
        queue = iter(jobs)
        pending: dict[int, dict[int, Job]] = {judge.pid: {} for judge in self._judges}  # each judge's jobs by id
        watchdogs: dict[int, Watchdog] = {}  # of judges that have been silent for a while, by pid
        for judge in self._judges:
            self._fill(pending[judge.pid], queue, judge)
        while any(pending.values()):
            working = [judge for judge in self._judges if pending[judge.pid]]
            ready = _readable(working)
            if not ready:
                _check_silent(working, watchdogs)
            for judge in ready:
                watchdogs.pop(judge.pid, None)
                message = self.receive(judge)
                if isinstance(message, TestStarted):
                    testing(message.test)
                    continue
                assert isinstance(message, JobGraded)
                job = pending[judge.pid].pop(message.id)
                self._fill(pending[judge.pid], queue, judge)
                yield job, message.result

    def _fill(self, pending: dict[int, Job], queue: Iterator[Job], judge: Judge) -> None:
        """Submit jobs of the queue until the judge has enough."""
        while len(pending) < _MAX_PENDING and (job := next(queue, None)) is not None:
            pending[job.id] = job
            self._submit(judge, job)


def with_judges(work: Callable[[Judges], T]) -> T:
    """Call `work` with a resident warm process, and again with a new one if the first is lost.

    Other commands may end the resident process at any time.
    """
    with Judges(resident=True) as judges:
        try:
            return work(judges)
        except JudgeLost:
            if not judges.is_resident:
                raise
            judges.kill()
    with Judges() as judges:
        return work(judges)


def _readable(judges: Sequence[Judge]) -> list[Judge]:
    """Wait for messages, and return the judges that sent one; none after `CHECK_INTERVAL` seconds."""
    poll = select.poll()
    for judge in judges:
        poll.register(judge, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(CHECK_INTERVAL * 1000)}
    return [judge for judge in judges if judge.fileno() in ready]


def _check_silent(judges: Iterable[Judge], watchdogs: dict[int, Watchdog]) -> None:
    """Raise JudgeLost if one of these judges is stuck. Keep their watchdogs for the next check."""
    for judge in judges:
        watchdog = watchdogs.setdefault(judge.pid, judge.watchdog(math.inf))
        if problem := watchdog.check():
            raise JudgeLost(f"a judge {problem}")
