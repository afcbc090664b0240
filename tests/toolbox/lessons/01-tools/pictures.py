"""The pictures of the lesson."""

import torch

from grader.pictures import Heatmap


def sums_of_the_past() -> Heatmap:
    """The triangle that adds up the past."""
    w = torch.tril(torch.ones(3, 3))  # (T, T)
    places = ("0", "1", "2")
    return Heatmap("sums-of-the-past", "the past, added up", places, places, w.tolist(), digits=0)
