"""What a lab shows: an exercise's `lab.py` defines `run(submission, rng)`, which yields what it measures.

    def run(submission, rng):
        yield Step("training with fixed spacing")
        losses = submission.train("fixed", seed=rng.seed)
        lines = (Line("fixed", list(range(len(losses))), losses),)
        yield Curves("loss", "cross-entropy while training", "step", "loss", lines)

`submission` and `rng` are what a test of the exercise is given. All numbers are measured in the run that shows them.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec


class Part(msgspec.Struct, frozen=True):
    """Base of what is shown."""


class Step(Part, frozen=True, tag="step"):
    """What is done from now on, in a few words."""

    text: str


class Line(Part, frozen=True):
    """One line of a plot: its points, from left to right."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]


class Curves(Part, frozen=True, tag="curves"):
    """Lines over one axis. `name` is that of the picture's file; `low` and `high` bound the axis of y."""

    name: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    low: float | None = None
    high: float | None = None


class Heatmap(Part, frozen=True, tag="heatmap"):
    """A matrix of numbers, `values[row][column]`."""

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Sequence[Sequence[float]]


class Table(Part, frozen=True, tag="table"):
    """Measured numbers: `columns` are their names, each row has a label and a number (or a text) for each of them."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Sequence[float | str]]]


Shown: TypeAlias = Step | Curves | Heatmap | Table


def smoothed(label: str, values: Sequence[float], window: int) -> Line:
    """Values of one step each, averaged over whole windows of so many steps; each mean stands amid its window."""
    ends = range(window, len(values) + 1, window)
    means = [sum(values[end - window : end]) / window for end in ends]
    return Line(label, [end - window / 2 for end in ends], means)
