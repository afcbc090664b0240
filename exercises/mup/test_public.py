"""The examples of the docstrings, and the names and shapes of the parameters."""

import torch

from grader.testing import assert_close, assert_equal, points


def ones(D=8, L=4, inputs=4, outputs=2):
    return {"w_in": torch.ones(D, inputs), "w_hidden": torch.ones(L, D, D), "w_out": torch.ones(outputs, D)}


@points(1)
def test_example_scales(submission):
    """a hidden matrix, and a bias in a deep net"""
    assert_close(submission.scales("hidden", width_ratio=4.0), {"init_std": 0.5, "lr": 0.25, "multiplier": 1.0})
    found = submission.scales("vector", width_ratio=4.0, depth_ratio=16.0, alpha=0.5)
    assert_close(found, {"init_std": 1.0, "lr": 0.25, "multiplier": 1.0})


@points(2)
def test_parameters(submission):
    """w_in, w_hidden, b_hidden, w_out, and no others"""
    net = submission.MupNet(ones(), base_width=4, base_depth=1, alpha=0.5)
    found = {name: tuple(parameter.shape) for name, parameter in net.named_parameters()}
    assert_equal(found, {"w_in": (8, 4), "w_hidden": (4, 8, 8), "b_hidden": (4, 8), "w_out": (2, 8)}, name="shapes")


@points(2)
def test_example_net(submission):
    """where it begins, what it returns, how fast it learns"""
    net = submission.MupNet(ones(), base_width=4, base_depth=1, alpha=0.5)
    for name, expected in (("w_in", 0.5), ("w_hidden", 0.5 * 0.5**0.5), ("w_out", 0.5)):
        w = net.get_parameter(name).detach()
        assert_close(w, torch.full_like(w, expected), name=name)
    y, states = net(torch.ones(5, 4))
    assert_equal([tuple(x.shape) for x in (y, *states)], [(5, 2)] + 5 * [(5, 8)], name="shapes of y and the states")
    rates = net.learning_rates(lr=1.0)
    assert_close(rates, {"w_in": 1.0, "w_hidden": 0.25, "b_hidden": 0.5, "w_out": 1.0})


@points(1)
def test_example_slopes(submission):
    """one that stays, one that grows with the root"""
    slopes = submission.coordinate_slopes([64, 256, 1024], [[3.0, 1.0], [3.0, 2.0], [3.0, 4.0]])
    assert_close(slopes, [0.0, 0.5], atol=1e-4)  # may be computed in float32
