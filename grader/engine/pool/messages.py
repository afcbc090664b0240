"""What the warm process is asked, and what it tells: one datagram each."""

from datetime import datetime
from typing import TypeAlias

import msgspec

from grader.base.result import Isolation

MAX_REQUEST = 64 << 10


class Prepare(msgspec.Struct, frozen=True, tag="prepare"):
    """The first request. `forbidden` are folders that no worker may be able to read.

    `many`: so many workers will be forked that it pays to make the memory cheap to copy. `optim`: they will use
    torch.optim.
    """

    forbidden: list[str]
    many: bool
    optim: bool


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """It can fork; or it cannot confine what it forks, and `fault` says why."""

    isolation: Isolation
    fault: str | None


class StartJudge(msgspec.Struct, frozen=True, tag="judge"):
    """Fork a judge; with the request come its channel, and where it prints to."""


class StartWorker(msgspec.Struct, frozen=True, tag="worker"):
    """Fork a worker with so much memory, in bytes, beyond the warm process's, and so many seconds of CPU."""

    memory: int
    cpu_seconds: int


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Say what you are."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End, whoever is served. The answer is the end of the connection."""


class Started(msgspec.Struct, frozen=True, tag="started"):
    """With a worker come three descriptors: channel, output, pidfd."""

    pid: int


class End(msgspec.Struct, frozen=True, tag="end"):
    """Kill a worker, if it still runs, and reap it."""

    pid: int


class EndJudge(msgspec.Struct, frozen=True, tag="end_judge"):
    """Kill a judge and its workers, if they still run, and tell how it ended."""

    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """How a worker or a judge ended: `status` as of `os.waitpid`."""

    status: int
    cpu_seconds: float


class About(msgspec.Struct, frozen=True, tag="about"):
    """What a warm process says of itself: with bytes of memory, and how many judges work for it."""

    pid: int
    since: datetime
    python: str
    torch: str
    memory: int
    judges: int


Ask: TypeAlias = Prepare | StartJudge | StartWorker | End | EndJudge | Look | Stop
Tell: TypeAlias = Ready | Started | Ended | About

encode = msgspec.msgpack.Encoder().encode
decode_ask: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)
decode_tell: msgspec.msgpack.Decoder[Tell] = msgspec.msgpack.Decoder(Tell)
