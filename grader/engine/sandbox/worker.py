"""A worker: the confined process that runs one submission, asked by the judge over a channel."""

import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import torch

from grader.engine.sandbox import channel
from grader.engine.sandbox.describe import see
from grader.engine.sandbox.executor import Servant
from grader.engine.sandbox.starter import DUMP_SIGNAL
from grader.engine.sandbox.wire import Begin, Load, Sample, Unsendable, WireError, decode_request, encode

SAMPLES = 20  # times that a worker looks at itself within the limit of a test


class _Sampler:
    """Tells the judge every so often where the student's code is, for the report of a call that does not end."""

    def __init__(self, sock: socket.socket, files: Set[str]):
        self._sock = sock
        self._files = files  # names of the student's files
        self._interval = 0.0
        self._watching = False

    @contextmanager
    def watch(self, interval: float) -> Iterator[None]:
        signal.signal(signal.SIGALRM, self._look)  # whatever the student's code has set in an earlier call
        self._watching = True
        signal.setitimer(signal.ITIMER_REAL, interval, interval)
        try:
            yield
        finally:
            self._watching = False  # from here on the channel belongs to the reply
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, _: int, frame: FrameType | None) -> None:
        seen = _innermost(frame, self._files)
        if not self._watching or seen is None:
            return
        self._watching = False  # the next signal may come before this frame is sent
        try:
            sample = encode(Sample(see(seen, seen.f_lineno)))
        except Exception:  # near the limit of recursion, or locals that resist: not for the student's code to see
            sample = None
        if sample is not None:
            _send(self._sock, sample)
        self._watching = True


def _innermost(frame: FrameType | None, files: Set[str]) -> FrameType | None:
    """The innermost frame of one of these files, from `frame` outwards."""
    while frame is not None and frame.f_code.co_filename not in files:
        frame = frame.f_back
    return frame


def _send(sock: socket.socket, meta: bytes, blobs: Sequence[Any] = ()) -> None:
    """Sends to the judge. Where that is gone, or the student's code has closed the channel, this is the end."""
    try:
        channel.send(sock, meta, blobs)
    except (channel.ChannelClosed, OSError):
        os._exit(channel.CUT_OFF)


def serve(sock: socket.socket, limit: int) -> NoReturn:
    """Answers requests until the judge hangs up. `limit` bounds the bytes of tensors in one reply."""
    os.dup2(1, 2)
    printed = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stdout = printed
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    faulthandler.register(DUMP_SIGNAL, file=2, all_threads=False)
    # Students paste this call; starting a thread is refused here, and libgomp ends the process when it is.
    torch.set_num_threads = torch.set_num_interop_threads = lambda _: None  # type: ignore[assignment]

    servant = Servant(limit)
    sampler = _Sampler(sock, servant.files)
    interval = 1.0
    while True:
        try:
            meta, blob = channel.receive(sock)
        except channel.ChannelClosed:
            os._exit(0)
        except OSError:  # the student's code has closed it
            os._exit(channel.CUT_OFF)
        request = decode_request(meta)
        if isinstance(request, Load):
            interval = request.seconds / SAMPLES
        if isinstance(request, Begin):
            servant.begin(request.seed)
            continue
        with sampler.watch(interval):
            reply, blobs = servant.handle(request, blob)
        try:
            meta = encode(reply)
        except WireError as error:
            meta, blobs = encode(Unsendable(getattr(request, "id", 0), str(error))), []
        with suppress(OSError, ValueError):  # the student's code has closed it
            printed.flush()
        _send(sock, meta, blobs)
        del request, blob, reply, blobs  # a large one would lie beside the next
