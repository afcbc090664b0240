"""Your positions, of which only the distance counts."""

import torch

from grader.pictures import Table

K, DISTANCES, STARTS = 64, (0, 1, 4, 16, 64), (0, 100, 5000)


def run(submission, rng):
    x = torch.ones(1, 1, 1, K, dtype=torch.float64) / K**0.5
    rows = []
    for start in STARTS:
        key = submission.apply_rope(x, torch.tensor([start]))
        queries = [submission.apply_rope(x, torch.tensor([start + distance])) for distance in DISTANCES]
        rows.append((f"key at {start:,}", [f"{(query * key).sum().item():.3f}" for query in queries]))
    columns = tuple(f"+{distance}" for distance in DISTANCES)
    yield Table("The score of a query so many places after its key", columns, rows)
