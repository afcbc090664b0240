"""The pictures of lesson 10."""

import math

from grader.picture import Curves, Line

STEPS, FIRST, LAST = 1000, 1e-4, 0.02  # of the linear schedule
EVERY = 25  # steps between two points of the curves


def signal_and_noise() -> Curves:
    """The factors of the picture and of the noise in x_t, over t."""
    kept, added, bar = [], [], 1.0
    for t in range(STEPS):
        bar *= 1 - (FIRST + (LAST - FIRST) * t / (STEPS - 1))
        if t % EVERY == 0 or t == STEPS - 1:
            kept.append(math.sqrt(bar))
            added.append(math.sqrt(1 - bar))
    steps = [float(t) for t in range(STEPS) if t % EVERY == 0 or t == STEPS - 1]
    lines = (Line("picture", steps, kept), Line("noise", steps, added))
    title = "factors of the picture and of the noise"
    return Curves("signal-and-noise", title, "step t", "factor", lines, low=0.0, high=1.0)
