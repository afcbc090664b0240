"""Grading on a Dask cluster: its workers get the course once, by its hash, and need nothing of this machine's disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from grader.batch.host import Host, close_host, grade_job, open_host
from grader.batch.pool import Pool
from grader.batch.shipment import Shipment, engine, unpack
from grader.errors import UsageError

try:
    from distributed import Client, WorkerPlugin
except ImportError:
    raise UsageError("A cluster needs Dask: pip install 'archgrade[dask]'.") from None

_CONNECT = 10  # seconds until a scheduler counts as absent
_WORKERS = 60  # seconds to wait for the first worker


class _Course(WorkerPlugin):
    """A course in a worker's process. Dask also gives it to workers that join or come back later."""

    def __init__(self, shipment: Shipment, confined: bool):
        self.name = f"archgrade-{shipment.hash}"
        self._shipment = msgspec.msgpack.encode(shipment)
        self._hash = shipment.hash
        self._confined = confined
        self._engine = engine()

    def setup(self, worker: Any) -> None:
        if engine() != self._engine:
            raise UsageError(
                f"The worker {worker.address} has archgrade {engine()}, and this machine {self._engine}; "
                "install the same one on both."
            )
        self._folder = tempfile.TemporaryDirectory(prefix="archgrade-")
        folder = Path(self._folder.name)
        materials = unpack(msgspec.msgpack.decode(self._shipment, type=Shipment), folder)
        open_host(self._hash, Host(materials, folder, confined=self._confined))

    def teardown(self, worker: Any) -> None:
        close_host(self._hash)
        self._folder.cleanup()


@contextmanager
def cluster_pool(address: str, shipment: Shipment, *, confined: bool) -> Iterator[Pool]:
    """The workers of the Dask scheduler at `address`. UsageError where there is none, or it has no fitting workers."""
    try:
        client = Client(address, timeout=_CONNECT)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"There is no Dask scheduler at {address}: {reason}.") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_WORKERS)
        except TimeoutError:
            raise UsageError(f"The scheduler at {address} has had no workers for {_WORKERS} s; start some.") from None
        course = _Course(shipment, confined)
        client.register_plugin(course)
        executor = client.get_executor()
        try:
            yield Pool(executor, partial(grade_job, shipment.hash), 2 * sum(client.nthreads().values()))
        finally:
            executor.shutdown(wait=False)
            client.unregister_worker_plugin(course.name)
