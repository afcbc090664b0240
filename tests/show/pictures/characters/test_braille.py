"""Lines made of Braille characters."""

import math

from grader.show.pictures.characters.braille import NO_DOTS, draw_dots, overlay


def test_line_sets_the_dots_between_its_ends() -> None:
    assert draw_dots([(0.5, 0.5), (3.5, 3.5)], 2, 1) == ["⡠⠊"]
    assert draw_dots([(0.5, 3.5), (3.5, 0.5)], 2, 1) == ["⠑⢄"]
    assert draw_dots([(0.5, 0.5), (0.5, 7.5)], 1, 2) == ["⡇", "⡇"]


def test_highest_row_comes_first() -> None:
    assert draw_dots([(0.5, 7.5), (3.5, 7.5)], 2, 2) == ["⠉⠉", NO_DOTS * 2]


def test_single_point_is_one_dot_and_no_points_are_none() -> None:
    assert draw_dots([(1.5, 0.5)], 1, 1) == ["⢀"]
    assert draw_dots([], 1, 1) == [NO_DOTS]


def test_points_outside_are_not_drawn() -> None:
    assert draw_dots([(0.5, -3.5), (0.5, 7.5)], 1, 1) == ["⡇"]
    assert draw_dots([(-2.5, 0.5), (9.5, 0.5)], 2, 1) == ["⣀⣀"]
    assert draw_dots([(4.0, 0.5)], 2, 1) == [NO_DOTS * 2]


def test_no_line_is_drawn_to_a_non_finite_number() -> None:
    points = [(0.5, 0.5), (1.5, 0.5), (2.5, math.nan), (3.5, 0.5), (4.5, math.inf), (6.5, 0.5), (7.5, 0.5)]
    assert draw_dots(points, 4, 1) == ["⣀" + NO_DOTS * 2 + "⣀"]


def test_overlay_combines_dots() -> None:
    assert overlay("⡠⠑") == "⡱"
    assert overlay([NO_DOTS]) == NO_DOTS
