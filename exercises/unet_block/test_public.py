"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(2)
def test_example_embedding(submission):
    """time steps 0 and 100, four numbers each"""
    embedding = submission.timestep_embedding(torch.tensor([0, 100]), 4)
    expected = torch.tensor([[0.0, 0.0, 1.0, 1.0], [-0.5064, 0.0100, 0.8623, 0.9999]])
    assert_close(embedding, expected, atol=1e-4, name="embedding")  # the example has four digits


@points(2)
@needs(test_example_embedding)
def test_example_modules(submission):
    """names of a block's parameters, shapes of results, and a network's 26,555 numbers"""
    B, C, side, E = 2, 4, 6, 16
    block = submission.ResBlock(in_channels=C, out_channels=8, time_dim=E, groups=2)
    modules = sorted({name.split(".")[0] for name, _ in block.named_parameters()})
    expected = ["conv1", "conv2", "conv_shortcut", "norm1", "norm2", "time_emb_proj"]
    assert_equal(modules, expected, name="modules of the block")
    assert_equal(
        block(torch.zeros(B, C, side, side), torch.zeros(B, E)).shape,
        (B, 8, side, side),
        name="shape of the block's result",
    )

    net = submission.UNet(channels=3, base=8, multipliers=(1, 2), groups=4)
    assert_equal(
        net(torch.zeros(B, 3, 8, 8), torch.tensor([0, 7])).shape, (B, 3, 8, 8), name="shape of the network's result"
    )
    assert_equal(sum(parameter.numel() for parameter in net.parameters()), 26555, name="parameters of the network")
