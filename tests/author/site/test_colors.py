"""Tests of the colours of the site."""

import re
from importlib.resources import files

import pytest

from tests.contrast import contrast

STYLE = files("grader.author.site").joinpath("assets/style.css").read_text("utf-8")
COLORS = {name: both for name, *both in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE)}

each_scheme = pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
each_ground = pytest.mark.parametrize("behind", ["page", "panel", "raised"])


@each_scheme
@each_ground
def test_edges_of_controls_stand_out(behind: str, scheme: int) -> None:
    assert contrast(COLORS["edge"][scheme], COLORS[behind][scheme]) >= 3


@each_scheme
@each_ground
@pytest.mark.parametrize("ink", ["ink", "quiet", "accent"])
def test_text_stands_out(ink: str, behind: str, scheme: int) -> None:
    assert contrast(COLORS[ink][scheme], COLORS[behind][scheme]) >= 4.5
