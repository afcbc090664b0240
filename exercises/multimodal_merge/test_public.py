"""The examples of the docstrings, and the parameters of the module."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_expand(submission):
    """two images of 3 tokens each"""
    ids = submission.expand_image_tokens([1, 32000, 306, 32000], image_token=32000, n_tokens=3)
    assert_equal(list(ids), [1, 32000, 32000, 32000, 306, 32000, 32000, 32000], name="ids")


@points(2)
def test_parameters(submission):
    """linear_1 and linear_2, with biases"""
    vision_dim, text_dim = 5, 7
    parameters = dict(submission.Projector(vision_dim, text_dim).named_parameters())
    shapes = {
        "linear_1.weight": (text_dim, vision_dim),
        "linear_1.bias": (text_dim,),
        "linear_2.weight": (text_dim, text_dim),
        "linear_2.bias": (text_dim,),
    }
    assert_equal(sorted(parameters), sorted(shapes), name="names of the parameters")
    for name, shape in shapes.items():
        assert_equal(parameters[name].shape, shape, name=f"shape of {name}")


@points(2)
def test_example_merge(submission):
    """one image of two patches between two words"""
    embedding = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    image_features = torch.tensor([[[11.0, 12.0], [13.0, 14.0]]])
    x = submission.merge(torch.tensor([[2, -200, -200, 0]]), embedding, image_features, image_token=-200)
    assert_close(x, torch.tensor([[[0.5, 0.6], [11.0, 12.0], [13.0, 14.0], [0.1, 0.2]]]))
