"""A figure of two lines."""

from grader.picture import Curves, Line

LINES = Line("one", [0, 1, 2], [3.0, 2.0, 1.0]), Line("two", [0, 2], [1, 2])
CURVES = Curves("loss", "A loss", "step", "loss", LINES)
