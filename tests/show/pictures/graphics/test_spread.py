"""Intervals that are moved apart."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from grader.show.pictures.graphics.spread import spread

numbers = st.floats(0, 100)


def test_intervals_that_do_not_overlap_stay() -> None:
    assert spread([10, 50, 90], [5, 5, 5], 0, 100) == [10, 50, 90]


def test_intervals_at_one_place_have_their_middles_around_it() -> None:
    assert spread([50, 50], [10, 20], 0, 100) == [42.5, 57.5]


def test_intervals_stay_between_the_bounds() -> None:
    assert spread([0, 99], [10, 10], 0, 100) == [5, 95]


@given(st.lists(st.tuples(numbers, st.floats(1, 10)), min_size=1, max_size=8))
def test_no_two_intervals_overlap_and_their_order_is_kept(wanted: list[tuple[float, float]]) -> None:
    middles, sizes = zip(*wanted, strict=True)
    found = spread(middles, sizes, 0, 100)
    order = sorted(range(len(wanted)), key=lambda place: middles[place])
    for one, other in pairwise(order):
        assert found[other] - found[one] >= (sizes[one] + sizes[other]) / 2 - 1e-9
    assert found[order[0]] - sizes[order[0]] / 2 >= -1e-9
    assert found[order[-1]] + sizes[order[-1]] / 2 <= 100 + 1e-9
