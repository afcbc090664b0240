"""Lines of dots."""

import math

from grader.show.pictures.characters.braille import NO_DOTS, draw_dots, overlay


def test_a_line_goes_through_the_dots_between_its_ends() -> None:
    assert draw_dots([(0.5, 0.5), (3.5, 3.5)], 2, 1) == ["⡠⠊"]
    assert draw_dots([(0.5, 3.5), (3.5, 0.5)], 2, 1) == ["⠑⢄"]
    assert draw_dots([(0.5, 0.5), (0.5, 7.5)], 1, 2) == ["⡇", "⡇"]


def test_the_highest_row_comes_first() -> None:
    assert draw_dots([(0.5, 7.5), (3.5, 7.5)], 2, 2) == ["⠉⠉", NO_DOTS * 2]


def test_a_single_point_is_a_dot_and_no_point_is_nothing() -> None:
    assert draw_dots([(1.5, 0.5)], 1, 1) == ["⢀"]
    assert draw_dots([], 1, 1) == [NO_DOTS]


def test_what_lies_outside_is_not_drawn() -> None:
    assert draw_dots([(0.5, -3.5), (0.5, 7.5)], 1, 1) == ["⡇"]
    assert draw_dots([(-2.5, 0.5), (9.5, 0.5)], 2, 1) == ["⣀⣀"]
    assert draw_dots([(4.0, 0.5)], 2, 1) == [NO_DOTS * 2]


def test_no_line_leads_to_what_is_no_number() -> None:
    points = [(0.5, 0.5), (1.5, 0.5), (2.5, math.nan), (3.5, 0.5), (4.5, math.inf), (6.5, 0.5), (7.5, 0.5)]
    assert draw_dots(points, 4, 1) == ["⣀" + NO_DOTS * 2 + "⣀"]


def test_one_character_has_the_dots_of_several() -> None:
    assert overlay("⡠⠑") == "⡱"
    assert overlay([NO_DOTS]) == NO_DOTS
