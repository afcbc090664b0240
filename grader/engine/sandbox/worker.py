"""The confined process that runs one submission and answers the judge's requests over a channel."""

import bdb
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
from grader.engine.sandbox.describe import describe_frame
from grader.engine.sandbox.executor import Executor
from grader.engine.sandbox.starter import DUMP_SIGNAL
from grader.engine.sandbox.wire import Begin, Load, Sample, Unsendable, WireError, decode_request, encode

SAMPLES = 20  # frames that a worker samples within the time limit of a test


class _Sampler:
    """Sends the current frame of the student's code periodically, for the report of a call that does not end."""

    def __init__(self, sock: socket.socket, files: Set[str]):
        self._sock = sock
        self._files = files  # names of the student's files
        self._is_active = False

    @contextmanager
    def sampling(self, interval: float) -> Iterator[None]:
        signal.signal(signal.SIGALRM, self._sample)  # again for each call: the student's code may have changed it
        self._is_active = True
        signal.setitimer(signal.ITIMER_REAL, interval, interval)
        try:
            yield
        finally:
            self._is_active = False  # the reply is sent next
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        seen = _innermost(frame, self._files)
        if not self._is_active or seen is None:
            return
        self._is_active = False  # the next signal may arrive before this frame is sent
        try:
            sample = encode(Sample(describe_frame(seen, seen.f_lineno)))
        except Exception:  # near the recursion limit, or locals that raise: the student's code must not see it
            sample = None
        if sample is not None:
            _send(self._sock, sample)
        self._is_active = True


def _innermost(frame: FrameType | None, files: Set[str]) -> FrameType | None:
    """Return the innermost frame of one of these files, from `frame` outwards."""
    while frame is not None and frame.f_code.co_filename not in files:
        frame = frame.f_back
    return frame


def _send(sock: socket.socket, meta: bytes, blobs: Sequence[Any] = ()) -> None:
    """Send a frame to the judge. Exit if it is gone, or if the student's code closed the channel."""
    try:
        channel.send(sock, meta, blobs)
    except (channel.ChannelClosed, OSError):
        os._exit(channel.CUT_OFF)


def _quit_debugger(*_: object, **__: object) -> NoReturn:
    """Raise BdbQuit, as pdb does if stdin is closed. From Python 3.14 on, pdb ends the process instead."""
    raise bdb.BdbQuit


def serve(sock: socket.socket, limit: int) -> NoReturn:
    """Answer requests until the judge disconnects. `limit` bounds the bytes of tensors in one reply."""
    os.dup2(1, 2)
    printed = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stdout = printed
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    faulthandler.register(DUMP_SIGNAL, file=2, all_threads=False)
    # Submissions may contain this call. Starting a thread fails here, and libgomp then ends the process.
    torch.set_num_threads = torch.set_num_interop_threads = lambda _: None  # type: ignore[assignment]
    sys.breakpointhook = _quit_debugger

    executor = Executor(limit)
    sampler = _Sampler(sock, executor.files)
    interval = 1.0
    while True:
        try:
            meta, blob = channel.receive(sock)
        except channel.ChannelClosed:
            os._exit(0)
        except OSError:  # the student's code closed the channel
            os._exit(channel.CUT_OFF)
        request = decode_request(meta)
        if isinstance(request, Load):
            interval = request.seconds / SAMPLES
        if isinstance(request, Begin):
            executor.begin(request.seed)
            continue
        with sampler.sampling(interval):
            reply, blobs = executor.handle(request, blob)
        try:
            meta = encode(reply)
        except WireError as error:
            meta, blobs = encode(Unsendable(getattr(request, "id", 0), str(error))), []
        with suppress(OSError, ValueError):  # the student's code closed it
            printed.flush()
        _send(sock, meta, blobs)
        del request, blob, reply, blobs  # free large ones before the next are received
