"""The pictures of lesson 4."""

from grader.picture import Curves, Line

BANDWIDTH, PEAK = 3.35e12, 989e12  # of one H100 SXM: bytes and FLOPs in a second
EXPERT, OTHERS = 3 * 4096 * 14336, 1_605_636_096  # parameters of Mixtral 8x7B
LAYERS, EXPERTS, CHOSEN = 32, 8, 2


def step_by_batch() -> Curves:
    """What a decode step of Mixtral takes to read and to compute, in milliseconds."""
    batches = [2.0 ** (i / 2) for i in range(25)]
    hit = [EXPERTS * (1 - (1 - CHOSEN / EXPERTS) ** batch) for batch in batches]
    reading = [1000 * 2 * (OTHERS + LAYERS * each * EXPERT) / BANDWIDTH for each in hit]
    computing = [1000 * 2 * batch * (OTHERS + LAYERS * CHOSEN * EXPERT) / PEAK for batch in batches]
    lines = (Line("reading", batches, reading), Line("computing", batches, computing))
    title = "time of a decode step, Mixtral 8x7B"
    return Curves("step-by-batch", title, "batch", "milliseconds", lines, log_x=True, log_y=True)
