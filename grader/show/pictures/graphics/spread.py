"""Intervals on a line, moved apart as little as possible."""

from collections.abc import Sequence


def spread(middles: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Return the middles of intervals that are near `middles`, in their order, and do not overlap.

    They are between `low` and `high` if they fit; their order is that of `middles`.
    """
    order = sorted(range(len(middles)), key=lambda place: middles[place])
    groups: list[list[int]] = []
    starts: list[float] = []
    for place in order:
        groups.append([place])
        starts.append(_start([place], middles, sizes, low, high))
        while len(groups) > 1 and starts[-2] + sum(sizes[each] for each in groups[-2]) > starts[-1]:
            groups[-2:] = [groups[-2] + groups[-1]]
            starts[-2:] = [_start(groups[-1], middles, sizes, low, high)]
    found = [0.0] * len(middles)
    for group, start in zip(groups, starts, strict=True):
        for place in group:
            found[place] = start + sizes[place] / 2
            start += sizes[place]
    return found


def _start(group: Sequence[int], middles: Sequence[float], sizes: Sequence[float], low: float, high: float) -> float:
    """Return the start at which adjacent intervals are, on average, where they are wanted."""
    before, off = 0.0, 0.0
    for place in group:
        off += middles[place] - before - sizes[place] / 2
        before += sizes[place]
    return max(min(off / len(group), high - before), low)
