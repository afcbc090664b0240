"""Your state, which chooses what to keep."""

import torch

from grader.pictures import Table

WORDS = ("the", "code", "is", "seven", "and", "the", "sky")
KEPT = "seven"


def run(submission, rng):
    u = torch.tensor([[[1.0 if word == KEPT else 0.2 for word in WORDS]]])
    ones, A = torch.ones_like(u), -torch.ones(1, 1)
    own = torch.tensor([[[3.0 if word == KEPT else 0.01 for word in WORDS]]])
    rows = []
    for name, delta in (("the same step for all", 0.5 * ones), ("a long step for one", own)):
        y, _ = submission.selective_scan(u, delta, A, ones, ones)
        rows.append((name, [f"{each:.2f}" for each in y.flatten().tolist()]))
    yield Table("Your state after each word", WORDS, rows)
