"""The examples of the docstrings and of the statement, and the parameters of the module."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_expand(submission):
    """two images of 3 tokens each; the prompt of the statement"""
    ids = submission.expand_image_tokens([1, 32000, 306, 32000], image_token=32000, n_tokens=3)
    assert_equal(list(ids), [1, 32000, 32000, 32000, 306, 32000, 32000, 32000], name="ids")

    hi, what, ask, a, cat, pad, img = 1, 2, 3, 4, 5, 0, 9
    ids = list(submission.expand_image_tokens([hi, img, what, ask, a, cat], image_token=img, n_tokens=3))
    assert_equal(ids, [hi, img, img, img, what, ask, a, cat], name="ids")
    input_ids = torch.tensor([[pad, pad, *ids]])
    inputs = submission.batch_inputs(input_ids, pad_token=pad)
    assert_equal(inputs["attention_mask"], torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1, 1, 1]]), name="attention_mask")
    assert_equal(inputs["position_ids"][:, 2:], torch.arange(8)[None], name="position_ids behind the padding")
    labels = submission.make_labels(input_ids, image_token=img, pad_token=pad, prompt_lengths=torch.tensor([6]))
    assert_equal(labels, torch.tensor([[-100] * 8 + [a, cat]]), name="labels")


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
