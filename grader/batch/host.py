"""The judges of one course in this process: one for each thread that grades."""

import contextlib
import platform
import re
import threading
from collections.abc import Sequence
from pathlib import Path

from grader.errors import UsageError
from grader.judge.cpu import OWN_CPU
from grader.judge.messages import Job, Materials
from grader.result import Isolation, Result
from grader.warm.client import Judge, JudgeLost, Judges

_UNCONFINED = (
    "Nothing on this system can confine the submissions: a student's code could read the tests, and other students' "
    "work. --isolation process grades all the same, each in a process of its own with bounds on time and memory."
)


class JudgeEnded(JudgeLost):
    """A judge ended over a job, and another that had no other job ended over it again: it is that job's doing."""

    def __init__(self, why: str, isolation: Isolation):
        super().__init__(why, isolation)  # all that Dask needs to carry it
        self.why = why
        self.isolation = isolation


class Host:
    """Grades jobs in whichever thread asks. A judge, or the warm process, that ended is replaced for the next job."""

    def __init__(self, materials: Sequence[Materials], forbidden: Path, *, confined: bool):
        """`confined`: refuse to grade where submissions cannot be confined. No worker may read `forbidden`."""
        self._materials = list(materials)
        self._forbidden = forbidden
        self._confined = confined
        self._patience = {each.id: _patience(each) for each in materials}
        self._lock = threading.Lock()
        self._pools: list[Judges] = []  # the last one is in use; those before it ended
        self._mine = threading.local()
        self._stopped = False

    def grade(self, job: Job) -> Result:
        """The result of a job.

        Raises JudgeEnded if judges end over it, or do not answer, JudgeLost if the warm process ended with them, and
        UsageError if tests cannot be used or submissions cannot be confined.
        """
        pool, judge = self._held()
        try:
            return self._answer(judge, job)
        except JudgeLost:
            self._mine.held = None
            with self._lock, contextlib.suppress(JudgeLost):  # it went with the warm process
                pool.end(judge)
        return self._grade_alone(job)

    def _grade_alone(self, job: Job) -> Result:
        """The result of a job over which a judge ended, by one that has graded nothing else."""
        pool, judge = self._held()
        try:
            return self._answer(judge, job)
        except JudgeLost as error:
            self._mine.held = None
            with self._lock:
                pool.end(judge)
            raise JudgeEnded(str(error), pool.isolation) from None

    def _answer(self, judge: Judge, job: Job) -> Result:
        judge.submit(job)
        return judge.answer(sum(self._patience[each] for each in (job.exercise, *job.others))).result

    def without_folder(self, sentence: str) -> str:
        """A sentence about the course's files, which lie in a folder of some name on each machine."""
        return re.sub(rf"\S*{re.escape(self._forbidden.name)}/", "", sentence)

    def kill(self) -> None:
        """Ends all processes at once; what is being graded ends in JudgeLost, and nothing more is graded."""
        self._stopped = True
        for pool in list(self._pools):
            pool.kill()

    def close(self) -> None:
        """Ends all processes, when nothing is being graded any more."""
        for pool in self._pools:
            pool.close()

    def _held(self) -> tuple[Judges, Judge]:
        """This thread's judge, and the pool that it is of."""
        held: tuple[Judges, Judge] | None = getattr(self._mine, "held", None)
        if held is None:
            with self._lock:
                held = self._mine.held = self._another()
        return held

    def _another(self) -> tuple[Judges, Judge]:
        if self._stopped:
            raise JudgeLost("grading was stopped")
        if self._pools:
            with contextlib.suppress(JudgeLost):  # the warm process ended, and its judges with it
                return self._pools[-1], self._pools[-1].another()
        pool = Judges(0, many=True)
        pool.start()
        self._pools.append(pool)
        if self._stopped:
            raise JudgeLost("grading was stopped")
        pool.prepare(self._materials, [self._forbidden], complete=True)
        if self._confined and pool.isolation.kind == "process":
            self._stopped = True
            raise UsageError(_UNCONFINED)
        return pool, pool.another()


def _patience(materials: Materials) -> float:
    """Seconds of CPU for one exercise, after which a judge is taken for stuck: far more than its limits allow."""
    texts = "\n".join(Path(path).read_text("utf-8") for path in materials.tests)
    tests = len(re.findall(r"^def test_", texts, re.MULTILINE))
    own = sum(map(float, re.findall(r"^@seconds\(([0-9.]+)\)", texts, re.MULTILINE)))
    return 60 + 2 * OWN_CPU * (materials.seconds * (tests + 1) + own)


_hosts: dict[str, Host] = {}  # by the name that a batch gave its course


def open_host(course: str, host: Host) -> None:
    """Lets `grade_job` find the judges of the course with this name in this process."""
    _hosts[course] = host


def close_host(course: str) -> None:
    """Ends these judges, whatever they do."""
    host = _hosts.pop(course)
    host.kill()
    host.close()


def grade_job(course: str, job: Job) -> Result:
    """What a cluster's worker runs: grades a job of this course. UsageError also says on which machine."""
    host = _hosts.get(course)
    if host is None:
        raise UsageError(f"A worker on {platform.node()} could not take the course; its log says why.")
    try:
        return host.grade(job)
    except UsageError as error:
        raise UsageError(f"A worker on {platform.node()} says: {host.without_folder(str(error))}") from None
