"""Captions, a picture by hand, and the shapes of embeddings."""

import torch

from grader.testing import assert_equal, points


@points(2)
def test_captions(submission):
    """three words for each combination"""
    combinations = torch.tensor([0, 27, 63, 6])
    expected = torch.tensor([[0, 4, 8], [1, 6, 11], [3, 7, 11], [0, 5, 10]])
    assert_equal(submission.captions(combinations), expected)


@points(2)
def test_picture(submission):
    """a blue cross at the top right, through the noise"""
    combination = 2 * 16 + 2 * 4 + 1
    images = submission.render(torch.tensor([combination] * 3), seed=1)
    assert_equal(images.shape, (3, 3, 16, 16), name="shape of the pictures")
    assert_equal(images.dtype, torch.float32, name="dtype of the pictures")
    blue = images.mean(0)[2]
    # The mean of 16 pixels of 3 pictures: the noise leaves 0.04.
    cross = blue[3:5, 8:16].mean()
    rest = blue[8:, :].mean()
    assert 0.75 < cross < 1.25, f"The middle of the cross has {cross:.2f} of blue on average; 1 is expected."
    assert -0.25 < rest < 0.25, f"The lower half has {rest:.2f} of blue on average; 0 is expected."


@points(2)
def test_shapes(submission):
    """both encoders lead to 32 numbers"""
    B = 5
    model = submission.TinyCLIP()
    combinations = torch.arange(B) * 7
    images, texts = submission.render(combinations, 0), submission.captions(combinations)
    assert_equal(model.encode_image(images).shape, (B, 32), name="shape of image embeddings")
    assert_equal(model.encode_text(texts).shape, (B, 32), name="shape of text embeddings")
    for name, start in (("log_scale", 2.6593), ("log_t", 2.3026), ("bias", -10.0)):
        assert_equal(getattr(model, name).shape, (), name=f"shape of {name}")
        value = getattr(model, name).item()
        assert abs(value - start) < 1e-3, f"{name} begins at {value:.4f}, and should at {start:.4f}."
