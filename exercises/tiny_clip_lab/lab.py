"""Trains one model by each loss, and lets both find the captions of fresh pictures."""

import torch

from grader.lab import Step
from grader.pictures import Curves, Heatmap, Line, Table, smoothed

TIMES = 10  # fresh pictures of each combination
WINDOW = 10  # steps over which a loss is averaged, for the eye
COLOURS, SHAPES = ("red", "green", "blue", "yellow"), ("square", "ring", "cross", "stripe")
PLACES = ("top left", "top right", "bottom left", "bottom right")
HELD_OUT = (0, 9, 14, 15, 18, 40, 46, 47, 55, 60, 62, 63)


def run(submission, rng):
    everything = list(range(64))
    groups = {"shown": [c for c in everything if c not in HELD_OUT], "held out": list(HELD_OUT)}
    losses, rows, models = {}, [], {}
    for loss in ("clip", "siglip"):
        yield Step(f"training with {loss}_loss")
        models[loss] = submission.TinyCLIP(seed=rng.seed)
        losses[loss] = models[loss].fit(loss, seed=rng.seed)
        accuracies = [found(submission, models[loss], group, rng.seed + 1) for group in groups.values()]
        rows.append((loss, [*accuracies, losses[loss][-1], models[loss].bias.item()]))
    for loss in ("clip", "siglip"):
        yield Curves(
            f"loss_{loss}",
            f"{loss}_loss while training, mean of {WINDOW} steps",
            "step",
            "loss",
            (smoothed(loss, losses[loss], WINDOW),),
            low=0.0,
        )
    yield Table(
        f"Captions found among all 64, {TIMES} fresh pictures each (guessing: {1 / 64:.3f})",
        (*groups, "last loss", "bias"),
        rows,
    )
    names = tuple(f"{COLOURS[c // 16]} {SHAPES[c // 4 % 4]}, {PLACES[c % 4]}" for c in HELD_OUT)
    yield Heatmap(
        "cosines",
        "Cosine of pictures and captions that training never showed, clip_loss",
        names,
        names,
        cosines(submission, models["clip"], torch.tensor(HELD_OUT), rng.seed + 2),
    )


def found(submission, model, group, seed):
    """The share of fresh pictures whose caption is found."""
    combinations = torch.tensor(group * TIMES)
    right = submission.retrieve(model, submission.render(combinations, seed)) == combinations
    return right.double().mean().item()


def cosines(submission, model, combinations, seed):
    """Of the mean embedding of each combination's pictures (rows) with each caption (columns)."""
    with torch.no_grad():
        images = model.encode_image(submission.render(combinations.repeat(TIMES), seed))  # (10 * 12, 32)
        texts = model.encode_text(submission.captions(combinations))  # (12, 32)
    u = (images / images.norm(dim=-1, keepdim=True)).view(TIMES, len(combinations), -1).mean(0)
    v = texts / texts.norm(dim=-1, keepdim=True)
    return (u / u.norm(dim=-1, keepdim=True) @ v.T).tolist()
