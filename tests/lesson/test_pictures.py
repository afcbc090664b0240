"""The data of a lesson's pictures."""

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.lesson.pictures import load_picture
from grader.picture import Heatmap
from tests.paths import TOOLBOX


def test_a_picture_is_read() -> None:
    picture = load_picture(TOOLBOX / "lessons" / "01-tools", "sums-of-the-past")
    assert isinstance(picture, Heatmap)
    assert picture.values == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such picture; grade check --update makes the pictures of lessons."),
        (b"{", "this is no picture: Input data was truncated. grade check --update makes it anew."),
        (b'{"type":"pie"}', "this is no picture: Invalid value 'pie' - at `$.type`. grade check"),
        (b"\xff", "this is no picture: "),
    ],
    ids=["missing", "torn", "of another kind", "no text"],
)
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "a.json").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_picture(tmp_path, "a")
    assert str(caught.value).startswith(f"{tmp_path}/pictures/a.json: {sentence}")
