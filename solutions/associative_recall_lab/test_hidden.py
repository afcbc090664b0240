"""Texts by their rules and by how often each occurs, shares by loops, and the bound by whole numbers.

Right versions draw in different orders, so each has its own luck with a seed. That is why the bound on what is drawn is
wide: by luck, a right version exceeds 12 standard deviations of chi-square once in a million.
"""

import pytest
import test_public
import torch
from test_public import check_texts

from grader.testing import assert_close, assert_equal, needs, points

SIZES = [  # texts, pairs, queries, keys, values
    (5, 3, 2, 7, 4),
    (64, 2, 1, 11, 9),
    (3, 32, 32, 64, 16),
    (17, 8, 5, 9, 2),
]


@points(4)
def test_books(submission, rng):
    """layout, keys, values and labels of other sizes"""
    for B, pairs, queries, keys, values in SIZES:
        check_texts(submission, B, pairs, queries, keys, values, seed=rng.seed % 1000)


@points(4)
def test_small_books(submission, rng):
    """all keys in a book; one pair; one value"""
    for B, pairs, queries, keys, values in (
        (6, 5, 5, 5, 3),
        (9, 4, 1, 4, 6),
        (8, 1, 1, 5, 3),
        (7, 3, 2, 6, 1),
        (1, 1, 1, 1, 1),
    ):
        check_texts(submission, B, pairs, queries, keys, values, seed=rng.seed % 1000)


@points(4)
@needs(test_public.test_rules)
def test_seed(submission):
    """the same seed, the same texts; another seed, others"""

    def texts(seed):
        return submission.phone_book(4, pairs=5, queries=3, keys=12, values=8, seed=seed)

    first = [texts(seed) for seed in range(5)]
    torch.manual_seed(7)
    for seed in (3, 0):
        tokens, labels = texts(seed)
        assert_equal(tokens, first[seed][0], name=f"tokens of seed {seed}, drawn again after others")
        assert_equal(labels, first[seed][1], name=f"labels of seed {seed}, drawn again after others")
    for b in range(5):
        for a in range(b):
            assert not torch.equal(first[a][0], first[b][0]), f"The seeds {a} and {b} give the same texts."


def assert_even(rows, number, what):
    """Of `number` different rows, all are equally likely, and `rows` (n, _) were drawn independently of one another."""
    n = len(rows)
    _, counts = rows.unique(dim=0, return_counts=True)
    chi_square = (counts.double().square().sum() * number / n - n).item()
    deviations = (chi_square - (number - 1)) / (2 * (number - 1)) ** 0.5
    assert deviations < 12, (
        f"{what}: {number} are possible and equally likely. In {n} draws {len(counts)} of them came up, the "
        f"most frequent one {counts.max()} times; it should be about {n / number:.0f}."
    )


def drawn(submission, rng, pairs, queries, keys, values):
    """6,000 small texts: keys, values, and the places in the book that are asked for, each (6,000, _)."""
    tokens, _ = submission.phone_book(6_000, pairs, queries, keys, values, seed=rng.seed % 1000)
    names, numbers, questions = tokens[:, : 2 * pairs : 2], tokens[:, 1 : 2 * pairs : 2], tokens[:, 2 * pairs :]
    return names, numbers, (questions[:, :, None] == names[:, None]).int().argmax(-1)


@points(2)
@needs(test_public.test_rules, test_books, test_small_books)
def test_orders(submission, rng):
    """each choice and order of keys and of questions"""
    names, _, asked = drawn(submission, rng, pairs=3, queries=2, keys=4, values=3)
    assert_even(names, 4 * 3 * 2, "Keys of a book, in their order")
    assert_even(asked, 3 * 2, "Places in the book that are asked for, in the order of the questions")
    names, _, asked = drawn(submission, rng, pairs=3, queries=3, keys=3, values=2)
    assert_even(torch.cat([names, asked], dim=1), 6 * 6, "Order of the keys together with the order of the questions")


@points(2)
@needs(test_public.test_rules, test_books, test_small_books)
def test_values(submission, rng):
    """each value is drawn from all values"""
    _, numbers, _ = drawn(submission, rng, pairs=3, queries=2, keys=4, values=5)
    assert_even(numbers[:, :1], 5, "First value of a book")
    assert_even(numbers, 5 * 5 * 5, "The three values of a book")


@points(2)
@needs(test_orders, test_values)
def test_texts_are_independent(submission, rng):
    """one text says nothing of the others"""
    for name, rows, number in zip(
        ("Keys", "Values", "Places that are asked for,"),
        drawn(submission, rng, pairs=3, queries=2, keys=4, values=3),
        (24, 27, 6),
        strict=True,
    ):
        for where, other in (
            ("neighboring texts", rows.reshape(-1, 2 * rows.shape[1])),
            ("texts 3000 apart", torch.cat(rows.chunk(2), dim=1)),
        ):
            assert_even(other, number * number, f"{name} of two {where}")


@points(2)
@needs(test_texts_are_independent)
def test_values_are_not_known_before(submission, rng):
    """no key says its value, and no question"""
    names, numbers, asked = drawn(submission, rng, pairs=3, queries=2, keys=4, values=3)
    assert_even(torch.stack([names[:, 0], numbers[:, 0]], dim=1), 4 * 3, "First key and its value")
    assert_even(torch.cat([names, numbers], dim=1), 24 * 27, "Keys and values of a book")
    assert_even(torch.cat([asked, numbers], dim=1), 6 * 27, "Places that are asked for, and the values of a book")


@points(2)
@needs(test_public.test_rules)
def test_impossible_books(submission):
    """ValueError: too few pairs, too few keys"""
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.phone_book(2, pairs=3, queries=4, keys=9, values=5, seed=0)
    with pytest.raises(ValueError):  # noqa: PT011
        submission.phone_book(2, pairs=4, queries=2, keys=3, values=5, seed=0)


def random_texts(rng, B, pairs, queries, keys, values):
    """What phone_book should make, and the place in the book of each question, (B, queries)."""
    tokens, asked = torch.zeros(B, 2 * pairs + queries, dtype=torch.int64), torch.zeros(B, queries, dtype=torch.int64)
    labels = torch.full_like(tokens, -100)
    for b in range(B):
        tokens[b, : 2 * pairs : 2] = rng.randperm(keys)[:pairs]
        tokens[b, 1 : 2 * pairs : 2] = rng.randint(keys, keys + values, (pairs,))
        asked[b] = rng.randperm(pairs)[:queries]
        tokens[b, 2 * pairs :] = tokens[b, 2 * asked[b]]
        labels[b, 2 * pairs :] = tokens[b, 2 * asked[b] + 1]
    return tokens, labels, asked


def logits_for(rng, labels, right, C):
    """Random logits (B, T, C), at a question largest at its label if it is to be answered right, and else not there."""
    B, T = labels.shape
    queries = right.shape[1]
    logits = rng.randn(B, T, C)
    answers = labels[:, T - queries :, None]
    others = logits[:, T - queries :].scatter(-1, answers, -torch.inf).amax(-1, keepdim=True)
    shift = torch.where(right, 0.25, -0.25)[..., None]
    logits[:, T - queries :] = logits[:, T - queries :].scatter(-1, answers, others + shift)
    return logits


def shares(right, asked, pairs):
    """The share of right answers for each place, by a loop."""
    found = [right[asked == p].double() for p in range(pairs)]
    return torch.tensor([each.mean() if len(each) else torch.nan for each in found], dtype=torch.float64)


@points(3)
def test_recall(submission, rng):
    """shares of all questions about a place"""
    for B, pairs, queries, keys, values in ((40, 4, 4, 6, 5), (60, 5, 3, 9, 2), (30, 3, 1, 3, 7), (1, 6, 6, 8, 3)):
        tokens, labels, asked = random_texts(rng, B, pairs, queries, keys, values)
        right = rng.rand(B, queries) < 0.2 + 0.6 * asked / pairs
        logits = logits_for(rng, labels, right, keys + values)
        found = submission.recall_by_place(logits, tokens, labels, pairs)
        assert_close(found, shares(right, asked, pairs), name="shares")


@points(2)
def test_never_asked(submission, rng):
    """NaN where no question asks"""
    for B, pairs, queries in ((2, 7, 2), (1, 5, 1), (3, 9, 2)):
        tokens, labels, asked = random_texts(rng, B, pairs, queries, 11, 4)
        right = rng.rand(B, queries) < 0.5
        found = submission.recall_by_place(logits_for(rng, labels, right, 15), tokens, labels, pairs)
        assert_close(found, shares(right, asked, pairs), name="shares")


@points(1)
@needs(test_recall)
def test_other_logits(submission, rng):
    """more logits than tokens; large ones in the book"""
    B, pairs, queries, keys, values = 50, 4, 3, 7, 5
    tokens, labels, asked = random_texts(rng, B, pairs, queries, keys, values)
    right = rng.rand(B, queries) < 0.5
    C = keys + values + 6
    logits = logits_for(rng, labels, right, C)
    logits[:, : 2 * pairs] *= 100
    found = submission.recall_by_place(logits, tokens, labels, pairs)
    assert_close(found, shares(right, asked, pairs), name="shares, where the largest logit may be of no token")
    found = submission.recall_by_place(logits.float(), tokens, labels, pairs)
    assert_close(found, shares(right, asked, pairs), name="shares of float32 logits")


@points(2)
@needs(test_recall)
def test_a_model_with_a_short_memory(submission, rng):
    """1 for the last two pairs, 0 for those before"""
    B, pairs = 20, 6
    tokens, labels, asked = random_texts(rng, B, pairs, pairs, 10, 8)
    logits = logits_for(rng, labels, asked >= pairs - 2, 18)
    expected = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    assert_close(submission.recall_by_place(logits, tokens, labels, pairs), expected, name="shares")


def largest_book(bits, values):
    """By whole numbers: values^n <= 2^bits, with n found bit by bit. No n is above bits / (bit length - 1)."""
    n = 0
    for step in reversed(range(20)):
        more = n + 2**step
        if more * (values.bit_length() - 1) <= bits and values**more <= 2**bits:
            n = more
    return n


@points(2)
def test_most_pairs(submission, rng):
    """the largest n with values^n <= 2^bits"""
    sizes = [(1000, 10), (4096, 1000), (0, 2), (0, 77), (1, 2), (1, 3), (5, 32), (4, 32)]
    sizes += zip(rng.randint(1, 2000, (40,)).tolist(), rng.randint(2, 300, (40,)).tolist(), strict=True)
    for n, values in zip(
        rng.randint(1, 60, (10,)).tolist(), (3, 5, 6, 7, 10, 12, 100, 1000, 999, 1_000_000), strict=True
    ):
        enough = (values**n).bit_length()
        sizes += [(enough, values), (enough - 1, values)]
    for bits, values in sizes:
        found = submission.most_pairs(bits, values)
        assert_equal(found, largest_book(bits, values), name=f"pairs of {values} values in {bits} bits")


@points(1)
def test_powers_of_two(submission):
    """exact where the book fills the memory"""
    for b in (1, 2, 3, 4, 5, 7, 10, 16):
        for n in (1, 3, 7, 11, 28, 47, 55, 100, 1024):
            assert_equal(submission.most_pairs(n * b, 2**b), n, name=f"pairs of {2**b} values in {n * b} bits")
            assert_equal(
                submission.most_pairs(n * b - 1, 2**b), n - 1, name=f"pairs of {2**b} values in {n * b - 1} bits"
            )


@points(1)
@needs(test_most_pairs)
def test_a_large_memory(submission):
    """a million bits"""
    for bits, values in ((1_000_000, 1_000_000), (300_000, 1024)):
        found = submission.most_pairs(bits, values)
        assert_equal(found, largest_book(bits, values), name=f"pairs of {values} values in {bits} bits")
