"""Frames over a stream socket: a header, the meta of a message, and a blob.

Where memory can be shared, a large blob does not go through the socket: one byte is sent instead, with the descriptor
of the memory. Only the trusted side (the judge) sends shared memory; what a worker sends is copied.
"""

import os
import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from grader.engine.sandbox.shared_memory import LARGE, Blob, allocate, attach, can_share, share

MAX_META = 1 << 20  # bytes of a message without its tensors
HEADER = struct.Struct("<IQ?")  # bytes of meta, bytes of blob, whether the blob is shared
CUT_OFF = 113  # exit code of a worker that finds its channel closed
MAX_POLL = 1.0  # seconds that a judge sleeps at most: each wake-up uses CPU time, which shows that it is not stuck
_CLOCK_TICKS = 0.05  # seconds within which the system's count of CPU time moves if a process runs
MAX_OUTPUT = 64 << 10  # bytes of a student's output that are kept between two requests
_CHUNK = 64 << 10
_READ = 16 << 10
_PIPE_CAPACITY = 64 << 10  # bytes
_MAX_BUFFERS = 512  # in one sendmsg; the system allows 1024


class ChannelClosed(Exception):
    """The other side is gone."""


class InvalidFrame(Exception):
    """Bytes that are not a frame, or that arrived without a request."""


class Late(Exception):
    """No answer by the deadline."""


def _bytes(blobs: Sequence[Any]) -> tuple[list[memoryview], int]:
    """Return the buffers of a blob as bytes, and the sum of their sizes."""
    views = [memoryview(blob).cast("B") for blob in blobs]
    return views, sum(view.nbytes for view in views)


def _skip(views: list[memoryview], sent: int) -> list[memoryview]:
    """Return what is left of the buffers after the first `sent` bytes."""
    for position, view in enumerate(views):
        if sent < view.nbytes:
            return [view[sent:], *views[position + 1 :]]
        sent -= view.nbytes
    return []


def send(sock: socket.socket, meta: bytes, blobs: Sequence[Any] = ()) -> None:
    """Send a frame over a blocking socket. Raise ChannelClosed."""
    views, size = _bytes(blobs)
    views.insert(0, memoryview(HEADER.pack(len(meta), size, False) + meta))
    try:
        while views:
            views = _skip(views, sock.sendmsg(views[:_MAX_BUFFERS]))
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ChannelClosed from error


def receive(sock: socket.socket) -> tuple[bytes, Blob]:
    """Receive a frame from a trusted peer over a blocking socket. Raise ChannelClosed at the end of the stream."""
    header = bytearray(HEADER.size)
    _fill(sock, [memoryview(header)])
    meta_size, blob_size, shared = HEADER.unpack(header)
    meta = bytearray(meta_size)
    if shared:
        _fill(sock, [memoryview(meta)])
        return bytes(meta), _receive_shared(sock, blob_size)
    blob = allocate(blob_size)
    _fill(sock, [memoryview(meta), memoryview(blob)])
    return bytes(meta), blob


def _receive_shared(sock: socket.socket, size: int) -> Blob:
    """Receive a descriptor of shared memory, and map it."""
    byte, descriptors, _, _ = socket.recv_fds(sock, 1, 1)
    if not byte or not descriptors:
        raise ChannelClosed
    return attach(descriptors[0], size)


def _fill(sock: socket.socket, views: list[memoryview]) -> None:
    while views := [view for view in views if view.nbytes]:
        count = sock.recvmsg_into(views)[0]
        if not count:
            raise ChannelClosed
        views = _skip(views, count)


class WorkerChannel:
    """The judge's end: requests to a process that may answer late, incorrectly, at length or not at all.

    Everything is bounded in time and size, and what the process prints is read meanwhile, so that the two sides cannot
    block each other.
    """

    def __init__(
        self,
        sock: socket.socket,
        output: int,
        pidfd: int | None,
        limit: int,
        waited: Callable[[], float] = lambda: 0.0,
        more: Callable[[], float] = lambda: 0.0,
        cpu_if_runnable: Callable[[], int | None] = lambda: None,
    ):
        """Take over the descriptors.

        Args:
            sock: The socket to the worker.
            output: The pipe that the worker prints to.
            pidfd: Becomes readable when the worker ends. Without it, a closed socket means that it ended.
            limit: Bytes of a blob from the worker.
            waited: Returns seconds that the worker waited for a CPU, which are added to every deadline.
            more: Returns further seconds; called when the deadline of an answer is over in spite of `waited`.
            cpu_if_runnable: Returns the CPU time of the worker if it could run now. While that stands still, no
                answer is late: the system counts the time that a process waited for a CPU only when it gets one.
        """
        self._sock = sock
        self._output = output
        self._pidfd = pidfd
        self._limit = limit
        self._waited = waited
        self._more = more
        self._cpu_if_runnable = cpu_if_runnable
        self._held = b""  # frames to send with the next one
        self._unread = bytearray()  # received and not returned yet
        self._chunk = memoryview(bytearray(_CHUNK))
        self._printed = bytearray()
        self._dropped = 0
        self._is_output_open = True
        self._poll = select.poll()
        self._poll.register(output, select.POLLIN)
        if pidfd is not None:
            self._poll.register(pidfd, select.POLLIN)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)  # else a byte sent with MSG_OOB is never read
        os.set_blocking(output, False)

    def is_late(self, deadline: float) -> bool:
        """Return whether the deadline of an answer is over, with all extensions."""
        return self._left_to_answer(deadline) <= 0

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        return left if left > 0 else left + self._waited()

    def _left_to_answer(self, deadline: float) -> float:
        left = self._left(deadline)
        return left if left > 0 else left + self._more()

    def close(self) -> None:
        """Close all descriptors."""
        self._sock.close()
        os.close(self._output)
        if self._pidfd is not None:
            os.close(self._pidfd)

    def hold(self, meta: bytes) -> None:
        """Keep a frame that gets no answer, to send it with the next one: the worker wakes up once for both."""
        self._held += HEADER.pack(len(meta), 0, False) + meta

    def send(self, meta: bytes, blobs: Sequence[Any], deadline: float) -> None:
        """Send the held frames and then this one.

        Raise InvalidFrame if the worker sent anything without a request. Raise Late and ChannelClosed.
        """
        if self._unread or self._is_readable():
            raise InvalidFrame("an answer before the question")
        views, size = _bytes(blobs)
        shared = size >= LARGE and can_share()
        head = memoryview(self._held + HEADER.pack(len(meta), size, shared) + meta)
        self._held = b""
        if not shared:
            self._send([head, *views], deadline)
            return
        descriptor = share(views)
        try:
            self._send([head], deadline)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
            self._send([memoryview(b"\0")], deadline, rights)
        finally:
            os.close(descriptor)

    def _send(self, views: list[memoryview], deadline: float, rights: Sequence[Any] = ()) -> None:
        while views:
            try:
                views = _skip(views, self._sock.sendmsg(views[:_MAX_BUFFERS], rights))
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise ChannelClosed from error

    def receive(self, deadline: float) -> tuple[bytes, Blob]:
        """Receive a frame. Raise InvalidFrame if a size is out of bounds. Raise Late and ChannelClosed."""
        meta_size, blob_size, shared = HEADER.unpack(self._read(HEADER.size, deadline))
        if meta_size > MAX_META or blob_size > self._limit or shared:
            raise InvalidFrame(f"a frame of {meta_size:,} and {blob_size:,} bytes{' of shared memory' * shared}")
        return bytes(self._read(meta_size, deadline)), self._read(blob_size, deadline)

    def _read(self, size: int, deadline: float) -> Blob:
        """Return the next bytes of the stream, and keep what arrives beyond them."""
        data = allocate(size)
        view = memoryview(data)
        filled = min(size, len(self._unread))
        view[:filled] = self._unread[:filled]
        del self._unread[:filled]
        while filled < size:
            left = view[filled:]
            if left.nbytes > len(self._chunk):
                filled += self._receive_into(left, deadline)
                continue
            count = self._receive_into(self._chunk, deadline)
            used = min(count, left.nbytes)
            left[:used] = self._chunk[:used]
            self._unread += self._chunk[used:count]
            filled += used
        return data

    def _receive_into(self, view: memoryview, deadline: float) -> int:
        self._wait(select.POLLIN, deadline)
        try:
            count = self._sock.recv_into(view)
        except ConnectionResetError as error:
            raise ChannelClosed from error
        if not count:
            raise ChannelClosed
        return count

    def _is_readable(self) -> bool:
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        except ConnectionResetError as error:
            raise ChannelClosed from error

    def _wait(self, event: int, deadline: float) -> None:
        """Wait until the socket is ready, and read the output meanwhile. Raise Late, or ChannelClosed at the end."""
        self._poll.register(self._sock, event)
        while True:
            left = self._left_to_answer(deadline)
            ready = dict(self._poll.poll(min(max(0.0, left), MAX_POLL) * 1000))
            if left <= 0 and self._sock.fileno() not in ready:
                if self._waits_for_cpu() or not self.is_late(deadline):
                    continue
                raise Late
            if self._output in ready:
                self.drain()
                if not self._is_output_open:
                    self._poll.unregister(self._output)
            if self._sock.fileno() in ready:
                return
            if self._pidfd in ready:
                raise ChannelClosed

    def _waits_for_cpu(self) -> bool:
        """Return whether the worker could run and does not. Takes a few clock ticks."""
        before = self._cpu_if_runnable()
        if before is None:
            return False
        time.sleep(_CLOCK_TICKS)
        return self._cpu_if_runnable() == before

    def wait_for_end(self) -> None:
        """Wait until a process that is exiting has ended; return at once without a pidfd."""
        if self._pidfd is not None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            poll.poll()

    def wait_for_output(self, deadline: float) -> bool:
        """Wait until the worker prints something. Return False if it does not by the deadline, or cannot any more."""
        if not self._is_output_open:
            return False
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        while not (printed := bool(poll.poll(0))) and (left := self._left(deadline)) > 0:
            poll.poll(left * 1000)
        return printed

    def drain(self) -> None:
        """Read what the worker has printed: at most what a pipe holds, so that a worker cannot keep this busy."""
        for _ in range(_PIPE_CAPACITY // _READ + 1 if self._is_output_open else 0):
            try:
                chunk = os.read(self._output, _READ)
            except BlockingIOError:
                return
            if not chunk:
                self._is_output_open = False
                return
            space = MAX_OUTPUT - len(self._printed)
            self._printed += chunk[:space]
            self._dropped += max(0, len(chunk) - space)

    def take_output(self) -> tuple[bytes, int]:
        """Return what was printed since the last call: at most `MAX_OUTPUT` bytes, and how many more were dropped."""
        self.drain()
        taken = bytes(self._printed), self._dropped
        self._printed.clear()
        self._dropped = 0
        return taken
