"""The examples of the docstrings, and a batch of texts that is checked rule by rule."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(1)
def test_example_book(submission):
    """one pair, one question"""
    tokens, labels = submission.phone_book(1, pairs=1, queries=1, keys=1, values=1, seed=0)
    assert_equal(tokens, torch.tensor([[0, 1, 0]]), name="tokens")
    assert_equal(labels, torch.tensor([[-100, -100, 1]]), name="labels")


def check_texts(submission, B, pairs, queries, keys, values, seed):
    """Texts keep all rules that can be seen in a single one."""
    tokens, labels = submission.phone_book(B, pairs, queries, keys, values, seed)
    T = 2 * pairs + queries
    for name, found in (("tokens", tokens), ("labels", labels)):
        assert_equal(found.shape, (B, T), name=f"shape of {name}")
        assert_equal(found.dtype, torch.int64, name=f"dtype of {name}")
    names, numbers, questions = tokens[:, : 2 * pairs : 2], tokens[:, 1 : 2 * pairs : 2], tokens[:, 2 * pairs :]
    assert bool(((names >= 0) & (names < keys)).all()), f"The places 0, 2, ... of a book hold keys, 0 to {keys - 1}."
    assert bool(((numbers >= keys) & (numbers < keys + values)).all()), (
        f"The places 1, 3, ... of a book hold values, {keys} to {keys + values - 1}."
    )
    expected = torch.full((B, T), -100)
    for b in range(B):
        book = dict(zip(names[b].tolist(), numbers[b].tolist(), strict=True))
        asked = questions[b].tolist()
        assert len(book) == pairs, f"A book has the keys {names[b].tolist()}, which are not all different."
        assert set(asked) <= set(book), f"A text asks for {asked}, and its book has only {sorted(book)}."
        assert len(set(asked)) == queries, f"A text asks for {asked}, which are not all different."
        expected[b, 2 * pairs :] = torch.tensor([book[key] for key in asked])
    assert_equal(labels, expected, name="labels")


@points(2)
def test_rules(submission):
    """different keys, their values, known questions"""
    check_texts(submission, B=16, pairs=4, queries=3, keys=6, values=5, seed=1)


@points(2)
def test_example_recall(submission):
    """the second pair is known in one text of two"""
    tokens, labels = torch.tensor([[0, 2, 1, 3, 1], [1, 3, 0, 3, 0]]), torch.full((2, 5), -100)
    labels[:, 4] = 3
    logits = torch.zeros(2, 5, 4)
    logits[0, 4, 3] = logits[1, 4, 2] = 1.0
    expected = torch.tensor([torch.nan, 0.5], dtype=torch.float64)
    assert_close(submission.recall_by_place(logits, tokens, labels, pairs=2), expected, name="shares")


@points(1)
def test_example_pairs(submission):
    """three pairs in 8 bits, and in 12"""
    assert_equal(submission.most_pairs(8, values=6), 3, name="pairs of 6 values in 8 bits")
    assert_equal(submission.most_pairs(12, values=16), 3, name="pairs of 16 values in 12 bits")
