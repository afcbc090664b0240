"""The judge's end of a worker's channel: deadlines that a busy machine moves, and frames that go out together."""

import itertools
import os
import socket
import time
from collections.abc import Iterator

import pytest

from grader.engine.sandbox.channel import Late, Line, receive, send

FOR_EVER = 60.0  # seconds


class Channel:
    """A line, the other end of it, and the seconds that both sides are said to have waited for a CPU."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        output, self.printed = os.pipe()
        self.waited = 0.0
        self.more = 0.0
        self.runs: Iterator[int | None] = itertools.repeat(None)  # what it has run, each time that one looks
        self.line = Line(ours, output, None, 1 << 20, lambda: self.waited, lambda: self.more, lambda: next(self.runs))

    def close(self) -> None:
        self.line.close()
        self.theirs.close()
        os.close(self.printed)


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    channel.close()


def test_time_that_was_waited_for_a_cpu_is_added_to_a_deadline(channel: Channel) -> None:
    over = time.monotonic() - 1.0
    assert channel.line.late(over)
    channel.waited += FOR_EVER
    assert not channel.line.late(over)


def test_more_time_is_given_to_an_answer_whose_deadline_is_over_all_the_same(channel: Channel) -> None:
    over = time.monotonic() - 1.0
    channel.waited = 0.5
    assert channel.line.late(over)
    channel.more = FOR_EVER
    assert not channel.line.late(over)


def test_an_answer_is_waited_for_until_the_moved_deadline(channel: Channel) -> None:
    with pytest.raises(Late):
        channel.line.receive(time.monotonic() - 1.0)
    channel.waited += FOR_EVER
    send(channel.theirs, b"answer", [b"blob"])
    assert channel.line.receive(time.monotonic() - 1.0) == (b"answer", b"blob")


def test_nothing_is_late_as_long_as_the_other_side_could_run_and_does_not(channel: Channel) -> None:
    def given_no_cpu() -> Iterator[int | None]:
        yield from (7, 7, 7, 7)  # each time it is looked twice
        send(channel.theirs, b"answer", [b"blob"])
        yield from (7, 7)

    channel.runs = given_no_cpu()
    assert channel.line.receive(time.monotonic() - 1.0) == (b"answer", b"blob")


def test_what_it_waited_is_counted_when_it_is_given_a_cpu(channel: Channel) -> None:
    def given_one() -> Iterator[int | None]:
        yield 7
        channel.waited += FOR_EVER  # told once it runs
        send(channel.theirs, b"answer", [b"blob"])
        yield 8

    channel.runs = given_one()
    assert channel.line.receive(time.monotonic() - 1.0) == (b"answer", b"blob")


def test_who_runs_on_is_late(channel: Channel) -> None:
    channel.runs = iter([7, 8])
    with pytest.raises(Late):
        channel.line.receive(time.monotonic() - 1.0)


def test_a_held_frame_goes_out_before_the_next_one_and_once(channel: Channel) -> None:
    channel.line.hold(b"begin")
    channel.theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        channel.theirs.recv(1)
    channel.theirs.setblocking(True)
    channel.line.send(b"question", [b"numbers"], time.monotonic() + FOR_EVER)
    channel.line.send(b"another", [], time.monotonic() + FOR_EVER)
    came = [receive(channel.theirs) for _ in range(3)]
    assert came == [(b"begin", b""), (b"question", b"numbers"), (b"another", b"")]
