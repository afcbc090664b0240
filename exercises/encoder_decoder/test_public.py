"""The parameters of the layer, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(2)
def test_parameters(submission):
    """the names and shapes of all parameters"""
    D, F = 6, 10
    block = submission.Seq2SeqDecoderBlock(D, 3, F)
    linear = {f"{part}_{name}_proj": (D, D) for part in ("self", "cross") for name in ("q", "k", "v", "out")}
    linear |= {"fc1": (F, D), "fc2": (D, F)}
    shapes = {f"{name}.weight": shape for name, shape in linear.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in linear.items()}
    shapes |= {f"{part}_norm.{name}": (D,) for part in ("self", "cross", "ffn") for name in ("weight", "bias")}
    found = {name: tuple(parameter.shape) for name, parameter in block.named_parameters()}
    missing = ", ".join(sorted(shapes.keys() - found.keys()))
    assert not missing, f"The layer lacks these parameters: {missing}."
    extra = ", ".join(sorted(found.keys() - shapes.keys()))
    assert not extra, f"The layer has parameters that nobody will load: {extra}."
    assert_equal(found, shapes, name="shapes of the parameters")


@points(3)
@needs(test_parameters)
def test_example_block(submission):
    """(3, 1) becomes (1, -1), then (-1, 1)"""
    block = submission.Seq2SeqDecoderBlock(d_model=2, num_heads=1, ffn_dim=3)
    state = {name: p.detach() if "norm" in name else 0 * p.detach() for name, p in block.named_parameters()}
    state["cross_out_proj.bias"] = torch.tensor([0.0, 4.0])
    block.load_state_dict(dict(block.state_dict()) | state)  # buffers of its own stay
    y = block(torch.tensor([[[3.0, 1.0]]]), memory=torch.ones(1, 5, 2))
    assert_close(y, torch.tensor([[[-1.0, 1.0]]]), atol=1e-4, name="y")  # eps moves the fifth digit


@points(3)
def test_example_shift(submission):
    """start token first, padding for -100"""
    labels = torch.tensor([[5, 6, 7, -100], [8, -100, -100, -100]])
    expected = torch.tensor([[2, 5, 6, 7], [2, 8, 1, 1]])
    assert_equal(submission.shift_right(labels, decoder_start_token_id=2, pad_token_id=1), expected)
