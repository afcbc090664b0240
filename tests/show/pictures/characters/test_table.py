"""Tables on a terminal."""

from grader.pictures import Table
from tests.show.pictures.characters.screen import plain


def test_columns_are_right_aligned() -> None:
    table = Table("Numbers", ("n", "word"), [("row", [0.12345, "yes"]), ("other", [7, "no"])])
    assert plain(table) == [
        "Numbers",
        "            n   word",
        "row     0.123    yes",
        "other       7     no",
    ]
