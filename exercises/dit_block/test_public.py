"""The examples of the docstrings, the names of the parameters, and a block that was never trained."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(3)
def test_example_embedding(submission):
    """time steps 0 and 100, four numbers each"""
    embedding = submission.timestep_embedding(torch.tensor([0, 100]), 4)
    expected = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.8623, 0.5403, -0.5064, 0.8415]])
    assert_close(embedding, expected, atol=1e-4, name="embedding")  # the example has four digits


@points(3)
def test_example_modulate(submission):
    """two tokens of one image"""
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    modulated = submission.modulate(x, torch.tensor([[10.0, 20.0]]), torch.tensor([[0.0, 1.0]]))
    assert_close(modulated, torch.tensor([[[11.0, 24.0], [13.0, 28.0]]]), name="modulated")


@points(3)
def test_example_count(submission):
    """the four models of the statement, 33M to 675M"""
    models = {"S": (384, 12, 33), "B": (768, 12, 130), "L": (1024, 24, 458), "XL": (1152, 28, 675)}
    assert_equal(submission.dit_param_count(384, 12), 32865056, name="parameters of DiT-S/2")
    for name, (dim, depth, millions) in models.items():
        count = submission.dit_param_count(dim, depth)
        assert_equal(round(count / 1e6), millions, name=f"millions of parameters of DiT-{name}/2")


@points(3)
def test_parameters(submission):
    """the names and shapes of the table"""
    D, H, F = 6, 2, 5
    block = submission.DiTBlock(D, H, F)
    shapes = {name: tuple(parameter.shape) for name, parameter in block.named_parameters()}
    expected = {}
    for name, rows, columns in (("qkv", 3 * D, D), ("proj", D, D), ("fc1", F, D), ("fc2", D, F), ("ada", 6 * D, D)):
        expected |= {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}
    assert_equal(sorted(shapes), sorted(expected), name="names of parameters")
    assert_equal(shapes, expected, name="shapes of parameters")


@points(6)
@needs(test_parameters)
def test_new_block(submission, rng):
    """returns x exactly, whatever the condition"""
    B, T, D, F, H = 2, 5, 12, 7, 3
    for dtype in (torch.float32, torch.float64):
        x, c = 1000 * rng.randn(B, T, D, dtype=dtype), 10 * rng.randn(B, D, dtype=dtype)
        y = submission.DiTBlock(D, H, F).to(dtype)(x, c)
        assert_equal(y.detach(), x, name="y")


@points(3)
@needs(test_parameters)
def test_example_block(submission):
    """attention that takes the mean, and no MLP"""
    B, T, D = 1, 3, 2
    block = submission.DiTBlock(D, 1, 5)
    state = {name: torch.zeros_like(parameter.detach()) for name, parameter in block.named_parameters()}
    state["qkv.weight"][2 * D :] = torch.eye(D)
    state["proj.weight"] = torch.eye(D)
    state["ada.bias"][: 3 * D] = torch.tensor([1.0, 0.0, 0.0, 2.0, 3.0, 0.5])
    block.load_state_dict(dict(block.state_dict()) | state)  # buffers of its own stay
    y = block(torch.tensor([[[0.0, 2.0], [4.0, 0.0], [1.0, 5.0]]]), torch.zeros(B, D))
    expected = torch.tensor([2.0, 2.5, 6.0, 0.5, 3.0, 5.5]).view(B, T, D)
    assert_close(y.detach(), expected, atol=1e-4, name="y")  # the example has four digits
