"""Grading on a Dask cluster: its workers get the course once, by its hash, and need nothing of this machine's disk."""

import asyncio
import contextlib
import logging
import platform
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec

from grader.base.errors import UsageError
from grader.teach.batch.host import Host, close_host, grade_job, open_host
from grader.teach.batch.pool import Pool
from grader.teach.batch.shipment import Shipment, engine, unpack

try:
    from distributed import Client, SchedulerPlugin, Security, WorkerPlugin
    from distributed.comm.core import connect
except ImportError:
    raise UsageError("A cluster needs Dask: pip install 'archgrade[dask]'.") from None

_CONNECT = 5.0  # seconds until a scheduler counts as absent
_WORKERS = 60.0  # seconds to wait for the first worker
_AHEAD = 64  # jobs to hand out at least, so that workers which join find some

T = TypeVar("T")


class _Course(WorkerPlugin):
    """A course in a worker's process. Dask also gives it to workers that join or come back later."""

    def __init__(self, name: str, shipment: Shipment, *, confined: bool):
        self.name = name
        self._shipment = msgspec.msgpack.encode(shipment)
        self._confined = confined
        self._versions = _versions()

    def setup(self, worker: Any) -> None:
        """Unpacks the course where Dask clears away what a killed worker leaves. Judges start with the first job."""
        self._opened = ExitStack()
        here = _versions()
        if here != self._versions:
            raise UsageError(
                f"The worker {worker.address} has {here}, and this machine {self._versions}; install the same on both."
            )
        temporary = TemporaryDirectory(prefix="archgrade-", dir=worker.local_directory)
        folder = Path(self._opened.enter_context(temporary))
        materials = unpack(msgspec.msgpack.decode(self._shipment, type=Shipment), folder)
        self._opened.callback(close_host, self.name)
        open_host(self.name, Host(materials, folder, confined=self._confined))

    def teardown(self, worker: Any) -> None:
        """The batch is over, or the worker ends."""
        self._opened.close()


class _Departure(SchedulerPlugin):
    """On the scheduler: takes a course from the workers once the client that brought it is gone, however it went."""

    def __init__(self, client: str, course: str):
        self.name = f"{course}-departure"
        self._client = client
        self._course = course

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Dask calls it for every client, also for one that was killed."""
        if client == self._client:
            scheduler.remove_plugin(self.name)
            if self._course in scheduler.worker_plugins:
                self._taking = asyncio.ensure_future(scheduler.unregister_worker_plugin(None, self._course))


class _Jobs(Executor):
    """Dask's executor. Once the scheduler is lost it takes no more jobs: a retry would wait for ever."""

    def __init__(self, client: Client, address: str):
        self._client = client
        self._address = address
        self._executor = client.get_executor(pure=False)  # the same job again is a retry, and not a known result

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if self._client.status != "running":
            raise UsageError(
                f"The scheduler at {self._address} is gone. What was graded is kept; "
                "the same command goes on where it was."
            )
        future: Future[T] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait)


@contextmanager
def cluster_pool(
    address: str, shipment: Shipment, *, confined: bool, reach: float = _CONNECT, workers: float = _WORKERS
) -> Iterator[Pool]:
    """The workers of the Dask scheduler at `address`.

    UsageError where there is none within `reach` seconds, or no worker within `workers` seconds, or one that does
    not fit.
    """
    with _quiet(), _client(address, reach) as client:
        try:
            client.wait_for_workers(1, timeout=workers)
        except TimeoutError:
            raise UsageError(f"The scheduler at {address} has had no workers for {workers:g} s; start some.") from None
        course = _Course(f"archgrade-{shipment.hash}-{client.id}", shipment, confined=confined)
        executor = _Jobs(client, address)
        try:
            _hand_out(client, course, address)
            threads = sum(client.nthreads().values())
            yield Pool(executor, partial(grade_job, course.name), max(2 * threads, _AHEAD))
        finally:
            if client.status == "running":
                executor.shutdown(wait=False)
                with contextlib.suppress(Exception):  # of a worker that is just being lost
                    client.unregister_worker_plugin(course.name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Whatever Dask logs and warns of here ends in a result, a retry or one sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)


def _client(address: str, timeout: float) -> Client:
    try:
        asyncio.run(_reach(address, timeout))
        return Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # the latter two where TLS is not set up as asked
        raise UsageError(f"There is no Dask scheduler at {address}: {_words(error)}.") from None


async def _reach(address: str, timeout: float) -> None:
    """Raises what is wrong with an address; a Client that fails so would complain again when Python ends."""
    comm = await connect(address, timeout=timeout, **Security().get_connection_args("client"))
    await comm.close()


def _hand_out(client: Client, course: _Course, address: str) -> None:
    try:
        with contextlib.suppress(Exception):  # a scheduler without archgrade: only a killed batch leaves something then
            client.register_plugin(_Departure(client.id, course.name))
        client.register_plugin(course)
    except UsageError:
        raise
    except Exception as error:  # whatever a worker without this archgrade makes of it
        raise UsageError(f"A worker of {address} cannot take the course: {_words(error)}.") from None


def _versions() -> str:
    """All that is recorded with a score, and must therefore be the same on each worker."""
    try:
        torch = f"torch {version('torch')}"
    except PackageNotFoundError:
        torch = "no torch"
    return f"archgrade {engine()}, Python {platform.python_version()} and {torch}"


def _words(error: Exception) -> str:
    """What an exception says, on one line and without a full stop."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
