"""The pictures of lesson 1, computed from the same small examples as its text."""

import math

import torch
from torch import Tensor

from grader.picture import Arrow, Bars, Box, Boxes, Curves, Grid, Heatmap, Line, Matrix, Series

SENTENCE = tuple("the boat that we painted sank".split())
WORDS = ("boat", "painted", "sank")
VALUES = torch.tensor([3.0, 6.0, 9.0])
EXPS = torch.tensor([[1.0, 2.0, 1.0], [1.0, 1.0, 2.0], [2.0, 1.0, 1.0]])  # exponentials of the scores


def _triangle(T: int, S: int | None = None) -> Tensor:
    S = S or T
    return torch.arange(S) <= torch.arange(T)[:, None] + S - T


def _weights(keep: Tensor) -> Tensor:
    """The weights of the three words under a mask."""
    kept = EXPS * keep
    return kept / kept.sum(-1, keepdim=True)


def _numbers(x: Tensor, digits: int = 2) -> list:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    return torch.round(x.detach().double(), decimals=digits).tolist()


def _column(x: Tensor, digits: int = 2) -> list[list[float]]:
    return [[number] for number in _numbers(x, digits)]


# ------------------------------------------------------------ 1 attention from zero


def average_of_the_past() -> Matrix:
    w = _triangle(3).double()
    w = w / w.sum(1, keepdim=True)
    return Matrix(
        "average-of-the-past",
        "The average of the past is one product of a matrix",
        (
            Grid("weights", WORDS, WORDS, _numbers(w)),
            Grid("values", WORDS, ("",), _column(VALUES)),
            Grid("averages", WORDS, ("",), _column(w @ VALUES.double())),
        ),
        ("×", "="),
    )


def plain_average() -> Heatmap:
    w = _triangle(6).double()
    return Heatmap("plain-average", "All words of the past count the same", SENTENCE, SENTENCE, _numbers(w / w.sum(1, keepdim=True)))


def causal_and_cached() -> Matrix:
    new = ("i=0 (pos. 3)", "i=1 (pos. 4)")
    return Matrix(
        "causal-and-cached",
        "Filled: the query may look at the key",
        (
            Grid("T = 3, S = 3", ("i=0", "i=1", "i=2"), ("j=0", "1", "2"), _triangle(3).tolist()),
            Grid("T = 2, S = 5", new, ("j=0", "1", "2", "3", "4"), _triangle(2, 5).tolist()),
        ),
        ("",),
    )


# ------------------------------------------------------------ 2 queries, keys, values


def sentence_weights() -> Heatmap:
    q, k = torch.zeros(6, 2), torch.zeros(6, 2)
    q[4, 1] = q[5, 0] = 4.0  # "painted" looks for a person, "sank" for a thing
    k[1, 0] = k[3, 1] = 1.0  # "boat" is a thing, "we" a person
    scores = (q @ k.T / 2**0.5).masked_fill(~_triangle(6), -math.inf)
    return Heatmap("sentence-weights", "Who looks at whom: rows ask, columns answer", SENTENCE, SENTENCE, _numbers(scores.softmax(-1)))


def saturation() -> Curves:
    rng = torch.Generator().manual_seed(0)
    sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    plain, divided = [], []
    for K in sizes:
        q, k = torch.randn(4000, 1, K, generator=rng), torch.randn(4000, 8, K, generator=rng)
        scores = (q * k).sum(-1)
        plain.append(scores.softmax(-1).max(-1).values.mean())
        divided.append((scores / K**0.5).softmax(-1).max(-1).values.mean())
    return Curves(
        "saturation",
        "The largest of 8 weights, mean of 4,000 random queries",
        "length K of queries and keys",
        "largest weight",
        (
            Line("scores as they are", sizes, _numbers(torch.stack(plain))),
            Line("divided by the root of K", sizes, _numbers(torch.stack(divided))),
        ),
        low=0.0,
        high=1.0,
        log_x=True,
    )
