"""The examples of the docstrings."""

import torch

from grader.testing import assert_equal, needs, points


def drawn(*rows):
    """A mask from its picture: # is True, . is False."""
    return torch.tensor([[cell == "#" for cell in row] for row in rows])


@points(2)
def test_example_patterns(submission):
    """the four patterns of the statement"""
    assert_equal(submission.bidirectional_mask(2, 3), drawn("###", "###"), name="bidirectional")
    assert_equal(submission.prefix_lm_mask(4, 2), drawn("##..", "##..", "###.", "####"), name="prefix")
    assert_equal(submission.sliding_window_mask(4, 2), drawn("#...", "##..", ".##.", "..##"), name="window")
    assert_equal(submission.sliding_window_mask(2, 2, 5), drawn("..##.", "...##"), name="window")


@points(2)
def test_example_padding(submission):
    """two texts of two tokens, padded left and right"""
    B, T, S = 2, 2, 3
    attention_mask = torch.tensor([[0, 1, 1], [1, 1, 0]])
    joined = torch.stack([drawn("...", ".#."), drawn("#..", "##.")]).view(B, 1, T, S)
    assert_equal(submission.with_padding(drawn("#..", "##."), attention_mask), joined, name="mask")


@points(1)
@needs(test_example_padding)
def test_example_variant(submission):
    """the three masks of an encoder-decoder"""
    S, T = 3, 2
    source, target = torch.tensor([[1, 1, 0]]), torch.tensor([[1, 1]])
    masks = submission.variant_masks("encoder-decoder", source, target_mask=target)
    assert isinstance(masks, dict), "variant_masks returns a dict."
    assert_equal(sorted(masks), ["cross", "decoder", "encoder"], name="keys")
    assert_equal(masks["encoder"], drawn("##.", "##.", "##.").view(1, 1, S, S), name="encoder")
    assert_equal(masks["decoder"], drawn("#.", "##").view(1, 1, T, T), name="decoder")
    assert_equal(masks["cross"], drawn("##.", "##.").view(1, 1, T, S), name="cross")
