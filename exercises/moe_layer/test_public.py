"""The example of the docstring, and the parameters of the module."""

import torch

from grader.testing import assert_close, assert_equal, needs, points

NAN = float("nan")


@points(3)
def test_example(submission):
    """one token, two of three experts"""
    D, E, k = 2, 3, 2
    x = torch.tensor([[1.0, 2.0]])
    gate = torch.tensor([1.0, 0.0, 0.0, 1.0, -1.0, 0.0]).view(E, D)
    w1 = torch.tensor([1.0, 0.0, 0.0, 1.0, NAN, NAN]).view(E, 1, D)
    w3 = torch.tensor([1.0, 1.0, 1.0, 0.0, NAN, NAN]).view(E, 1, D)
    w2 = torch.tensor([1.0, 0.0, 0.0, 10.0, NAN, NAN]).view(E, D, 1)
    # float32: the six digits of the example are rounded to 5e-5
    assert_close(submission.moe_forward(x, gate, w1, w2, w3, k), torch.tensor([[0.5898, 12.8783]]), atol=1e-4)


@points(3)
def test_parameters(submission):
    """gate, w1, w2, w3 and no others"""
    D, F, E, k = 5, 7, 4, 3
    parameters = dict(submission.MoELayer(D, F, E, k).named_parameters())
    shapes = {"gate": (E, D), "w1": (E, F, D), "w2": (E, D, F), "w3": (E, F, D)}
    assert_equal(sorted(parameters), sorted(shapes), name="names of the parameters")
    for name, shape in shapes.items():
        assert_equal(parameters[name].shape, shape, name=f"shape of {name}")


@points(3)
@needs(test_parameters)
def test_begins_random(submission):
    """finite, and no two experts alike"""
    E, k = 4, 3
    for D, F in ((5, 7), (160, 170)):
        for name, parameter in submission.MoELayer(D, F, E, k).named_parameters():
            numbers = parameter.detach()
            assert numbers.isfinite().all(), f"{name} begins with numbers that are not finite."
            for e in range(1, E):
                assert not numbers[e].equal(numbers[e - 1]), f"In {name} experts {e - 1} and {e} begin equal."
