"""Your cache that overwrites itself."""

import torch

from grader.pictures import Table

WINDOW = 4


def run(submission, rng):
    cache, rows = None, []
    for token in range(7):
        new = torch.full((1, 1, 1, 1), float(token))
        cache = submission.ring_append(cache, new, new, WINDOW)
        if token >= 3:
            rows.append((f"after token {token}", [str(each) for each in cache["positions"].tolist()]))
    columns = tuple(f"slot {slot}" for slot in range(WINDOW))
    yield Table("Which token is in each slot of your ring", columns, rows)
