"""The example of the docstring."""

import torch

from grader.testing import assert_equal, points


def example(submission):
    """Text a with the tokens 1, 2, 3; b forked from it, and a 1 appended to b."""
    cache = submission.PagedCache(num_blocks=4, block_size=2, num_heads=1, head_dim=1)
    k = torch.arange(1.0, 4.0).view(1, 3, 1)
    cache.append("a", k, 10 * k)
    cache.fork("a", "b")
    cache.append("b", k[:, :1], k[:, :1])
    return cache


def tokens(*numbers):
    """A tensor (1, S, 1)."""
    return torch.tensor(numbers).view(1, -1, 1)


@points(3)
def test_example_tokens(submission):
    """a has 3 tokens, b the same and one more"""
    cache = example(submission)
    assert_equal(cache.gather("a"), (tokens(1.0, 2.0, 3.0), tokens(10.0, 20.0, 30.0)), name="keys and values of a")
    expected = tokens(1.0, 2.0, 3.0, 1.0), tokens(10.0, 20.0, 30.0, 1.0)
    assert_equal(cache.gather("b"), expected, name="keys and values of b")


@points(3)
def test_example_blocks(submission):
    """a and b share their first block only"""
    cache = example(submission)
    a, b = cache.table("a"), cache.table("b")
    assert_equal((len(a), len(b)), (2, 2), name="numbers of blocks of a and b")
    assert a[0] == b[0], f"The first block of a and b should be the same, and the tables are {a} and {b}."
    assert a[1] != b[1], f"The second block of a and b should be two blocks, and the tables are {a} and {b}."
    counts = cache.ref_counts()
    expected = "One block should be in two tables, two in one table, and one should be free"
    assert sorted(counts) == [0, 1, 1, 2], f"{expected}; the counts are {counts}."


@points(2)
def test_example_store(submission):
    """the tokens of b are where its table says"""
    cache = example(submission)
    keys, values = cache.keys, cache.values
    assert_equal(tuple(keys.shape), (4, 2, 1, 1), name="shape of the keys' store")
    assert_equal(tuple(values.shape), (4, 2, 1, 1), name="shape of the values' store")
    first, second = cache.table("b")
    found = [keys[first, 0], keys[first, 1], keys[second, 0], keys[second, 1]]
    assert_equal(torch.cat(found), torch.tensor([[1.0], [2.0], [3.0], [1.0]]), name="keys in the blocks of b")
    found = [values[first, 0], values[first, 1], values[second, 0], values[second, 1]]
    assert_equal(torch.cat(found), torch.tensor([[10.0], [20.0], [30.0], [1.0]]), name="values in the blocks of b")
