"""Routes of arrows between boxes."""

from itertools import pairwise

from grader.pictures import Arrow
from grader.show.pictures.arrow_routes import ArrowRouter, BoxFrame, Route

LEFT, MIDDLE, RIGHT = BoxFrame(4, 4, 8, 6), BoxFrame(12, 4, 16, 6), BoxFrame(20, 4, 24, 6)


def route(*arrows: Arrow, **frames: BoxFrame) -> Route:
    """Return the route of the last of these arrows."""
    router = ArrowRouter(30, 12, frames)
    assert all(map(router.connect, arrows))
    return router.routes[-1]


def test_route_between_neighbors_is_straight() -> None:
    found = route(Arrow("a", "b"), a=LEFT, b=MIDDLE)
    assert found.cells == ((8, 5), (9, 5), (10, 5), (11, 5), (12, 5))
    assert list(found.turns()) == [(8, 5), (12, 5)]


def test_route_goes_around_a_box_in_between() -> None:
    frames = {"a": LEFT, "b": MIDDLE, "c": RIGHT}
    found = route(Arrow("a", "c"), **frames)
    assert list(found.turns()) == [(6, 4), (6, 2), (22, 2), (22, 4)]
    assert not set(found.cells[1:-1]) & {cell for frame in frames.values() for cell in frame.cells()}


def test_last_step_of_a_route_is_straight() -> None:
    cells = route(Arrow("a", "b"), a=LEFT, b=BoxFrame(12, 8, 16, 10)).cells
    (x, y), (to_x, to_y), (end_x, end_y) = cells[-3:]
    assert (to_x - x, to_y - y) == (end_x - to_x, end_y - to_y)


def test_unrelated_routes_share_only_cells_where_they_cross_at_right_angles() -> None:
    below = BoxFrame(12, 9, 16, 11)
    router = ArrowRouter(30, 14, {"a": LEFT, "b": RIGHT, "c": BoxFrame(12, 0, 16, 2), "d": below})
    assert router.connect(Arrow("a", "b"))
    assert router.connect(Arrow("c", "d"))
    across, down = (route.cells for route in router.routes)
    assert set(across) & set(down) == {(14, 5)}
    assert all(before[1] == after[1] for before, after in pairwise(across))
    assert all(before[0] == after[0] for before, after in pairwise(down))


def test_connect_returns_false_without_a_route() -> None:
    walls = {f"w{x}": BoxFrame(10, y, 11, y + 2) for x, y in enumerate(range(0, 12, 3))}
    assert not ArrowRouter(30, 12, {"a": LEFT, "b": RIGHT, **walls}).connect(Arrow("a", "b"))
