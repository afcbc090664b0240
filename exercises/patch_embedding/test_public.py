"""The examples of the docstrings, and the parameters."""

import torch

from grader.testing import assert_close, assert_equal, points

ROWS = [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0], [8.0, 9.0, 12.0, 13.0], [10.0, 11.0, 14.0, 15.0]]


@points(1)
def test_example(submission):
    """a 4×4 image as four patches"""
    images = torch.arange(16.0).view(1, 1, 4, 4)
    assert_equal(submission.patchify(images, 2), torch.tensor([ROWS]), name="patches")


@points(1)
def test_example_back(submission):
    """the image of these four patches"""
    images = torch.arange(16.0).view(1, 1, 4, 4)
    assert_equal(submission.unpatchify(torch.tensor([ROWS]), 2, 4, 4), images, name="images")


@points(1)
def test_parameters(submission):
    """weight (D, C, P, P) and bias (D,), random"""
    P, C, D = 2, 3, 5
    embed = submission.PatchEmbed(P, C, D)
    shapes = {name: tuple(parameter.shape) for name, parameter in embed.named_parameters()}
    assert_equal(shapes, {"weight": (D, C, P, P), "bias": (D,)}, name="shapes of parameters")
    weight = embed.state_dict()["weight"].flatten(1)
    assert embed.state_dict()["bias"].isfinite().all(), "The bias begins with NaN or infinity."
    assert weight.isfinite().all(), "The weight begins with NaN or infinity: it holds what was in memory before."
    apart = (weight[:, None] - weight).abs().amax(-1) + torch.eye(D)
    assert apart.min() > 0, "Some of the D filters begin with the same numbers: the weight should start random."


@points(1)
def test_example_sincos(submission):
    """two rows and three columns of positions"""
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [0.0, 1.0, 0.8415, 0.5403],
        [0.0, 1.0, 0.9093, -0.4161],
        [0.8415, 0.5403, 0.0, 1.0],
        [0.8415, 0.5403, 0.8415, 0.5403],
        [0.8415, 0.5403, 0.9093, -0.4161],
    ]
    positions = submission.sincos_2d(4, 2, 3)
    assert_close(positions, torch.tensor(expected, dtype=torch.float64), atol=1e-4)  # the example has four digits
