"""Pools: executors that grade jobs on this machine or on a cluster."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.base.result import Result
from grader.engine.judge.messages import Job, Materials
from grader.teach.batch.host import Host


@dataclass(frozen=True)
class Pool:
    """An executor, and the function to submit to it."""

    executor: Executor
    grade: Callable[[Job], Result]
    slots: int  # jobs to submit ahead, so that no worker is idle


@contextmanager
def local_pool(materials: Sequence[Materials], forbidden: Path, count: int, *, confined: bool) -> Iterator[Pool]:
    """Open a pool of `count` threads, each with a judge on this machine that starts with the first job."""
    host = Host(materials, forbidden, confined=confined)
    executor = ThreadPoolExecutor(count, thread_name_prefix="judge")
    try:
        yield Pool(executor, host.grade, 2 * count)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        host.kill()
        raise
    finally:
        executor.shutdown()
        host.close()
