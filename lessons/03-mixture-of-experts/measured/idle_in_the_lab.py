"""Run the lab of part 4 from eight starts and count the idle experts at its first step and at its end.

    python idle_in_the_lab.py    a quarter of a minute on one core

The lab is `grade lab router_collapse`: eight experts with k = 1, and eight kinds of tokens that have no direction in
common. Weights are Switch's, with the bias plain sigmoids. Idle is an expert with less than 1 % of the tokens, at the
end on average over the last 50 steps. Of the 64 experts of the eight starts, it printed:

    no loss  idle at first 1, at the end 13
    loss     idle at first 1, at the end 0
    bias     idle at first 1, at the end 0
"""

import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[3]
for folder in ("exercises/load_balancing_loss", "solutions/load_balancing_loss", "solutions/deepseek_router", "."):
    sys.path.insert(0, str(ROOT / folder))

import deepseek_router  # noqa: E402
import lab  # noqa: E402
import load_balancing_loss  # noqa: E402


def idle(shares: torch.Tensor) -> int:
    """Return how many experts get less than 1 % of the tokens."""
    return int((shares < 0.01).sum())


if __name__ == "__main__":
    torch.set_num_threads(1)  # tiny tensors: several threads would wait for each other
    for way in ("no loss", "loss", "bias"):
        first = last = 0
        for start in range(8):
            _, loads = lab.train(way, load_balancing_loss, deepseek_router, start)
            first += idle(loads[0])
            last += idle(torch.stack(loads[-lab.LAST :]).mean(0))
        print(f"{way:8} idle at first {first}, at the end {last}")
