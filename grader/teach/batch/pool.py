"""Where jobs are graded: a `concurrent.futures.Executor`, on this machine or on a cluster."""

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
    """An executor, and what it is given to run. `slots`: jobs to hand it ahead, so that nobody waits for the next."""

    executor: Executor
    grade: Callable[[Job], Result]
    slots: int


@contextmanager
def local_pool(materials: Sequence[Materials], forbidden: Path, count: int, *, confined: bool) -> Iterator[Pool]:
    """`count` judges on this machine, each asked by a thread. They are started with the first job."""
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
