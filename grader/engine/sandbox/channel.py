"""Frames over a stream socket: a header, the meta of a message, and a blob.

A large blob does not go through the socket where memory can be shared: in its place comes one byte, and with it the
descriptor of the memory. Only what is trusted sends one, judge to worker; the other way the bytes are copied.
"""

import os
import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from grader.engine.sandbox.shared_memory import LARGE, Blob, attach, can_share, room, share

MAX_META = 1 << 20  # bytes of a message beside its tensors
HEADER = struct.Struct("<IQ?")  # bytes of meta, bytes of blob, whether the blob is shared
CUT_OFF = 113  # exit code of a worker that finds its channel closed
SIGN_OF_LIFE = 1.0  # seconds for which a judge sleeps at most: who waits for it sees by its CPU time that it lives
_TURN = 0.05  # seconds within which the system tells that a process is running: its clock ticks
MAX_OUTPUT = 64 << 10  # bytes of a student's output that are kept between two questions
_CHUNK = 64 << 10
_READ = 16 << 10
_PIPE = 64 << 10  # bytes that a pipe holds
_BUFFERS = 512  # at most so many in one sendmsg; the system allows 1024


class ChannelClosed(Exception):
    """The other side is gone."""


class Garbage(Exception):
    """Bytes on the channel that are no frame, or that nobody asked for."""


class Late(Exception):
    """No answer by the deadline."""


def _bytes(blobs: Sequence[Any]) -> tuple[list[memoryview], int]:
    """The buffers of a blob byte by byte, and how many bytes they hold."""
    views = [memoryview(blob).cast("B") for blob in blobs]
    return views, sum(view.nbytes for view in views)


def _advance(views: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of buffers after `sent` bytes went out."""
    for place, view in enumerate(views):
        if sent < view.nbytes:
            return [view[sent:], *views[place + 1 :]]
        sent -= view.nbytes
    return []


def send(sock: socket.socket, meta: bytes, blobs: Sequence[Any] = ()) -> None:
    """Sends a frame over a blocking socket. Raises ChannelClosed."""
    views, size = _bytes(blobs)
    views.insert(0, memoryview(HEADER.pack(len(meta), size, False) + meta))
    try:
        while views:
            views = _advance(views, sock.sendmsg(views[:_BUFFERS]))
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ChannelClosed from error


def receive(sock: socket.socket) -> tuple[bytes, Blob]:
    """Receives a frame from a trusted peer over a blocking socket. Raises ChannelClosed at the end of the stream."""
    header = bytearray(HEADER.size)
    _fill(sock, [memoryview(header)])
    meta_size, blob_size, shared = HEADER.unpack(header)
    meta = bytearray(meta_size)
    if shared:
        _fill(sock, [memoryview(meta)])
        return bytes(meta), _attached(sock, blob_size)
    blob = room(blob_size)
    _fill(sock, [memoryview(meta), memoryview(blob)])
    return bytes(meta), blob


def _attached(sock: socket.socket, size: int) -> Blob:
    """The memory whose descriptor comes with the next byte."""
    byte, descriptors, _, _ = socket.recv_fds(sock, 1, 1)
    if not byte or not descriptors:
        raise ChannelClosed
    return attach(descriptors[0], size)


def _fill(sock: socket.socket, views: list[memoryview]) -> None:
    while views := [view for view in views if view.nbytes]:
        count = sock.recvmsg_into(views)[0]
        if not count:
            raise ChannelClosed
        views = _advance(views, count)


class Line:
    """The judge's end: questions to a process that may answer late, wrongly, hugely or not at all.

    Everything is bounded in time and size, and what the process prints is drained meanwhile, so that neither side can
    wait for the other for ever. `gone` is a descriptor that becomes readable when the process ends (a pidfd); without
    one the end is seen when the channel closes. `waited` gives seconds that do not count, since they were waited for a
    CPU: they are added to every deadline. When that of an answer is over in spite of them, `more` is asked for others.
    As long as the process could run, and what it has run (`has_run`) stands still, nothing is late: the system counts
    what is waited for a CPU only when there is one.
    """

    def __init__(
        self,
        sock: socket.socket,
        output: int,
        gone: int | None,
        limit: int,
        waited: Callable[[], float] = lambda: 0.0,
        more: Callable[[], float] = lambda: 0.0,
        has_run: Callable[[], int | None] = lambda: None,
    ):
        self._sock = sock
        self._output = output
        self._gone = gone
        self._limit = limit  # bytes of a blob
        self._waited = waited
        self._more = more
        self._has_run = has_run
        self._held = b""  # frames that go out with the next one
        self._ahead = bytearray()  # read and not yet taken
        self._chunk = memoryview(bytearray(_CHUNK))
        self._printed = bytearray()
        self._dropped = 0
        self._output_open = True
        self._poll = select.poll()
        self._poll.register(output, select.POLLIN)
        if gone is not None:
            self._poll.register(gone, select.POLLIN)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)  # else a byte that was sent MSG_OOB is never read
        os.set_blocking(output, False)

    def late(self, deadline: float) -> bool:
        """Whether the deadline of an answer is over."""
        return self._left_to_answer(deadline) <= 0

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        return left if left > 0 else left + self._waited()

    def _left_to_answer(self, deadline: float) -> float:
        left = self._left(deadline)
        return left if left > 0 else left + self._more()

    def close(self) -> None:
        """Closes all descriptors of the line."""
        self._sock.close()
        os.close(self._output)
        if self._gone is not None:
            os.close(self._gone)

    def hold(self, meta: bytes) -> None:
        """Keeps a frame that is not answered, to send it with the next one: the process is woken once for both."""
        self._held += HEADER.pack(len(meta), 0, False) + meta

    def send(self, meta: bytes, blobs: Sequence[Any], deadline: float) -> None:
        """Sends a frame, after those that were held.

        Raises Garbage if something lies unread on the channel, Late, ChannelClosed.
        """
        if self._ahead or self._readable():
            raise Garbage("an answer before the question")
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
                views = _advance(views, self._sock.sendmsg(views[:_BUFFERS], rights))
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise ChannelClosed from error

    def receive(self, deadline: float) -> tuple[bytes, Blob]:
        """Receives a frame. Raises Garbage where its sizes are out of bounds, Late, ChannelClosed."""
        meta_size, blob_size, shared = HEADER.unpack(self._take(HEADER.size, deadline))
        if meta_size > MAX_META or blob_size > self._limit or shared:
            raise Garbage(f"a frame of {meta_size:,} and {blob_size:,} bytes{' of shared memory' * shared}")
        return bytes(self._take(meta_size, deadline)), self._take(blob_size, deadline)

    def _take(self, size: int, deadline: float) -> Blob:
        """The next bytes of the stream. What was read beyond them is kept."""
        data = room(size)
        view = memoryview(data)
        filled = min(size, len(self._ahead))
        view[:filled] = self._ahead[:filled]
        del self._ahead[:filled]
        while filled < size:
            left = view[filled:]
            straight = left.nbytes > len(self._chunk)
            count = self._receive_into(left if straight else self._chunk, deadline)
            if not straight:
                taken = min(count, left.nbytes)
                left[:taken] = self._chunk[:taken]
                self._ahead += self._chunk[taken:count]
                count = taken
            filled += count
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

    def _readable(self) -> bool:
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        except ConnectionResetError as error:
            raise ChannelClosed from error

    def _wait(self, event: int, deadline: float) -> None:
        """Waits until the channel is ready, draining the output. Raises Late, or ChannelClosed if the process ended."""
        self._poll.register(self._sock, event)
        while True:
            left = self._left_to_answer(deadline)
            ready = dict(self._poll.poll(min(max(0.0, left), SIGN_OF_LIFE) * 1000))
            if left <= 0 and self._sock.fileno() not in ready:
                if self._gets_no_cpu() or not self.late(deadline):
                    continue
                raise Late
            if self._output in ready:
                self.drain()
                if not self._output_open:
                    self._poll.unregister(self._output)
            if self._sock.fileno() in ready:
                return
            if self._gone in ready:
                raise ChannelClosed

    def _gets_no_cpu(self) -> bool:
        """Whether the process could run and does not in a certain time, whatever it sends or prints meanwhile."""
        before = self._has_run()
        if before is None:
            return False
        time.sleep(_TURN)
        return self._has_run() == before

    def wait_for_end(self) -> None:
        """Waits for the end of a process that is ending; no longer where there is no descriptor to tell."""
        if self._gone is not None:
            poll = select.poll()
            poll.register(self._gone, select.POLLIN)
            poll.poll()

    def wait_for_output(self, deadline: float) -> bool:
        """Waits until the process prints something. False where it has not by the deadline, or cannot any more."""
        if not self._output_open:
            return False
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        while not (printed := bool(poll.poll(0))) and (left := self._left(deadline)) > 0:
            poll.poll(left * 1000)
        return printed

    def drain(self) -> None:
        """Takes in what the process has printed by now: what a pipe holds, and not what is added meanwhile."""
        for _ in range(_PIPE // _READ + 1 if self._output_open else 0):
            try:
                chunk = os.read(self._output, _READ)
            except BlockingIOError:
                return
            if not chunk:
                self._output_open = False
                return
            room = MAX_OUTPUT - len(self._printed)
            self._printed += chunk[:room]
            self._dropped += max(0, len(chunk) - room)

    def take_output(self) -> tuple[bytes, int]:
        """What was printed since the last time: at most `MAX_OUTPUT` bytes, and how many more were dropped."""
        self.drain()
        taken = bytes(self._printed), self._dropped
        self._printed.clear()
        self._dropped = 0
        return taken
