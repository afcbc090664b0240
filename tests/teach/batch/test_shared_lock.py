"""Tests of the shared lock."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from grader.teach.batch.shared_lock import SharedLock


def test_threads_hold_it_together() -> None:
    turns, met = SharedLock(), Barrier(2, timeout=60)

    def meet() -> None:
        with turns.shared():
            met.wait()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(meet), pool.submit(meet)]:
            done.result()


def test_an_exclusive_holder_waits_for_others_and_goes_before_later_ones() -> None:
    turns, begun, may_end = SharedLock(), Event(), Event()
    order: list[str] = []

    def first() -> None:
        with turns.shared():
            begun.set()
            may_end.wait()
            order.append("first")

    def lonely() -> None:
        with turns.exclusive():
            order.append("alone")

    def later() -> None:
        with turns.shared():
            order.append("later")

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(first)]
        begun.wait()
        done += [pool.submit(lonely), pool.submit(lonely)]
        while turns._exclusive < 2:
            pass
        done.append(pool.submit(later))
        may_end.set()
        for each in done:
            each.result()
    assert order == ["first", "alone", "alone", "later"]


def test_releases_the_lock_after_an_exception() -> None:
    turns = SharedLock()
    for turn in (turns.exclusive, turns.shared, turns.exclusive):
        with pytest.raises(KeyError), turn():
            raise KeyError
