"""Pictures of every kind as lines of characters."""

import subprocess
import sys

import click
import pytest

from grader.picture import Picture, Table
from grader.report.characters import drawn
from grader.report.layout import cells
from tests.report.pictures import PICTURES


def plain(picture: Picture | Table, width: int = 76, *, unicode: bool = True) -> list[str]:
    """The lines without colour."""
    return [click.unstyle(line) for line in drawn(picture, width, unicode=unicode)]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
@pytest.mark.parametrize("width", [56, 60, 76])
def test_no_line_is_wider_than_asked_for(picture: Picture, width: int) -> None:
    for unicode in (True, False):
        lines = plain(picture, width, unicode=unicode)
        assert lines[0] == picture.title
        assert max(map(cells, lines)) <= width


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_without_unicode_all_is_ascii(picture: Picture) -> None:
    assert "".join(plain(picture, unicode=False)).isascii()


def test_nothing_heavy_is_imported_for_pictures_that_are_no_curves() -> None:
    code = (
        "import sys\n"
        "from tests.report.pictures import PICTURES\n"
        "from grader.report.characters import drawn\n"
        "for picture in PICTURES:\n"
        "    if type(picture).__name__ != 'Curves':\n"
        "        drawn(picture, unicode=True)\n"
        "print({'torch', 'numpy', 'uniplot', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
