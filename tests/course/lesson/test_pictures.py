"""Pictures as deterministic JSON files."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.lesson.pictures import encode_picture, load_picture, picture_path
from grader.pictures import Curves, Heatmap, Line, Picture
from tests.paths import TOOLBOX


def test_a_picture_is_read() -> None:
    picture = load_picture(TOOLBOX / "lessons" / "01-tools", "sums-of-the-past")
    assert isinstance(picture, Heatmap)
    assert picture.values == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such picture; grade check --update makes the pictures of lessons."),
        (b"{", "this is not a picture: Input data was truncated. grade check --update makes it again."),
        (b'{"type":"pie"}', "this is not a picture: Invalid value 'pie' - at `$.type`. grade check"),
        (b"\xff", "this is not a picture: "),
    ],
    ids=["missing", "torn", "of another kind", "no text"],
)
def test_a_malformed_picture_is_an_error(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "a.json").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_picture(tmp_path, "a")
    assert str(caught.value).startswith(f"{tmp_path}/pictures/a.json: {sentence}")


def curves(*ys: float) -> Picture:
    return Curves("growth", "x", "x", "y", (Line("a", [1, 2], ys),))


def test_a_picture_is_equal_after_writing_and_loading(tmp_path: Path) -> None:
    path = picture_path(tmp_path, "growth")
    path.parent.mkdir()
    path.write_bytes(encode_picture(curves(1 / 3, 2e-9)))
    kept = load_picture(tmp_path, "growth")
    assert isinstance(kept, Curves)
    assert list(kept.lines[0].ys) == [0.333333, 2e-9]


def test_numbers_are_rounded_to_six_digits() -> None:
    assert encode_picture(curves(1.0, 123456.71)) == encode_picture(curves(1.0 + 1e-9, 123456.72))
    assert encode_picture(curves(1.0, 123456.0)) != encode_picture(curves(1.0, 123457.0))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_cannot_be_encoded(number: float) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        encode_picture(curves(1.0, number))
