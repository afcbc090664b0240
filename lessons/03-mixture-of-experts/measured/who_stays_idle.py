"""Train the mixture of part 4 from eight starts, ten times as long: its pictures and numbers.

    python who_stays_idle.py    three minutes on one core

The layer, the words and their maps are those of part 4. It is trained with Mixtral's weights (a softmax of the two
chosen logits) and nothing else, with the balancing loss, and with the bias of part 9; and once with Switch's weights
(the two largest probabilities of a softmax over all eight), where the logits of idle experts have a gradient; and once
with Mixtral's weights, but without the vector that all words have in common. It prints
the error of the task and the per cent of the 256 tokens that each expert gets, and in the end how many of the 64
experts of the eight starts get less than 1 % at each step. Among other things it printed:

    nothing          start 3  step    0  error 1.847    0  23  59   7   2   2  74  33
    nothing          start 3  step    1  error 1.672    0  24  61  11   1   0  75  29
    nothing          start 3  step    3  error 1.294    0  30  57  14   0   0  75  23
    nothing          start 3  step   10  error 0.647    0  57  52   7   0   0  75   8
    nothing          start 3  step   30  error 0.240    0  60  64   0   0   0  75   0
    nothing          start 3  step  100  error 0.107    0  54  61  12   0   0  73   0
    nothing          start 3  step  300  error 0.039    0  51  49  25  25   0  49   0
    nothing          start 3  step 1000  error 0.011    0  53  47  25  26   0  48   0
    nothing          start 3  step 3000  error 0.003    0  53  41  50  25   0  31   0
    nothing          idle {0: 20, 1: 22, 3: 22, 10: 24, 30: 27, 100: 25, 300: 21, 1000: 22, 3000: 21}
    balancing loss   idle {0: 20, 1: 21, 3: 17, 10: 11, 30: 1, 100: 0, 300: 0, 1000: 0, 3000: 0}
    bias             idle {0: 20, 1: 21, 3: 16, 10: 4, 30: 0, 100: 0, 300: 0, 1000: 0, 3000: 0}
    Switch's weights idle {0: 20, 1: 22, 3: 20, 10: 22, 30: 28, 100: 23, 300: 18, 1000: 21, 3000: 20}
    no common vector idle {0: 10, 1: 10, 3: 7, 10: 5, 30: 9, 100: 11, 300: 11, 1000: 9, 3000: 6}
"""

import torch
from torch import Tensor

E, D, F, k = 8, 8, 8, 2
STEPS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000)
WAYS = {  # factor of the balancing loss, gamma of the bias, weights as in Switch, a common vector
    "nothing": (0.0, 0.0, False, True),
    "balancing loss": (0.1, 0.0, False, True),
    "bias": (0.0, 0.01, False, True),
    "Switch's weights": (0.0, 0.0, True, True),
    "no common vector": (0.0, 0.0, False, False),
}


def layer(
    x: Tensor, router: Tensor, up: Tensor, down: Tensor, bias: Tensor, switch: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """What comes out for the tokens (T, D), the probabilities (T, E) and the chosen experts (T, k)."""
    logits = x @ router.T
    p = logits.softmax(-1)
    chosen = (p + bias).topk(k).indices
    weights = p.gather(1, chosen) if switch else logits.gather(1, chosen).softmax(-1)
    y = torch.zeros_like(x)
    for e in range(E):
        t, s = torch.where(chosen == e)
        rows = torch.relu(x[t] @ up[e]) @ down[e]
        y = y.index_add(0, t, weights[t, s, None] * rows)
    return y, p, chosen


def train(start: int, factor: float, gamma: float, switch: bool, common: bool) -> dict[int, tuple[float, Tensor]]:
    """The error of the task and the shares of the experts at each of STEPS."""
    torch.manual_seed(start)
    words = torch.randn(4, 1, D) + common * torch.randn(D)
    maps = torch.randn(4, D, D) / D**0.5
    router = (0.3 * torch.randn(E, D)).requires_grad_()
    up = (torch.randn(E, D, F) / D**0.5).requires_grad_()
    down = (torch.randn(E, F, D) / F**0.5).requires_grad_()
    adam = torch.optim.Adam([router, up, down], lr=0.01)
    bias = torch.zeros(E)
    seen = {}
    for step in range(3001):
        x = words + 0.3 * torch.randn(4, 64, D)
        target = (x @ maps).flatten(0, 1)
        y, p, chosen = layer(x.flatten(0, 1), router, up, down, bias, switch)
        f = chosen.flatten().bincount(minlength=E) / 256
        error = (y - target).square().mean()
        adam.zero_grad()
        (error + factor * E * (f * p.mean(0)).sum()).backward()
        adam.step()
        bias = bias + gamma * (k / E - f).sign()
        if step in STEPS:
            seen[step] = error.item(), f
    return seen


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)  # tiny tensors: several threads would wait for each other
    for way, settings in WAYS.items():
        idle = dict.fromkeys(STEPS, 0)
        for start in range(8):
            for step, (error, f) in train(start, *settings).items():
                idle[step] += (f < 0.01).sum().item()
                shares = " ".join(f"{100 * each:3.0f}" for each in f)
                print(f"{way:16} start {start}  step {step:4}  error {error:.3f}  {shares}", flush=True)
        print(f"{way:16} idle {idle}")
