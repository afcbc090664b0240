"""The values of pictures, as tables."""

from grader.pictures import Curves, Line, Table
from grader.show.pictures.values import POINTS, picture_tables
from tests.show.pictures.examples import (
    BARS,
    BUCKETS,
    CURVES,
    DIALS,
    FLOW,
    GROUPED_BARS,
    HEATMAP,
    MASK,
    MASKS,
    ROUTER,
    TIMELINE,
)


def test_heatmap_has_its_numbers_with_the_names_of_rows_and_columns() -> None:
    assert picture_tables(HEATMAP) == [
        Table("", ("the", "boat"), [("the", ["1.00", "0.00"]), ("boat", ["0.25", "0.75"])])
    ]


def test_grid_has_its_texts_and_says_which_cells_are_filled() -> None:
    rows = picture_tables(MASK)[0].rows
    assert rows[1] == ("b", ["filled", "filled", "empty"])
    assert picture_tables(BUCKETS)[0].rows[0] == ("expert 0", ["the", "we", "sank"])
    assert [table.title for table in picture_tables(MASKS)] == ["encoder", "decoder", "prefix", "prefix of 2"]


def test_bars_are_a_table_of_groups_and_series() -> None:
    assert picture_tables(BARS) == [
        Table("tokens", ("tokens",), [("e0", ("12",)), ("e1", ("3",)), ("e2", ("0",))]),
    ]
    assert picture_tables(GROUPED_BARS)[0].columns == ("expert 0", "expert 1", "expert 2", "expert 3")


def test_curves_over_the_same_places_share_a_table_of_few_points() -> None:
    xs = list(range(100))
    picture = Curves("c", "c", "step", "loss", (Line("one", xs, xs), Line("two", xs, [-x for x in xs])))
    (table,) = picture_tables(picture)
    assert table.columns == ("one", "two")
    assert len(table.rows) == POINTS
    assert (table.rows[0], table.rows[-1]) == (("0", ["0", "0"]), ("99", ["99", "-99"]))


def test_curves_over_different_places_have_a_table_each() -> None:
    assert [(table.title, table.columns, len(table.rows)) for table in picture_tables(CURVES)] == [
        ("loss by step", ("one",), 3),
        ("loss by step", ("two",), 2),
    ]


def test_boxes_are_a_table_of_arrows_and_name_those_without() -> None:
    assert picture_tables(FLOW)[0].rows[0] == ("x", ("norm", ""))
    rows = picture_tables(ROUTER)[0].rows
    assert ("router", ("expert 1", "0.7")) in rows
    assert ("expert 0", ("", "")) in rows


def test_dials_say_the_angle_of_each_hand() -> None:
    first, *_ = picture_tables(DIALS)
    assert (first.title, first.columns) == ("query 3, key 1", ("degrees",))
    assert first.rows == [("query", ("90",)), ("key", ("30",))]


def test_timeline_says_when_each_stretch_begins_and_ends() -> None:
    (table,) = picture_tables(TIMELINE)
    assert table.columns == ("what", "from (ms)", "to (ms)")
    assert table.rows[0] == ("GPU", ("prefill", "0", "40"))
