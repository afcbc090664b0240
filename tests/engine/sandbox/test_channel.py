"""The judge's end of a worker's channel: deadlines that a busy machine moves, and frames that go out together."""

import itertools
import os
import socket
import time
from collections.abc import Iterator

import pytest

from grader.engine.sandbox.channel import Late, WorkerChannel, receive, send

LONG = 60.0  # seconds


class Channel:
    """A worker's channel, its other end, and the times that it is told about."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        output, self.printed = os.pipe()
        self.waited = 0.0
        self.more = 0.0
        self.runs: Iterator[int | None] = itertools.repeat(None)  # the CPU time, each time that it is asked for
        self.judge = WorkerChannel(
            ours, output, None, 1 << 20, lambda: self.waited, lambda: self.more, lambda: next(self.runs)
        )

    def close(self) -> None:
        self.judge.close()
        self.theirs.close()
        os.close(self.printed)


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    channel.close()


def test_time_spent_waiting_for_a_cpu_extends_a_deadline(channel: Channel) -> None:
    over = time.monotonic() - 1.0
    assert channel.judge.is_late(over)
    channel.waited += LONG
    assert not channel.judge.is_late(over)


def test_more_time_is_asked_for_when_a_deadline_is_over(channel: Channel) -> None:
    over = time.monotonic() - 1.0
    channel.waited = 0.5
    assert channel.judge.is_late(over)
    channel.more = LONG
    assert not channel.judge.is_late(over)


def test_receives_an_answer_before_the_extended_deadline(channel: Channel) -> None:
    with pytest.raises(Late):
        channel.judge.receive(time.monotonic() - 1.0)
    channel.waited += LONG
    send(channel.theirs, b"answer", [b"blob"])
    assert channel.judge.receive(time.monotonic() - 1.0) == (b"answer", bytearray(b"blob"))


def test_nothing_is_late_while_the_worker_waits_for_a_cpu(channel: Channel) -> None:
    def without_cpu() -> Iterator[int | None]:
        yield from (7, 7, 7, 7)  # two for each check
        send(channel.theirs, b"answer", [b"blob"])
        yield from (7, 7)

    channel.runs = without_cpu()
    assert channel.judge.receive(time.monotonic() - 1.0) == (b"answer", bytearray(b"blob"))


def test_waiting_is_counted_once_the_worker_gets_a_cpu(channel: Channel) -> None:
    def with_cpu() -> Iterator[int | None]:
        yield 7
        channel.waited += LONG  # known once it runs
        send(channel.theirs, b"answer", [b"blob"])
        yield 8

    channel.runs = with_cpu()
    assert channel.judge.receive(time.monotonic() - 1.0) == (b"answer", bytearray(b"blob"))


def test_a_worker_that_runs_past_its_deadline_is_late(channel: Channel) -> None:
    channel.runs = iter([7, 8])
    with pytest.raises(Late):
        channel.judge.receive(time.monotonic() - 1.0)


def test_a_held_frame_is_sent_once_before_the_next_one(channel: Channel) -> None:
    channel.judge.hold(b"begin")
    channel.theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        channel.theirs.recv(1)
    channel.theirs.setblocking(True)
    channel.judge.send(b"question", [b"numbers"], time.monotonic() + LONG)
    channel.judge.send(b"another", [], time.monotonic() + LONG)
    came = [receive(channel.theirs) for _ in range(3)]
    assert came == [(b"begin", bytearray()), (b"question", bytearray(b"numbers")), (b"another", bytearray())]
