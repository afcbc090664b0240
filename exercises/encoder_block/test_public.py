"""The examples of the docstrings, and the names of the parameters."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(2)
def test_example_gelu(submission):
    """-1, 0, 1 and 2"""
    expected = torch.tensor([-0.1587, 0.0, 0.8413, 1.9545])  # four digits
    assert_close(submission.gelu(torch.tensor([-1.0, 0.0, 1.0, 2.0])), expected, atol=5e-5, name="gelu")


@points(2)
def test_example_norm(submission):
    """1, 2, 3, 4 become -1.34, -0.45, 0.45, 1.34"""
    normed = submission.layer_norm(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.ones(4), torch.zeros(4))
    expected = torch.tensor([[-1.3416, -0.4472, 0.4472, 1.3416]])
    assert_close(normed, expected, atol=1e-4, name="normed")  # the example has four digits


@points(1)
def test_parameters(submission):
    """the names and shapes of the table"""
    D, H, F = 6, 2, 5
    block = submission.EncoderBlock(D, H, F)
    shapes = {name: tuple(parameter.shape) for name, parameter in block.named_parameters()}
    expected = {"fc1.weight": (F, D), "fc1.bias": (F,), "fc2.weight": (D, F), "fc2.bias": (D,)}
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        expected |= {f"{name}.weight": (D, D), f"{name}.bias": (D,)}
    for name in ("attn_norm", "ffn_norm"):
        expected |= {f"{name}.weight": (D,), f"{name}.bias": (D,)}
    assert_equal(sorted(shapes), sorted(expected), name="names of parameters")
    assert_equal(shapes, expected, name="shapes of parameters")


@points(2)
@needs(test_parameters)
def test_example_block(submission):
    """all linear maps 0: sums and norms are left"""
    B, T, D = 1, 2, 4
    block = submission.EncoderBlock(D, 2, 3)
    state = {name: torch.zeros_like(value) for name, value in block.state_dict().items()}
    state |= {"attn_norm.weight": torch.ones(D), "ffn_norm.weight": torch.ones(D)}
    block.load_state_dict(state)
    y = block(torch.tensor([[[1.0, 2.0, 3.0, 4.0], [9.0, 9.0, 9.0, 5.0]]]))
    expected = torch.tensor([-1.3416, -0.4472, 0.4472, 1.3416, 0.5774, 0.5774, 0.5774, -1.7321]).view(B, T, D)
    assert_close(y.detach(), expected, atol=1e-4, name="y")  # the example has four digits
