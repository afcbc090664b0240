"""Trains one shape after another on the same budget, and measures each by the number of hops."""

import torch

from grader.lab import Step
from grader.pictures import Curves, Line, Table, smoothed

ITEMS, HOPS = 8, 3
EXAMPLES = 3000  # on which a model is measured
WINDOW = 40  # steps over which a loss is averaged, for the eye


def run(submission, rng):
    table = rng.rand(EXAMPLES, ITEMS).argsort(-1)
    start, k = rng.randint(0, ITEMS, (EXAMPLES,)), 1 + torch.arange(EXAMPLES) % HOPS
    answer = follow(table, start, k)

    losses, right, rows = {}, {}, []
    for layers, width in submission.shapes():
        name = f"{layers} x {width}"
        yield Step(f"training {name}")
        model = submission.HopModel(layers, width, seed=rng.seed)
        losses[name] = model.fit(seed=rng.seed)
        with torch.no_grad():
            hit = model(table, start, k).argmax(-1) == answer
        right[name] = [hit[k == hops].double().mean().item() for hops in range(1, HOPS + 1)]
        weights = sum(p.numel() for p in model.blocks.parameters())
        rows.append((name, [f"{weights:,}", *right[name]]))

    yield Curves(
        "loss",
        f"Cross-entropy while training, mean of {WINDOW} steps",
        "step",
        "loss",
        tuple(smoothed(name, each, WINDOW) for name, each in losses.items()),
        low=0.0,
    )
    hops = list(range(1, HOPS + 1))
    yield Table(
        f"Layers x width, and the accuracy on {EXAMPLES:,} fresh examples",
        ("weights", *(f"{n} hop{'s' * (n > 1)}" for n in hops)),
        rows,
    )
    by_guess = sum(a == b for a, b in zip(start.tolist(), answer.tolist(), strict=True)) / EXAMPLES
    yield Curves(
        "hops",
        f"Accuracy by the number of hops (saying the start: {by_guess:.2f})",
        "hops",
        "accuracy",
        tuple(Line(name, hops, each) for name, each in right.items()),
        low=0.0,
        high=1.05,
    )


def follow(table, start, k):
    """f applied k times to start."""
    answer = start
    for hop in range(HOPS):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return answer
