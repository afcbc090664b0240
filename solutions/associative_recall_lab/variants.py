"""Right solutions in other styles. None of them may lose a point."""

import math
import random
from collections import Counter
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


@replaces("phone_book")
def row_by_row(batch: int, pairs: int, queries: int, keys: int, values: int, seed: int) -> tuple[Tensor, Tensor]:
    """Python's generator, text by text; a list instead of a tuple"""
    if not queries <= pairs <= keys:
        raise ValueError
    draw = random.Random(seed)
    tokens, labels = [], []
    for _ in range(batch):
        book = {key: keys + draw.randrange(values) for key in draw.sample(range(keys), pairs)}
        asked = draw.sample(list(book), queries)
        tokens.append([token for entry in book.items() for token in entry] + asked)
        labels.append([-100] * (2 * pairs) + [book[key] for key in asked])
    return [torch.tensor(tokens), torch.tensor(labels)]


@replaces("phone_book")
def permutations_of_torch(
    batch: int, pairs: int, queries: int, keys: int, values: int, seed: int
) -> tuple[Tensor, Tensor]:
    """torch's own generator, reseeded; randperm text by text; results are filled in place"""
    if queries > pairs:
        raise ValueError("more questions than pairs")
    if keys < pairs:
        raise ValueError("more pairs than keys")
    torch.manual_seed(seed)
    tokens = torch.empty(batch, 2 * pairs + queries, dtype=torch.long)
    labels = torch.empty_like(tokens).fill_(-100)
    for text, answer in zip(tokens, labels, strict=True):
        places = torch.randperm(pairs)[:queries]
        text[1 : 2 * pairs : 2] = torch.randint(keys, keys + values, (pairs,))
        text[0 : 2 * pairs : 2] = torch.randperm(keys)[:pairs]
        text[2 * pairs :] = text[2 * places]
        answer[2 * pairs :] = text[2 * places + 1]
    return tokens, labels


@replaces("phone_book")
def in_numpy(batch: int, pairs: int, queries: int, keys: int, values: int, seed: int) -> tuple[Tensor, Tensor]:
    """NumPy: permuted rows, fancy indices, and a table from keys to values; a transposed result"""
    if queries > pairs or pairs > keys:
        raise ValueError((queries, pairs, keys))
    draw = np.random.default_rng([seed, 1])
    rows = np.arange(batch)[:, None]
    names = draw.permuted(np.tile(np.arange(keys), (batch, 1)), axis=1)[:, :pairs]
    table = np.zeros((batch, keys), dtype=np.int64)
    table[rows, names] = draw.integers(keys, keys + values, size=(batch, pairs))
    asked = draw.permuted(names, axis=1)[:, :queries]
    tokens = np.empty((2 * pairs + queries, batch), dtype=np.int64).T
    tokens[:, 0 : 2 * pairs : 2], tokens[:, 1 : 2 * pairs : 2] = names, table[rows, names]
    tokens[:, 2 * pairs :] = asked
    labels = np.where(np.arange(2 * pairs + queries) < 2 * pairs, -100, table[rows, tokens % keys])
    return torch.from_numpy(tokens), torch.from_numpy(labels)


@replaces("phone_book")
def multinomial(batch: int, pairs: int, queries: int, keys: int, values: int, seed: int) -> tuple[Tensor, Tensor]:
    """drawn without replacement by multinomial, with the answers from a comparison"""
    if queries > pairs or pairs > keys:
        raise ValueError("no such book")
    generator = torch.Generator()
    generator.manual_seed(2 * seed + 1)
    asked = torch.multinomial(torch.ones(batch, pairs), queries, generator=generator)
    names = torch.multinomial(torch.ones(batch, keys), pairs, generator=generator)
    numbers = keys + (values * torch.rand(batch, pairs, generator=generator, dtype=torch.float64)).long()
    tokens = torch.full((batch, 2 * pairs + queries), -1)
    tokens[:, : 2 * pairs].view(batch, pairs, 2)[..., 0] = names
    tokens[:, : 2 * pairs].view(batch, pairs, 2)[..., 1] = numbers
    tokens[:, 2 * pairs :] = torch.take_along_dim(names, asked, 1)
    same = tokens[:, 2 * pairs :, None] == names[:, None]
    labels = torch.nn.functional.pad((same * numbers[:, None]).sum(-1), (2 * pairs, 0), value=-100)
    return tokens, labels


@replaces("recall_by_place")
def by_dictionaries(logits: Tensor, tokens: Tensor, labels: Tensor, pairs: int) -> Tensor:
    """loops, a dictionary from keys to places, two counters"""
    asked, known = Counter(), Counter()
    for text, scores, wanted in zip(tokens.tolist(), logits, labels.tolist(), strict=True):
        place = {key: p for p, key in enumerate(text[: 2 * pairs : 2])}
        for t, label in enumerate(wanted):
            if label != -100:
                asked[place[text[t]]] += 1
                known[place[text[t]]] += int(scores[t].argmax()) == label
    shares = [known[p] / asked[p] if asked[p] else float("nan") for p in range(pairs)]
    return torch.tensor(shares, dtype=torch.float64)


@replaces("recall_by_place")
def by_index_add(logits: Tensor, tokens: Tensor, labels: Tensor, pairs: int) -> Tensor:
    """places from argmax, sums from index_add"""
    text, t = (labels >= 0).nonzero(as_tuple=True)
    place = (tokens[text, : 2 * pairs : 2] == tokens[text, t].unsqueeze(1)).long().argmax(1)
    hit = (logits.max(-1).indices[text, t] == labels[text, t]).double()
    zeros = torch.zeros(pairs, dtype=torch.float64)
    return zeros.index_add(0, place, hit) / zeros.index_add(0, place, torch.ones_like(hit))


@replaces("recall_by_place")
def by_einsum(logits: Tensor, tokens: Tensor, labels: Tensor, pairs: int) -> Tensor:
    """one-hot comparisons and einsum, over all places of the text"""
    place = torch.eye(int(tokens.max()) + 1, dtype=torch.float64)
    asks = torch.einsum("btc,bpc->btp", place[tokens], place[tokens[:, : 2 * pairs]][:, ::2])
    asks = asks * (labels != -100)[..., None]
    hit = (logits.sort(-1).indices[..., -1] == labels).double()
    return torch.einsum("btp,bt->p", asks, hit).div(asks.sum(dim=(0, 1)))


@replaces("most_pairs")
def quotient_of_logarithms(bits: int, values: int) -> int:
    """a quotient of logarithms to base 2, which is exact for powers of two"""
    return math.floor(bits / math.log2(values))


@replaces("most_pairs")
def by_bisection(bits: int, values: int) -> int:
    """bisection with whole numbers"""
    low, high = 0, bits + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if values**middle <= 1 << bits else (low, middle)
    return low


@replaces("most_pairs")
def by_bit_length(bits: int, values: int) -> int:
    """values^n needs bit_length - 1 bits or more; a first guess in fractions"""
    if values & (values - 1) == 0:
        return bits // (values.bit_length() - 1)
    n = math.ceil(bits / Fraction(math.log2(values))) + 1
    while n and (values**n).bit_length() > bits:
        n -= 1
    return n
