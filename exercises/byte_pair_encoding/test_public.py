"""The examples of the docstrings."""

from grader.testing import assert_close, assert_equal, points

MERGES = [(108, 111), (256, 119), (101, 114)]  # lo, low, er


@points(2)
def test_example_learn(submission):
    """low, lower and newer give lo, low, er"""
    merges = submission.learn_merges({"low": 5, "lower": 2, "newer": 1}, num_merges=3)
    assert_equal(merges, MERGES, name="merges")


@points(2)
def test_example_encode(submission):
    """slower is s, low, er; é is two bytes"""
    assert_equal(submission.encode("slower", MERGES), [115, 257, 258], name="tokens of slower")
    assert_equal(submission.encode("é", MERGES), [195, 169], name="tokens of é")


@points(2)
def test_example_decode(submission):
    """two bytes are é, and one alone is U+FFFD"""
    assert_equal(submission.decode([257, 258, 195, 169], MERGES), "loweré", name="text")
    assert_equal(submission.decode([195], []), "\ufffd", name="text of half a character")


@points(2)
def test_example_bytes(submission):
    """11 bytes, 4 tokens: 2.75"""
    assert_close(submission.bytes_per_token({"low": 3, "er": 1}, MERGES), 2.75, rtol=1e-12, atol=0.0)
