"""Dials on a terminal."""

from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import DIALS


def test_each_hand_ends_in_the_letter_of_its_label() -> None:
    assert plain(DIALS, unicode=False) == [
        "30 degrees per place",
        "  query 3, key 1             near             text and image",
        "    .....A.....           ...........           ...........",
        " ...     *    ...      ...          ...      ...          ...",
        "..       *     *.B    ..              ..    ..              ..",
        ".        * ****  ..   .                ..   .                ..",
        ".        ***      .   .        ********AB   .      ***        .",
        ".                 .   .                 .   .  *****          .",
        "..               .    ..               .    CB***            .",
        " ...           ..      ...           ..      ...           ..",
        "   ............          ............          ............",
        "",
        "A query   B key   C a picture of a cat",
    ]


def test_dials_that_do_not_fit_are_below_each_other() -> None:
    lines = plain(DIALS, 40)
    assert [line.strip() for line in lines if "query 3" in line or "near" in line] == ["query 3, key 1", "near"]
    assert max(map(len, lines)) <= 40


def test_circles_and_hands_are_braille() -> None:
    assert plain(DIALS)[3].split() == ["⢀⡤⠊", "⡇", "⠈⠢⣄", "⢀⡤⠊", "⠈⠢⣄", "⢀⡤⠊", "⠈⠢⣄"]
