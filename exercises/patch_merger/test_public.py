"""The examples of the docstrings, and the names and shapes of the parameters."""

import torch

from grader.testing import assert_equal, needs, points


@points(1)
def test_example_group(submission):
    """two squares of a picture of two rows"""
    found = submission.group_neighbours(torch.arange(8.0).view(8, 1), grid=(1, 2, 4), merge=2)
    assert_equal(found, torch.tensor([[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]))


@points(2)
def test_parameters(submission):
    """six names, and no others"""
    for merge, F in ((2, 24), (3, 54)):
        merger = submission.PatchMerger(dim=6, out_dim=5, merge=merge)
        found = {name: tuple(parameter.shape) for name, parameter in merger.named_parameters()}
        norm = {"ln_q.weight": (6,), "ln_q.bias": (6,)}
        mlp = {"mlp.0.weight": (F, F), "mlp.0.bias": (F,), "mlp.2.weight": (5, F), "mlp.2.bias": (5,)}
        assert_equal(found, norm | mlp, name="shapes")


@points(1)
@needs(test_parameters)
def test_example_merger(submission, rng):
    """a photo and a video become five tokens"""
    y = submission.PatchMerger(dim=6, out_dim=5)(rng.randn(8 + 12, 6).float(), grids=[(1, 2, 4), (3, 2, 2)])
    assert_equal(y.shape, (5, 5), name="shape of the tokens")
    assert y.isfinite().all(), "There is NaN or infinity among the tokens of a new PatchMerger."


@points(2)
def test_example_positions(submission):
    """two words, a photo, two words"""
    expected = [[0, 1, 2, 2, 2, 2, 2, 2, 5, 6], [0, 1, 2, 2, 2, 3, 3, 3, 5, 6], [0, 1, 2, 3, 4, 2, 3, 4, 5, 6]]
    assert_equal(submission.mrope_positions([2, (1, 4, 6), 2]), torch.tensor(expected))
