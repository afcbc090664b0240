"""The judges of one course in this process, one for each thread that grades."""

import contextlib
import platform
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Result
from grader.engine.judge.cpu import JUDGE_CPU_FACTOR
from grader.engine.judge.messages import Job, Materials
from grader.engine.pool.client import Judges
from grader.engine.pool.judge_client import Judge, JudgeCrashed, JudgeLost
from grader.engine.submission.unrun import crashed_result
from grader.teach.batch.shared_lock import SharedLock

_UNCONFINED = (
    "This system cannot confine submissions: a student's code could read the tests and other students' work. "
    "--isolation process grades anyway, each submission in its own process with limits on time and memory."
)
_STARTS = 3  # attempts to start the warm process
_NOT_STARTED = (
    f"The process that imports torch ended {_STARTS} times while it started; is there enough memory for it? Grades "
    "so far are kept; run the same command again to resume."
)


class Host:
    """The judges of one course: grades jobs in the calling thread, and replaces judges and warm processes that ended.

    If a judge ends while it grades a job, the job is retried once with a new judge, and how the first judge ended
    decides what follows:

    - Killed from outside, perhaps for lack of memory: the retry runs with no other jobs at the same time. If that judge
      is killed as well, nothing is known about the job, and JudgeLost is raised.
    - Crashed, or used far too much CPU time: the retry runs without a diagnosis. If it ends the same way, and the
      reference does not, that is the submission's outcome.
    """

    def __init__(self, materials: Sequence[Materials], forbidden: Path, *, confined: bool):
        """Initialize without starting a process.

        Args:
            materials: The exercises to grade.
            forbidden: A folder that workers must not be able to read.
            confined: Refuse to grade if submissions cannot be confined.
        """
        self._materials = list(materials)
        self._forbidden = forbidden
        self._confined = confined
        self._patience = {each.id: _patience(each) for each in materials}
        self._references = {each.id: _reference(each) for each in materials}
        self._running = SharedLock()
        self._lock = threading.Lock()
        self._pools: list[Judges] = []  # all that were started
        self._ready: Judges | None = None  # the one in use; the others ended
        self._local = threading.local()  # `judge`: this thread's judge and its pool
        self._stopped = False

    def grade(self, job: Job) -> Result:
        """Return the result of a job.

        Raises:
            JudgeLost: Judges ended for reasons other than the submission.
            UsageError: The tests cannot be used, submissions cannot be confined, or no warm process could be started.
        """
        try:
            with self._running.shared():
                return self._ask_judge(job)
        except JudgeCrashed:  # perhaps while it ran a known mistake of the course for the diagnosis
            job = msgspec.structs.replace(job, diagnose=False)
            retry = self._running.shared()
        except JudgeLost:
            retry = self._running.exclusive()
        with retry:
            try:
                return self._ask_judge(job)
            except JudgeCrashed as error:
                return self._crash_result(job, error)

    def _ask_judge(self, job: Job) -> Result:
        """Have this thread's judge grade a job. Raise JudgeLost if it ends; the next call gets a new one."""
        pool, judge = self._judge()
        try:
            return pool.ask(judge, job, sum(self._patience.get(each, 0.0) for each in (job.exercise, *job.others)))
        except JudgeLost:
            self._local.judge = None
            raise

    def _crash_result(self, job: Job, error: JudgeCrashed) -> Result:
        """Return the result of a job that crashed two judges. Raise `error` if the reference does not pass either."""
        reference = self._references[job.exercise]
        if reference is None:
            raise error
        result = self._ask_judge(reference)
        if not result.passed:
            raise error
        return crashed_result(str(error), job.file, job.sha256, result)

    def without_folder(self, message: str) -> str:
        """Return a message about the course's files without the path of this machine's folder."""
        return re.sub(rf"\S*{re.escape(self._forbidden.name)}/", "", message)

    def kill(self) -> None:
        """Kill all processes and refuse new jobs. Jobs that are running raise JudgeLost."""
        self._stopped = True
        for pool in list(self._pools):
            pool.kill()

    def close(self) -> None:
        """End all processes. No job may be running."""
        for pool in self._pools:
            pool.close()

    def _judge(self) -> tuple[Judges, Judge]:
        """Return this thread's judge, and the pool that it belongs to."""
        judge: tuple[Judges, Judge] | None = getattr(self._local, "judge", None)
        if judge is None:
            with self._lock:
                judge = self._local.judge = self._start_judge()
        return judge

    def _start_judge(self) -> tuple[Judges, Judge]:
        if self._stopped:
            raise JudgeLost("grading was stopped")
        if self._ready is not None:
            with contextlib.suppress(JudgeLost):  # the warm process ended, and its judges with it
                return self._ready, self._ready.add_judge()
        for _ in range(_STARTS):
            with contextlib.suppress(JudgeLost):  # killed during the start: not the job's fault
                self._ready = self._start_pool()
                return self._ready, self._ready.add_judge()
            if self._stopped:
                raise JudgeLost("grading was stopped")
        raise UsageError(_NOT_STARTED)

    def _start_pool(self) -> Judges:
        pool = Judges(0, many=True)
        pool.start()
        self._pools.append(pool)  # before it is ready, so that `kill` reaches it
        if self._stopped:
            raise JudgeLost("grading was stopped")
        pool.prepare(self._materials, [self._forbidden], complete=True)
        if self._confined and pool.isolation.kind == "process":
            self._stopped = True
            raise UsageError(_UNCONFINED)
        return pool


def _reference(materials: Materials) -> Job | None:
    """Return the job that grades the reference; None if the course was released without it."""
    if materials.reference is None:
        return None
    name, source = materials.id, materials.reference
    return Job(0, name, f"{name}.py", source, "", 0, others=materials.others, diagnose=False)


def _patience(materials: Materials) -> float:
    """Return the CPU seconds for one exercise after which a judge counts as stuck: far more than its limits allow."""
    texts = "\n".join(Path(path).read_text("utf-8") for path in materials.tests)
    tests = len(re.findall(r"^def test_", texts, re.MULTILINE))
    own = sum(map(float, re.findall(r"^@seconds\(([0-9.]+)\)", texts, re.MULTILINE)))
    return 60 + 2 * JUDGE_CPU_FACTOR * (materials.seconds * (tests + 1) + own)


_hosts: dict[str, Host] = {}  # by the batch's name for the course


def open_host(course: str, host: Host) -> None:
    """Register the judges of a course in this process for `grade_job`."""
    _hosts[course] = host


def close_host(course: str) -> None:
    """Kill the judges of a course in this process, and unregister them."""
    host = _hosts.pop(course)
    host.kill()
    host.close()


def grade_job(course: str, job: Job) -> Result:
    """Grade a job with the judges of a course in this process; called on a cluster's workers.

    The message of a UsageError names the machine.
    """
    host = _hosts.get(course)
    if host is None:
        raise UsageError(f"A worker on {platform.node()} could not take the course; its log says why.")
    try:
        return host.grade(job)
    except UsageError as error:
        raise UsageError(f"A worker on {platform.node()} says: {host.without_folder(str(error))}") from None
