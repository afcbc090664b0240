"""The judges of one course in this process: one for each thread that grades."""

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
from grader.teach.batch.exclusion import Turns

_UNCONFINED = (
    "Nothing on this system can confine the submissions: a student's code could read the tests, and other students' "
    "work. --isolation process grades all the same, each in a process of its own with bounds on time and memory."
)
_STARTS = 3  # of the warm process, until it is taken for impossible here
_NOT_STARTED = (
    f"The process that imports torch ended {_STARTS} times while it started; is there enough memory for it? What was "
    "graded is kept, and the same command goes on where it was."
)


class Host:
    """Grades jobs in whichever thread asks. A judge, or the warm process, that ended is replaced.

    A job over which a judge was lost is graded once more, by a judge that has graded nothing else. Which of two is at
    fault, the job or the machine, is told by how the judge ended. Killed from outside, it may have been short of memory
    that others took: then it gets a second one with nobody at work beside it, and if that is killed as well nothing is
    known of the job. A judge that crashes, or takes more CPU than anything should, does so over what it was given. If
    that happens twice, the second time without a diagnosis, and not over the reference, it is the submission's outcome.
    """

    def __init__(self, materials: Sequence[Materials], forbidden: Path, *, confined: bool):
        """`confined`: refuse to grade where submissions cannot be confined. No worker may read `forbidden`."""
        self._materials = list(materials)
        self._forbidden = forbidden
        self._confined = confined
        self._patience = {each.id: _patience(each) for each in materials}
        self._references = {each.id: _reference(each) for each in materials}
        self._turns = Turns()
        self._lock = threading.Lock()
        self._pools: list[Judges] = []  # all that were started
        self._ready: Judges | None = None  # the one in use; the others ended
        self._mine = threading.local()
        self._stopped = False

    def grade(self, job: Job) -> Result:
        """The result of a job.

        Raises JudgeLost if judges end over it that the submission did not end, and UsageError if tests cannot be used,
        if submissions cannot be confined, and if no warm process lives until it is ready.
        """
        try:
            with self._turns.beside_others():
                return self._asked(job)
        except JudgeCrashed:  # perhaps over a known mistake of the course, to which it was compared
            job = msgspec.structs.replace(job, diagnose=False)
            again = self._turns.beside_others()
        except JudgeLost:
            again = self._turns.alone()
        with again:
            try:
                return self._asked(job)
            except JudgeCrashed as error:
                return self._crashed(job, error)

    def _asked(self, job: Job) -> Result:
        """What this thread's judge says. JudgeLost, after which the thread has no judge."""
        pool, judge = self._held()
        try:
            return pool.ask(judge, job, sum(self._patience.get(each, 0.0) for each in (job.exercise, *job.others)))
        except JudgeLost:
            self._mine.held = None
            raise

    def _crashed(self, job: Job, error: JudgeCrashed) -> Result:
        """The result of a job that crashed a judge of its own. JudgeLost if the reference does, or there is none."""
        reference = self._references[job.exercise]
        if reference is None:
            raise error
        right = self._asked(reference)
        if not right.passed:
            raise error
        return crashed_result(str(error), job.file, job.sha256, right)

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
        if self._ready is not None:
            with contextlib.suppress(JudgeLost):  # the warm process ended, and its judges with it
                return self._ready, self._ready.add_judge()
        for _ in range(_STARTS):
            with contextlib.suppress(JudgeLost):  # it was killed while it started, which is no job's fault
                self._ready = self._started()
                return self._ready, self._ready.add_judge()
            if self._stopped:
                raise JudgeLost("grading was stopped")
        raise UsageError(_NOT_STARTED)

    def _started(self) -> Judges:
        pool = Judges(0, many=True)
        pool.start()
        self._pools.append(pool)  # before it is ready: `kill` does not wait for that
        if self._stopped:
            raise JudgeLost("grading was stopped")
        pool.prepare(self._materials, [self._forbidden], complete=True)
        if self._confined and pool.isolation.kind == "process":
            self._stopped = True
            raise UsageError(_UNCONFINED)
        return pool


def _reference(materials: Materials) -> Job | None:
    """The job that grades the reference; None of a course that was released without it."""
    if materials.reference is None:
        return None
    name, source = materials.id, materials.reference
    return Job(0, name, f"{name}.py", source, "", 0, others=materials.others, diagnose=False)


def _patience(materials: Materials) -> float:
    """Seconds of CPU for one exercise, after which a judge is taken for stuck: far more than its limits allow."""
    texts = "\n".join(Path(path).read_text("utf-8") for path in materials.tests)
    tests = len(re.findall(r"^def test_", texts, re.MULTILINE))
    own = sum(map(float, re.findall(r"^@seconds\(([0-9.]+)\)", texts, re.MULTILINE)))
    return 60 + 2 * JUDGE_CPU_FACTOR * (materials.seconds * (tests + 1) + own)


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
