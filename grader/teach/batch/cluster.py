"""A pool of Dask workers. They receive the course once, and need no access to this machine's disk."""

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
from grader.teach.batch.bundle import CourseBundle, engine_version, unpack_bundle
from grader.teach.batch.host import Host, close_host, grade_job, open_host
from grader.teach.batch.pool import Pool

try:
    from distributed import Client, SchedulerPlugin, Security, WorkerPlugin
    from distributed.comm.core import connect
except ImportError:
    raise UsageError("A cluster needs Dask: pip install 'archgrade[dask]'.") from None

_CONNECT_TIMEOUT = 5.0  # seconds to connect to the scheduler
_WORKERS_TIMEOUT = 60.0  # seconds to wait for the first worker
_MIN_SLOTS = 64  # so that workers which join later find jobs

T = TypeVar("T")


class _CoursePlugin(WorkerPlugin):
    """A course in a worker's process. Dask also installs it on workers that join or restart later."""

    def __init__(self, name: str, bundle: CourseBundle, *, confined: bool):
        self.name = name
        self._shipment = msgspec.msgpack.encode(bundle)
        self._confined = confined
        self._versions = _versions()

    def setup(self, worker: Any) -> None:
        """Unpack the course into the worker's folder, which Dask removes even if the worker is killed.

        Judges start with the first job. Raise UsageError if the worker has other versions than this machine.
        """
        self._opened = ExitStack()
        here = _versions()
        if here != self._versions:
            raise UsageError(
                f"The worker {worker.address} has {here}, and this machine {self._versions}; install the same on both."
            )
        temporary = TemporaryDirectory(prefix="archgrade-", dir=worker.local_directory)
        folder = Path(self._opened.enter_context(temporary))
        materials = unpack_bundle(msgspec.msgpack.decode(self._shipment, type=CourseBundle), folder)
        self._opened.callback(close_host, self.name)
        open_host(self.name, Host(materials, folder, confined=self._confined))

    def teardown(self, worker: Any) -> None:
        """Kill the judges and remove the course, at the end of the batch or of the worker."""
        self._opened.close()


class _CourseCleanup(SchedulerPlugin):
    """A plugin of the scheduler that removes a course from the workers once its client is gone, even if killed."""

    def __init__(self, client: str, course: str):
        self.name = f"{course}-cleanup"
        self._client = client
        self._course = course

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Remove the course if its client is gone; Dask calls this for every client, even a killed one."""
        if client == self._client:
            scheduler.remove_plugin(self.name)
            if self._course in scheduler.worker_plugins:
                self._removal = asyncio.ensure_future(scheduler.unregister_worker_plugin(None, self._course))


class _ClusterExecutor(Executor):
    """Dask's executor, which refuses jobs once the scheduler is lost: a retry would wait forever."""

    def __init__(self, client: Client, address: str):
        self._client = client
        self._address = address
        self._executor = client.get_executor(pure=False)  # submitting a job again is a retry: do not reuse its result

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Submit a call. Raise UsageError if the scheduler is lost."""
        if self._client.status != "running":
            raise UsageError(
                f"The scheduler at {self._address} is lost. Grades so far are kept; "
                "run the same command again to resume."
            )
        future: Future[T] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut down Dask's executor."""
        self._executor.shutdown(wait=wait)


@contextmanager
def cluster_pool(
    address: str,
    bundle: CourseBundle,
    *,
    confined: bool,
    connect_timeout: float = _CONNECT_TIMEOUT,
    workers_timeout: float = _WORKERS_TIMEOUT,
) -> Iterator[Pool]:
    """Open a pool of the workers of the Dask scheduler at `address`. Timeouts are in seconds.

    Raise UsageError if the scheduler cannot be reached, if no worker joins in time, or if one has other versions.
    """
    with _silenced(), _connect(address, connect_timeout) as client:
        try:
            client.wait_for_workers(1, timeout=workers_timeout)
        except TimeoutError:
            raise UsageError(
                f"The scheduler at {address} had no workers for {workers_timeout:g} s; start some."
            ) from None
        course = _CoursePlugin(f"archgrade-{bundle.hash}-{client.id}", bundle, confined=confined)
        executor = _ClusterExecutor(client, address)
        try:
            _install(client, course, address)
            threads = sum(client.nthreads().values())
            yield Pool(executor, partial(grade_job, course.name), max(2 * threads, _MIN_SLOTS))
        finally:
            if client.status == "running":
                executor.shutdown(wait=False)
                with contextlib.suppress(Exception):  # a worker may just be getting lost
                    client.unregister_worker_plugin(course.name)


@contextmanager
def _silenced() -> Iterator[None]:
    """Silence logs and warnings: each problem of Dask ends in a result, a retry or an error message."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)


def _connect(address: str, timeout: float) -> Client:
    try:
        asyncio.run(_try_to_connect(address, timeout))
        return Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # the latter two if TLS is set up wrongly
        raise UsageError(f"There is no Dask scheduler at {address}: {_one_line(error)}.") from None


async def _try_to_connect(address: str, timeout: float) -> None:
    """Raise the error of connecting to an address; a Client that fails would complain again when Python exits."""
    comm = await connect(address, timeout=timeout, **Security().get_connection_args("client"))
    await comm.close()


def _install(client: Client, course: _CoursePlugin, address: str) -> None:
    try:
        with contextlib.suppress(Exception):  # a scheduler without archgrade cannot clean up after a killed batch
            client.register_plugin(_CourseCleanup(client.id, course.name))
        client.register_plugin(course)
    except UsageError:
        raise
    except Exception as error:  # a worker without this archgrade may raise anything
        raise UsageError(f"A worker of {address} cannot take the course: {_one_line(error)}.") from None


def _versions() -> str:
    """Return the versions that are recorded with a score, and must be the same on each worker."""
    try:
        torch = f"torch {version('torch')}"
    except PackageNotFoundError:
        torch = "no torch"
    return f"archgrade {engine_version()}, Python {platform.python_version()} and {torch}"


def _one_line(error: Exception) -> str:
    """Return an exception's message on one line, without a period at the end."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
