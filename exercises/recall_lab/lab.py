"""Trains three models and measures them on fresh sequences: losses, and accuracy by distance."""

import torch

from grader.lab import Step
from grader.pictures import Curves, Line, Table, smoothed

LENGTH, N_DATA, VOCAB = 16, 3, 4
SEQUENCES = 4000  # on which a model is measured
WINDOW = 20  # steps over which a loss is averaged, for the eye


def run(submission, rng):
    models = {}
    losses = {}
    for name, mixer, spacing in (
        ("lti, fixed", "lti", "fixed"),
        ("lti, random", "lti", "random"),
        ("selective, random", "selective", "random"),
    ):
        yield Step(f"training {name}")
        models[name] = submission.CopyModel(mixer, seed=rng.seed), spacing
        losses[name] = models[name][0].fit(seed=rng.seed, spacing=spacing)
    yield Curves(
        "loss",
        f"Cross-entropy while training, mean of {WINDOW} steps",
        "step",
        "loss",
        tuple(smoothed(name, each, WINDOW) for name, each in losses.items()),
        low=0.0,
    )
    right = {name: correct(model, spacing, rng) for name, (model, spacing) in models.items()}
    rows = [
        (name, [hit.double().mean().item(), sum(losses[name][-WINDOW:]) / WINDOW]) for name, (hit, _) in right.items()
    ]
    yield Table(f"On {SEQUENCES:,} fresh sequences (guessing: {1 / VOCAB:.2f})", ("accuracy", "last loss"), rows)
    yield Curves(
        "distance",
        "Accuracy by the distance between a token and the place where it is needed",
        "distance",
        "accuracy",
        tuple(Line(name, *by_distance(*right[name])) for name in ("lti, random", "selective, random")),
        low=0.0,
        high=1.05,
    )


def correct(model, spacing, rng):
    """Which data tokens a model copies, bool, and the distance of each to its go-token; both (SEQUENCES, N_DATA)."""
    order = rng.rand(SEQUENCES, LENGTH).argsort(-1)[:, :N_DATA].sort(-1).values
    places = order if spacing == "random" else torch.arange(N_DATA).expand(SEQUENCES, N_DATA)
    data = rng.randint(0, VOCAB, (SEQUENCES, N_DATA))
    tokens = torch.full((SEQUENCES, LENGTH + N_DATA), VOCAB).scatter(1, places, data)
    tokens[:, LENGTH:] = VOCAB + 1
    with torch.no_grad():
        hit = model(tokens).argmax(-1) == data
    return hit, LENGTH + torch.arange(N_DATA) - places


def by_distance(hit, distance):
    """Each distance that occurs, and the accuracy there."""
    found = distance.unique().tolist()
    return found, [hit[distance == each].double().mean().item() for each in found]
