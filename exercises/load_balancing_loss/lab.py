"""Trains a small mixture of experts without a balancing loss, with one, and with a bias: who gets the tokens.

The weight of the loss is 0.3 and not the 0.01 of Switch Transformer: 400 steps have to do what there took many more.
"""

import torch
import torch.nn.functional as F

from grader.lab import Step
from grader.pictures import Bars, Curves, Line, Series, Table, smoothed

E, D, KINDS = 8, 16, 8  # experts, width, kinds of tokens
TOKENS, STEPS = 256, 400  # of a step, and steps
RATE, WEIGHT, GAMMA = 0.02, 0.3, 0.003  # of Adam, of the balancing loss, of the bias
SEEN = (0, 20, 100, STEPS - 1)  # steps whose load is drawn
LAST = 50  # steps at the end, over which the load is counted
WINDOW = 10  # steps over which a loss is averaged, for the eye


def run(submission, rng, deepseek_router):
    rows, curves, bars = [], [], []
    for name in ("no loss", "loss", "bias"):
        yield Step(f"training: {name}")
        errors, loads = train(name, submission, deepseek_router, rng.seed)
        curves.append(smoothed(name, errors, WINDOW))
        bars.append(load_of(name, loads))
        load = torch.stack(loads[-LAST:]).mean(0)
        rows.append((name, [sum(errors[-LAST:]) / LAST, load.max().item() * E, str((load < 0.01).sum().item())]))
    yield from bars
    yield Curves("error", "Squared error while training", "step", "error", tuple(curves), low=0.0)
    title = f"The last {LAST} steps"
    yield Table(title, ("squared error", "busiest expert (1: a fair share)", "experts with less than 1 %"), rows)


def load_of(name, loads):
    titles = {"no loss": "Without a balancing loss", "loss": f"With {WEIGHT} times the loss", "bias": "With a bias"}
    return Bars(
        name.replace(" ", "-"),
        f"{titles[name]}: the share of tokens of each expert (fair: {1 / E})",
        tuple(f"expert {e}" for e in range(E)),
        tuple(Series(f"step {step + 1}", loads[step].tolist()) for step in SEEN),
        "share",
    )


class Tokens:
    """Tokens of several kinds; each kind is to be multiplied by a matrix of its own."""

    def __init__(self, generator):
        self.centres = 1.5 * torch.randn(KINDS, D, generator=generator)
        self.targets = torch.randn(KINDS, D, D, generator=generator) / D**0.5

    def draw(self, generator):
        kind = torch.randint(KINDS, (TOKENS,), generator=generator)
        x = self.centres[kind] + torch.randn(TOKENS, D, generator=generator)
        return x, (self.targets[kind] @ x[..., None])[..., 0]


def train(name, submission, deepseek_router, seed):
    """The error of each step, and the share of tokens of each expert, (E,)."""
    generator = torch.Generator().manual_seed(seed + 1)
    tokens = Tokens(generator)
    router = (0.3 * torch.randn(E, D, generator=generator)).requires_grad_()
    experts = (torch.randn(E, D, D, generator=generator) / D**0.5).requires_grad_()
    optimiser = torch.optim.Adam([router, experts], lr=RATE)
    bias = torch.zeros(E)
    errors, loads = [], []
    for _ in range(STEPS):
        x, y = tokens.draw(generator)
        logits = x @ router.T  # (TOKENS, E)
        if name == "bias":
            weights, indices = deepseek_router.deepseek_route(logits, bias, 1, 1, 1, norm_topk_prob=False)
            bias = deepseek_router.update_bias(bias, indices, GAMMA)
        else:
            weights, indices = logits.softmax(-1).topk(1)
        output = weights * (experts[indices[:, 0]] @ x[..., None])[..., 0]
        error = (output - y).square().mean()
        loss = error + WEIGHT * submission.load_balancing_loss(logits, 1) if name == "loss" else error
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(error.item())
        loads.append(F.one_hot(indices[:, 0], E).float().mean(0))
    return errors, loads
