"""Pictures of every kind as lines of characters."""

import subprocess
import sys

import pytest

from grader.pictures import Arrow, Box, Boxes, Picture
from grader.show.layout import cells
from tests.paths import ROOT
from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import PICTURES


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
@pytest.mark.parametrize("width", [56, 60, 76])
def test_no_line_exceeds_the_given_width(picture: Picture, width: int) -> None:
    for unicode in (True, False):
        lines = plain(picture, width, unicode=unicode)
        assert lines[0] == picture.title
        assert max(map(cells, lines)) <= width


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_output_is_ascii_without_unicode(picture: Picture) -> None:
    assert "".join(plain(picture, unicode=False)).isascii()


def test_mathematical_signs_are_words_in_ascii() -> None:
    boxes = Box("a", "q·k / √K", 0, 0), Box("b", "Δ ≤ 1", 0, 1)
    text = "\n".join(plain(Boxes("b", "Two", boxes, (Arrow("a", "b"),)), unicode=False))
    assert "| q*k / sqrt(K) +---->| Delta <= 1 |" in text


def test_drawing_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from tests.show.pictures.examples import PICTURES\n"
        "from grader.show.pictures.characters import draw_picture\n"
        "for picture in PICTURES:\n"
        "    draw_picture(picture, unicode=True)\n"
        "print({'torch', 'numpy', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "set()\n"
