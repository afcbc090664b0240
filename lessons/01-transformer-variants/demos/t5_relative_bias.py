"""Your buckets of distances."""

import torch

from grader.pictures import Table

DISTANCES = (0, 1, 5, 8, 15, 30, 60, 127, 1000)


def run(submission, rng):
    buckets = submission.relative_position_bucket(-torch.tensor(DISTANCES), bidirectional=False)
    rows = [("bucket", [str(each) for each in buckets.tolist()])]
    yield Table("T5's bucket for a key so many places back, by your code", tuple(map(str, DISTANCES)), rows)
