"""Who wants to be alone at work is, and nobody waits for ever."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from grader.teach.batch.shared_lock import SharedLock


def test_work_is_done_side_by_side() -> None:
    turns, met = SharedLock(), Barrier(2, timeout=60)

    def meet() -> None:
        with turns.shared():
            met.wait()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(meet), pool.submit(meet)]:
            done.result()


def test_who_wants_to_be_alone_waits_for_the_others_and_they_for_them() -> None:
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


def test_a_failure_ends_the_turn() -> None:
    turns = SharedLock()
    for turn in (turns.exclusive, turns.shared, turns.exclusive):
        with pytest.raises(KeyError), turn():
            raise KeyError
