"""Tables of two tensors: the digits and positions of numbers, and the choice of those shown."""

import re
from typing import Any

import pytest

from grader.base.result import Axis, Comparison, Failure, Outcome, Row
from tests.show.screens import axes, one


def compared(*rows: Row, axes: tuple[Axis, ...] = (), **more: Any) -> str:
    differing = sum(sum(row.differs) for row in rows)
    total = sum(len(row.differs) for row in rows)
    settings: dict[str, Any] = {
        "differing": differing,
        "total": total,
        "largest": 0.5,
        "rtol": 0.0,
        "atol": 0.0,
    }
    comparison = Comparison("scores", axes, rows, **settings | more)
    return one(Outcome.WRONG_VALUES, Failure("", comparison=comparison))


def table(text: str) -> list[list[str]]:
    """Return the words of each line of the table, from its heading to the next blank line."""
    lines = text[text.index("    scores") :].split("\n")
    return [text.split() for text in lines[: lines.index("")]]


@pytest.mark.parametrize(
    ("yours", "expected", "texts"),
    [
        (0.5, 0.7, ("0.5000", "0.7000")),
        (1.0, 1.0000000001, ("1.0000000000", "1.0000000001")),
        (3.0, 4.0, ("3", "4")),
        ("nan", 0.25, ("nan", "0.2500")),
        ("-inf", 12.0, ("-inf", "12")),
        ("True", "False", ("█", "░")),
        (1.5e12, 2.5e-12, ("1.5000e+12", "2.5000e-12")),
        (1e-9, 2e-9, ("1.0000e-09", "2.0000e-09")),
        (-1e-17, 0.5, ("0.0000", "0.5000")),
    ],
)
def test_numbers_have_enough_digits_to_differ(yours: Any, expected: Any, texts: tuple[str, str]) -> None:
    row = table(compared(Row((0,), 0, (yours,), (expected,), (True,)), axes=axes(T=1, E=1)))[1]
    assert row == ["[t=0]", *texts]


def test_differing_numbers_have_a_star_if_others_agree() -> None:
    text = compared(Row((), 0, (1.0, 2.5, 3.0), (1.0, 2.0, 3.0), (False, True, False), True), axes=axes(E=3))
    assert table(text)[1] == ["▸", "1.0000", "2.5000*", "3.0000", "1.0000", "2.0000", "3.0000", "worst"]
    assert "1 of 3 numbers in scores differs (marked *), by 0.5." in text


def test_row_labels_use_the_names_of_axes() -> None:
    text = compared(
        Row((1, 3), 0, (1.0, 2.0), (3.0, 4.0), (True, True)),
        Row((2, 0), 2, (1.0,), (3.0,), (True,)),
        axes=(Axis(3, "B"), Axis(5), Axis(2, "E")),
    )
    assert [row[:3] for row in table(text)[1:]] == [["[b=1,", "3]", "1"], ["[b=2,", "0,", "2]"]]


def test_long_row_is_cut_around_its_worst_number() -> None:
    yours = tuple(float(n) for n in range(100))
    expected = (*yours[:70], 71.5, *yours[71:])
    differs = tuple(a != b for a, b in zip(yours, expected, strict=True))
    text = compared(Row((0,), 0, yours, expected, differs, True), axes=axes(T=1, E=100))
    row = table(text)[1]
    assert "70.0000*" in row
    assert "71.5000" in row
    assert row[-1] == "worst"
    first, last = map(int, row[2].strip("]").split(":"))
    assert first <= 70 < last < 100


def test_worst_row_is_always_shown() -> None:
    rows = [Row((t,), 0, (0.5,), (0.25,), (True,), t == 90) for t in range(100)]
    text = compared(*rows, axes=axes(T=100, E=1))
    assert "▸ [t=90]" in text
    assert "    92 more rows\n" in text


def wide(rows: int, **options: Any) -> str:
    """Return a table of rows of 100 numbers, of which 8 were kept."""
    table = tuple(Row((t,), 40, tuple(map(float, range(8))), (0.5,) * 8, (True,) * 8, t == 3) for t in range(rows))
    comparison = Comparison("scores", axes(T=rows, E=100), table, 8 * rows, 100 * rows, 6.5, 0.0, 0.0)
    return one(Outcome.WRONG_VALUES, Failure("", comparison=comparison), **options)


def test_omitted_columns_are_counted() -> None:
    """Show those around the worst number, or all that were kept on a full page."""
    assert re.search(r"^    12 more rows, 9[5-7] more columns$", wide(20), re.MULTILINE)
    assert re.search(r"^    9[5-7] more columns$", wide(4), re.MULTILINE)
    assert re.search(r"^    92 more columns$", wide(4, full=True), re.MULTILINE)


def test_columns_of_a_whole_row_are_not_counted() -> None:
    assert "more" not in compared(Row((0,), 0, (0.5, 1.5), (0.25, 1.25), (True, True), True), axes=axes(T=1, E=2))


def test_mask_sentence_has_no_distance() -> None:
    row = Row((), 0, ("True", "False"), ("False", "False"), (True, False))
    assert "1 of 2 values in scores differs (marked *); █ is True." in compared(row, axes=axes(E=2), largest=1)


def test_empty_tensor_has_no_numbers() -> None:
    assert "0 of 0 numbers in scores differ." in compared(Row((), 0, (), (), ()), axes=axes(E=0), largest="nan")


def test_small_mask_is_shown_whole() -> None:
    row = Row((0,), 0, ("True", "False", "False"), ("True", "True", "False"), (False, True, False), True)
    assert "  ▸ [t=0]  █  ░* ░        █ █ ░  worst" in compared(row, axes=axes(T=1, S=3), largest=1)


def test_a_single_row_is_never_left_out() -> None:
    rows = [Row((t,), 0, (0.5,), (0.25,), (True,), t == 0) for t in range(9)]
    assert "[t=8]" in compared(*rows, axes=axes(T=9, E=1))
