"""The requests to the warm process and its responses: one datagram each."""

from datetime import datetime
from typing import TypeAlias

import msgspec

from grader.base.result import Isolation

MAX_DATAGRAM = 64 << 10  # bytes


class Prepare(msgspec.Struct, frozen=True, tag="prepare"):
    """The first request: make the rules that confine workers.

    `forbidden` are folders that no worker may be able to read. `many`: so many workers will be forked that making the
    memory cheap to copy pays off. `optim`: they will use torch.optim.
    """

    forbidden: list[str]
    many: bool
    optim: bool


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The response to `Prepare`. `fault`: why workers cannot be confined as asked; None if they can be forked."""

    isolation: Isolation
    fault: str | None


class StartJudge(msgspec.Struct, frozen=True, tag="judge"):
    """Fork a judge. Two descriptors come with the request: the judge's channel, and where it prints."""


class StartWorker(msgspec.Struct, frozen=True, tag="worker"):
    """Fork a worker that may use `memory` bytes more than the warm process, and so many seconds of CPU."""

    memory: int
    cpu_seconds: int


class GetStatus(msgspec.Struct, frozen=True, tag="get_status"):
    """Report the status of the warm process."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End, even if others are being served. The response is the end of the connection."""


class Started(msgspec.Struct, frozen=True, tag="started"):
    """A judge or worker was forked. Three descriptors come with a worker: channel, output, pidfd."""

    pid: int


class EndWorker(msgspec.Struct, frozen=True, tag="end_worker"):
    """Kill a worker if it still runs, and reap it."""

    pid: int


class EndJudge(msgspec.Struct, frozen=True, tag="end_judge"):
    """Kill a judge and its workers if they still run, and report how the judge ended."""

    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """How a worker or a judge ended. `status` is that of `os.waitpid`."""

    status: int
    cpu_seconds: float


class Status(msgspec.Struct, frozen=True, tag="status"):
    """The status of a warm process: its memory in bytes, and how many judges it has forked that still run."""

    pid: int
    since: datetime
    python: str
    torch: str
    memory: int
    judges: int


PoolRequest: TypeAlias = Prepare | StartJudge | StartWorker | EndWorker | EndJudge | GetStatus | Stop
PoolResponse: TypeAlias = Ready | Started | Ended | Status

encode = msgspec.msgpack.Encoder().encode
request_decoder: msgspec.msgpack.Decoder[PoolRequest] = msgspec.msgpack.Decoder(PoolRequest)
response_decoder: msgspec.msgpack.Decoder[PoolResponse] = msgspec.msgpack.Decoder(PoolResponse)
