"""Tests of grading on a real Dask cluster: each scheduler and worker is a process with its own folder."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from grader.base.errors import UsageError
from grader.course import load_course
from grader.engine.judge.materials import materials_of
from grader.engine.judge.messages import Job
from grader.teach.batch.bundle import CourseBundle, bundle_course
from grader.teach.batch.cluster import cluster_pool
from tests.classes import (
    REFERENCE,
    SCORES,
    WAITS,
    batch,
    children,
    command,
    complaints,
    entries,
    hand_in,
    make_course,
    running,
    scores,
    untimed,
    wait_until,
)

pytestmark = pytest.mark.slow

HELD = {f"s{number}": f"{REFERENCE}# {number}\n" for number in range(6)} | {"zoe": WAITS}
OTHER_VERSION = "import grader\ngrader.__version__ = '0.0.1'\n"
UNCONFINED = "from grader.engine.pool import client\nclient.can_fork = lambda: False\n"
JOB = Job(0, "toolbox", "toolbox.py", REFERENCE, "", seed=0)
LONGEST = 600.0  # seconds after which what must come is taken not to: a guard, also on a busy machine


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true."""
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.01)


def descendants(pid: int) -> list[int]:
    """Return all descendants of a process."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def judging(pid: int) -> list[int]:
    """Return the grader's processes below a Dask worker: warm processes, judges and students' workers."""
    return [each for each in descendants(pid) if b"grader.engine.pool" in _words(each)]


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Cluster:
    """A scheduler, and the workers that a test starts."""

    def __init__(self, folder: Path, **settings: str):
        self._folder = folder
        self._settings = settings  # of Dask, as variables of the environment
        self._processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(file)
        )
        until(lambda: file.is_file() and file.read_text("utf-8").endswith("}"))  # and not while it is written
        self.address: str = json.loads(file.read_text("utf-8"))["address"]
        self.client = Client(self.address, set_as_default=False)

    def worker(self, name: str, *, nanny: bool = False, preload: str = "") -> "subprocess.Popen[bytes]":
        """Start a worker with one thread, which runs `preload` first."""
        words = [self.address, "--nthreads", "1", "--name", name, "--nanny" if nanny else "--no-nanny"]
        if preload:
            script = self._folder / f"{name}_preload.py"
            script.write_text(preload, "utf-8")
            words += ["--preload", str(script)]
        return self._start(name, "distributed.cli.dask_worker", *words)

    def has(self, *names: str) -> None:
        """Wait until these workers have joined."""
        until(lambda: {*names} <= {*self.names()})

    def names(self) -> list[str]:
        """Return the names of the workers that have joined."""
        return [each["name"] for each in self.client.scheduler_info(n_workers=-1)["workers"].values()]

    def judging(self) -> list[int]:
        """Return the grader's processes on all workers."""
        return [pid for process in self._processes for pid in judging(process.pid)]

    def close(self) -> None:
        """End the workers first: without a scheduler they would look for it for half a minute."""
        self.client.close()
        workers = self._processes[1:]
        for process in workers:
            process.terminate() if self.scheduler.poll() is None else process.kill()
        for process in workers:
            process.wait()
        self.scheduler.kill()
        self.scheduler.wait()

    def _start(self, name: str, module: str, *words: str) -> "subprocess.Popen[bytes]":
        folder = self._folder / name
        folder.mkdir()
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "--host", "127.0.0.1", "--no-dashboard", *words],
                cwd=folder,
                env=os.environ | self._settings | {"DASK_TEMPORARY_DIRECTORY": str(folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Cluster]:
    found = Cluster(folder, **settings)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a shared cluster: one plain worker, and one below a nanny, which is a daemonic process."""
    with started(tmp_path_factory.mktemp("cluster")) as found:
        found.worker("alone")
        found.worker("nursed", nanny=True)
        found.has("alone", "nursed")
        yield found


@pytest.fixture(scope="module")
def course(gate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("course"), gate)


@pytest.fixture(scope="module")
def bundle(course: Path) -> CourseBundle:
    loaded = load_course(course)
    return bundle_course(materials_of(loaded, loaded.exercises))


@pytest.fixture(scope="module")
def held(course: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """Make submissions, the last of which waits while the gate is closed, and grade them on this machine."""
    folder = tmp_path_factory.mktemp("held")
    submissions = hand_in(folder, HELD)
    assert batch(course, submissions, "--out", folder / "out", "--quiet").returncode == 0
    return submissions, untimed(folder / "out")


def refused(course: Path, folder: Path, address: str, *words: str) -> str:
    """Return the error message of a batch that is refused."""
    submissions = hand_in(folder, {"ada": REFERENCE})
    run = batch(course, submissions, "--out", folder / "out", "--quiet", "--cluster", address, *words)
    assert run.returncode == 2
    assert run.stdout == ""
    assert re.fullmatch(r"error: .*\n", run.stderr), run.stderr
    return run.stderr


def test_gives_the_same_results_as_this_machine(cluster: Cluster, course: Path, tmp_path: Path) -> None:
    submissions = hand_in(tmp_path)
    there = batch(course, submissions, "--out", tmp_path / "there", "--quiet", "--cluster", cluster.address)
    here = batch(course, submissions, "--out", tmp_path / "here", "--quiet")
    assert (there.returncode, here.returncode) == (0, 0), there.stderr
    assert "Traceback" not in there.stderr
    assert untimed(tmp_path / "there") == untimed(tmp_path / "here")
    assert scores(tmp_path / "there") == SCORES
    assert cluster.judging() == []


def test_workers_grade_in_parallel_and_clean_up(cluster: Cluster, bundle: CourseBundle) -> None:
    with cluster_pool(cluster.address, bundle, confined=True) as pool:
        executor: Any = pool.executor  # Dask's, which takes workers
        futures = [
            executor.submit(pool.grade, JOB, workers=[name], allow_other_workers=False) for name in ("alone", "nursed")
        ]
        assert [future.result().score for future in futures] == [31, 31]
        assert len({*cluster.judging()}) >= 4  # a warm process and a judge on each
    assert cluster.judging() == []


def test_workers_need_no_access_to_the_course_on_disk(cluster: Cluster, tmp_path: Path) -> None:
    root = make_course(tmp_path)
    course = load_course(root)
    bundle = bundle_course(materials_of(course, course.exercises))
    shutil.rmtree(root)
    with cluster_pool(cluster.address, bundle, confined=True) as pool:
        result = pool.executor.submit(pool.grade, JOB).result()
    assert result.score == 31
    assert result.isolation.kind != "process"


def test_two_batches_share_a_cluster(cluster: Cluster, bundle: CourseBundle) -> None:
    with cluster_pool(cluster.address, bundle, confined=True) as first:
        with cluster_pool(cluster.address, bundle, confined=True) as second:
            assert second.executor.submit(second.grade, JOB).result().passed
        assert first.executor.submit(first.grade, JOB).result().passed


def test_names_an_invalid_test_file_by_its_local_path(cluster: Cluster, tmp_path: Path) -> None:
    course = make_course(tmp_path)
    with open(course / "solutions/toolbox/test_hidden.py", "a", encoding="utf-8") as file:
        file.write("\nimport no_such_module\n")
    sentence = refused(course, tmp_path, cluster.address)
    assert "says: solutions/toolbox/test_hidden.py" in sentence
    assert "no_such_module" in sentence


def test_an_interrupted_batch_cleans_up_the_cluster(
    cluster: Cluster, course: Path, held: tuple[Path, dict[str, object]], closed: Path, tmp_path: Path
) -> None:
    submissions, results = held
    out = tmp_path / "out"
    with running(course, submissions, "--out", out, "--cluster", cluster.address) as process:
        wait_until(lambda: entries(out) >= 1, process)
        process.send_signal(signal.SIGINT)
        _, complained = process.communicate()
    assert process.returncode == 130
    stopped = f"error: Stopped; {entries(out)} of {len(HELD)} grades are kept."
    assert complaints(complained) == f"{stopped} Run the same command again to resume.\n"
    assert cluster.judging() == []
    assert sorted(cluster.names()) == ["alone", "nursed"]
    closed.touch()
    again = batch(course, submissions, "--out", out, "--quiet", "--cluster", cluster.address)
    assert again.returncode == 0, again.stderr
    assert untimed(out) == results


def test_a_killed_batch_cleans_up_the_cluster(
    cluster: Cluster, course: Path, held: tuple[Path, dict[str, object]], closed: Path, tmp_path: Path
) -> None:
    submissions, _ = held
    out = tmp_path / "out"
    with running(course, submissions, "--out", out, "--cluster", cluster.address) as process:
        wait_until(lambda: entries(out) >= 1, process)
        assert cluster.judging()
        process.kill()
    until(lambda: cluster.judging() == [])
    assert sorted(cluster.names()) == ["alone", "nursed"]


def test_a_lost_worker_loses_no_result(
    course: Path, held: tuple[Path, dict[str, object]], closed: Path, tmp_path: Path
) -> None:
    """Make Dask give up a job with the first worker that dies with it."""
    submissions, results = held
    out = tmp_path / "out"
    with started(tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as cluster:
        lost, _ = cluster.worker("lost"), cluster.worker("other")
        cluster.has("lost", "other")
        with running(course, submissions, "--out", out, "--cluster", cluster.address, "--quiet") as process:
            wait_until(lambda: entries(out) >= 1 and len(judging(lost.pid)) >= 2, process)
            orphans = judging(lost.pid)
            lost.kill()
            closed.touch()
            _, complained = process.communicate()
        assert (process.returncode, complained) == (0, "")
        assert orphans
        assert untimed(out) == results
        until(lambda: not any(map(alive, orphans)))


def test_installs_the_course_on_a_worker_that_joins(
    course: Path, held: tuple[Path, dict[str, object]], closed: Path, tmp_path: Path
) -> None:
    submissions, results = held
    out = tmp_path / "out"
    with started(tmp_path) as cluster:
        first = cluster.worker("first")
        cluster.has("first")
        with running(course, submissions, "--out", out, "--cluster", cluster.address, "--quiet") as process:
            wait_until(lambda: entries(out) >= 1, process)
            first.send_signal(signal.SIGSTOP)  # it grades no more, and the batch waits
            cluster.worker("second")
            cluster.has("second")
            assert entries(out) < len(HELD)
            first.kill()
            closed.touch()
            _, complained = process.communicate()
        assert (process.returncode, complained) == (0, "")
        assert untimed(out) == results


def test_reports_a_lost_scheduler_and_keeps_grades(
    course: Path, held: tuple[Path, dict[str, object]], closed: Path, tmp_path: Path
) -> None:
    submissions, results = held
    out = tmp_path / "out"
    with started(tmp_path) as cluster:
        cluster.worker("only")
        cluster.has("only")
        with running(course, submissions, "--out", out, "--cluster", cluster.address, "--quiet") as process:
            wait_until(lambda: entries(out) >= 1, process)
            cluster.scheduler.kill()
            _, complained = process.communicate()
    assert process.returncode == 2
    assert re.fullmatch(r"error: The scheduler at \S+ is lost\. .*\n", complained), complained
    assert 1 <= entries(out) < len(HELD)
    closed.touch()
    again = batch(course, submissions, "--out", out)
    assert "from before the interruption" in again.stdout
    assert untimed(out) == results


def test_refuses_a_worker_with_another_version(course: Path, bundle: CourseBundle, tmp_path: Path) -> None:
    with started(tmp_path) as cluster:
        with (
            pytest.raises(UsageError, match=r"had no workers for 0\.1 s; start some"),
            cluster_pool(cluster.address, bundle, confined=True, workers_timeout=0.1),
        ):
            pass
        fitting = cluster.worker("fitting")
        cluster.has("fitting")
        with cluster_pool(cluster.address, bundle, confined=True) as pool:
            cluster.worker("other", preload=OTHER_VERSION)  # joins later: its jobs say so
            cluster.has("other")
            executor: Any = pool.executor  # Dask's, which takes workers
            with pytest.raises(UsageError, match="could not take the course; its log says why"):
                executor.submit(pool.grade, JOB, workers=["other"]).result()
            assert executor.submit(pool.grade, JOB, workers=["fitting"]).result().passed
        sentence = refused(course, tmp_path, cluster.address)
        assert judging(fitting.pid) == []
    assert re.match(r"error: The worker \S+ has archgrade 0\.0\.1\+\w+, .*; install the same on both\.", sentence)


def test_reports_a_worker_that_cannot_confine(course: Path, tmp_path: Path) -> None:
    with started(tmp_path) as cluster:
        cluster.worker("open", preload=UNCONFINED)
        cluster.has("open")
        assert "--isolation process grades anyway" in refused(course, tmp_path, cluster.address)
        out, submissions = tmp_path / "out", tmp_path / "submissions"
        words = ["--cluster", cluster.address, "--isolation", "process", "--quiet"]
        assert batch(course, submissions, "--out", out, *words).returncode == 0
    assert untimed(out)["ada"]["isolation"]["kind"] == "process"


def test_reports_a_missing_scheduler(course: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:  # a port at which nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert f"There is no Dask scheduler at {address}: " in refused(course, tmp_path, address)


@pytest.mark.parametrize("address", ["carrier-pigeon://loft", "tls://127.0.0.1:8786", "tcp://127.0.0.1:port"])
def test_reports_an_invalid_address(address: str, course: Path, tmp_path: Path) -> None:
    assert f"There is no Dask scheduler at {address}: " in refused(course, tmp_path, address)


def test_says_what_to_install_without_dask(course: Path, tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('not here')\n", "utf-8")
    submissions = hand_in(tmp_path, {"ada": REFERENCE})
    run = subprocess.run(
        command(course, submissions, "--out", tmp_path / "out", "--quiet", "--cluster", "tcp://127.0.0.1:1"),
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "error: A cluster needs Dask: pip install 'archgrade[dask]'.\n"
