"""The pictures of lesson 7."""

import math
from collections.abc import Callable

from grader.picture import Curves, Line

SIGNAL = (0.1, -0.2, 1.6, 0.1, 0.2, -0.1, 0.1, -1.5, 0.2, -0.1, 0.1, 0.2)


def chosen_steps() -> Curves:
    """A signal, and the states of a scan of it with a step that the token chooses, and with a fixed one."""
    steps = [float(i) for i in range(1, len(SIGNAL) + 1)]
    lines = (
        Line("input", steps, SIGNAL),
        Line("state, step chosen by the token", steps, _states(lambda x: math.log1p(math.exp(4 * abs(x) - 3)))),
        Line("state, fixed step", steps, _states(lambda x: 0.5)),
    )
    return Curves("chosen-steps", "what a scan keeps of a signal", "token", "value", lines, low=-6.0, high=12.0)


def _states(delta: Callable[[float], float]) -> list[float]:
    """h = exp(-delta) h + delta x, from h = 0 on."""
    states, h = [], 0.0
    for x in SIGNAL:
        h = math.exp(-delta(x)) * h + delta(x) * x
        states.append(h)
    return states
