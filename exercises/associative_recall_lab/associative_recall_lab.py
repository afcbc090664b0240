"""The phone book: a text of keys and values that asks for values, a score for each place in it, and a bound.

Token c is a key if 0 <= c < keys, and a value if keys <= c < keys + values.
"""

import math

import torch
from torch import Tensor


def phone_book(batch: int, pairs: int, queries: int, keys: int, values: int, seed: int) -> tuple[Tensor, Tensor]:
    """Texts that read a book of pairs aloud and then ask for some of its keys (multi-query associative recall).

    A text is key value key value ... key value, and then query query ... query. The keys of a book are different, and
    every choice and order of them is equally likely. Each value is drawn from all values, whatever the others are. The
    queries are different keys of the book, and every choice and order of them is equally likely. Texts of a batch are
    drawn independently of one another.

    batch: B >= 1. pairs: at least 1. queries: from 1 to pairs. keys: at least pairs. values: at least 1.
    seed: decides all that is random, whatever was drawn before. Other seeds give other texts.
    Returns: tokens and labels, int64 (B, 2 · pairs + queries) each. labels has, at every query, the value that belongs
        to this key, and -100 elsewhere. It is not shifted: the answer is expected where the key stands.
    Raises: ValueError if queries > pairs or pairs > keys.

    >>> tokens, labels = phone_book(1, pairs=1, queries=1, keys=1, values=1, seed=0)
    >>> tokens, labels
    (tensor([[0, 1, 0]]), tensor([[-100, -100,    1]]))
    """
    raise NotImplementedError


def recall_by_place(logits: Tensor, tokens: Tensor, labels: Tensor, pairs: int) -> Tensor:
    """How often a model knows the value, for each place in the book: the first pair, the second, and so on.

    logits: (B, T, C), C >= keys + values. The answer is the token with the largest logit, of all C; no two are equal.
    tokens, labels: (B, T), as phone_book makes them with so many pairs.
    Returns: float64 (pairs,). Entry p is the share of right answers to all the questions, of all texts, whose key
        stands in pair p of its text; NaN if no question asks for it.

    >>> tokens, labels = torch.tensor([[0, 2, 1, 3, 1], [1, 3, 0, 3, 0]]), torch.full((2, 5), -100)
    >>> labels[:, 4] = 3
    >>> logits = torch.zeros(2, 5, 4)
    >>> logits[0, 4, 3], logits[1, 4, 2] = 1.0, 1.0
    >>> recall_by_place(logits, tokens, labels, pairs=2)
    tensor([   nan, 0.5000], dtype=torch.float64)
    """
    raise NotImplementedError


def most_pairs(bits: int, values: int) -> int:
    """The largest book that a memory of so many bits can know by heart, whatever the code and whatever the layer.

    Over the same n keys there are values^n different books. Whoever is to answer every question about each of them has
    to be in a different state after each.

    bits: from 0 to a million; a memory of so many has 2^bits states. values: from 2 to a million.
    Returns: the largest n for which there are enough states, an int, exact.

    >>> most_pairs(12, values=16), most_pairs(8, values=6)
    (3, 3)
    """
    raise NotImplementedError
