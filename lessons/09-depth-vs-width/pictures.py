"""The pictures of lesson 9, computed from the same numbers as its text."""

import math

from grader.picture import (
    Curves,
    Grid,
    Lane,
    Line,
    Matrix,
    Stretch,
    Timeline,
)

PEAK, BANDWIDTH = 989e12, 3.35e12  # of an H100 SXM, in a second
SHAPES = ((6, 4096), (24, 2048), (96, 1024))  # layers, width: one budget
LAUNCH, EXCHANGE = 5e-6, 5e-6  # seconds, as the lesson takes them


# ------------------------------------------------------------ 1 one step after another


def hops_by_depth() -> Curves:
    layers = list(range(1, 7))
    circle = [(box + 1) % 128 for box in range(128)]  # a list of notes in which hops can be counted
    known, at, doubled = circle, 0, []
    for _ in layers:
        at, known = known[at], [known[box] for box in known]
        doubled.append(at)
    return Curves(
        "hops-by-depth",
        "Hops that the query has taken",
        "layers",
        "hops",
        (Line("the query alone moves", layers, layers), Line("the boxes double what they know", layers, doubled)),
        low=0.0,
    )


# ------------------------------------------------------------ 2 one budget, many shapes


def three_shapes() -> Matrix:
    shapes = ((1, 64), (4, 32), (16, 16))
    assert len({12 * layers * width**2 for layers, width in shapes}) == 1
    grids = tuple(
        Grid(f"{layers} x {width}", tuple(str(n + 1) for n in range(layers)), (), [[True] * (width // 8)] * layers)
        for layers, width in shapes
    )
    return Matrix("three-shapes", "12 · L · D² = 49,152 weights", grids, ("", ""))


def levine() -> Curves:
    layers = list(range(6, 121, 6))
    budget = 175e9
    return Curves(
        "levine",
        "The best width for a depth, by a fit",
        "layers",
        "width",
        (
            Line("line of Levine et al.", layers, [round(math.exp(5.039 + 0.0555 * each)) for each in layers]),
            Line("all shapes of 175 billion weights", layers, [round((budget / 12 / each) ** 0.5) for each in layers]),
        ),
        log_y=True,
    )


# ------------------------------------------------------------ 3 layers wait for one another


def _work(width: int) -> float:
    return 12 * width**2 * 2 / BANDWIDTH


def one_layer() -> Timeline:
    read = _work(2048) * 1e6
    one = (Stretch(0, 5, "L"), Stretch(5, round(5 + read, 2), "read"))
    first, second = read / 8 / 3, read / 8 * 2 / 3  # a third of the weights is attention's
    marks = [5.0, 5 + first, 10 + first, 10 + first + second, 15 + first + second]
    ends = [round(mark, 2) for mark in marks]
    eight = (
        Stretch(0, 5, "L"),
        Stretch(ends[0], ends[1], ""),
        Stretch(ends[1], ends[2], "sum"),
        Stretch(ends[2], ends[3], ""),
        Stretch(ends[3], ends[4], "sum"),
    )
    return Timeline("one-layer", "Launch (L), reading, and two sums", "µs", (Lane("1 card", one), Lane("8 cards", eight)))


def floor() -> Curves:
    cards = [2**power for power in range(10)]

    def step(layers: int, width: int, n: int) -> float:
        fixed = LAUNCH + (2 * EXCHANGE if n > 1 else 0)
        return round(layers * (fixed + _work(width) / n) * 1e3, 3)

    lines = tuple(Line(f"{layers} x {width}", cards, [step(layers, width, n) for n in cards]) for layers, width in SHAPES)
    return Curves("floor", "Time of a step for one text", "cards", "ms", lines, low=0.0, log_x=True)
