"""Pictures are kept as JSON that is the same for the same picture, and come back from it."""

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.lesson.gallery import encoded, load_picture, picture_path
from grader.picture import Curves, Line, Picture


def curves(*ys: float) -> Picture:
    return Curves("growth", "x", "x", "y", (Line("a", [1, 2], ys),))


def test_a_picture_comes_back(tmp_path: Path) -> None:
    path = picture_path(tmp_path, "growth")
    path.parent.mkdir()
    path.write_bytes(encoded(curves(1 / 3, 2e-9)))
    kept = load_picture(tmp_path, "growth")
    assert isinstance(kept, Curves)
    assert list(kept.lines[0].ys) == [0.333333, 2e-9]


def test_what_differs_in_the_seventh_digit_is_the_same() -> None:
    assert encoded(curves(1.0, 123456.71)) == encoded(curves(1.0 + 1e-9, 123456.72))
    assert encoded(curves(1.0, 123456.0)) != encoded(curves(1.0, 123457.0))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_cannot_be_drawn(number: float) -> None:
    with pytest.raises(ValueError, match="no number that can be drawn"):
        encoded(curves(number))


def test_a_file_that_is_missing_or_broken_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"growth\.json: there is no such file; grade check --update makes it"):
        load_picture(tmp_path, "growth")
    path = picture_path(tmp_path, "growth")
    path.parent.mkdir()
    path.write_text("{}")
    with pytest.raises(UsageError, match=r"growth\.json: cannot be read: "):
        load_picture(tmp_path, "growth")
