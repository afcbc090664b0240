"""The parameters of a block and its state before the first token, and the examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(3)
def test_names(submission):
    """eight parameters, as in a checkpoint"""
    # By default N = 128, W = 4, E = 2 D, P = 64 and G = 1.
    small = {"d_state": 5, "d_conv": 3, "expand": 4, "headdim": 2, "ngroups": 3}
    for options, (D, E, H, N, G, W) in (({}, (96, 192, 3, 128, 1, 4)), (small, (6, 24, 12, 5, 3, 3))):
        block = submission.Mamba2Block(D, **options)
        R = E + 2 * G * N
        shapes = {
            "in_proj.weight": (E + R + H, D),
            "conv1d.weight": (R, 1, W),
            "conv1d.bias": (R,),
            "dt_bias": (H,),
            "A_log": (H,),
            "D": (H,),
            "norm.weight": (E,),
            "out_proj.weight": (D, E),
        }
        parameters = dict(block.named_parameters())
        assert_equal(sorted(parameters), sorted(shapes), name="names of the parameters")
        assert_equal(sorted(block.state_dict()), sorted(shapes), name="names in the state_dict")
        for name, shape in shapes.items():
            assert_equal(parameters[name].shape, shape, name=f"shape of {name}")


@points(3)
@needs(test_names)
def test_examples(submission):
    """the examples of the docstrings"""
    T = 3
    x, dt, one = torch.tensor([4.0, 2.0, 1.0]).view(1, T, 1, 1), torch.ones(1, T, 1), torch.ones(1, T, 1, 1)
    result = submission.ssd_scan(x, dt, torch.tensor([-math.log(2)]), one, one, torch.tensor([10.0]), chunk=2)
    assert isinstance(result, tuple | list), "ssd_scan returns a pair: y, then the state."
    assert len(result) == 2, "ssd_scan returns a pair: y, then the state."
    y, h = result
    assert_close(y, torch.tensor([44.0, 24.0, 13.0]).view(1, T, 1, 1), name="y")
    assert_close(h, torch.full((1, 1, 1, 1), 3.0), name="h")

    y, z = torch.tensor([3.0, 4.0, 1.0, 1.0]), torch.full((4,), 100.0)
    u = submission.gated_rms_norm(y, z, torch.tensor([1.0, 1.0, 1.0, 2.0]), groups=2)
    assert_close(u, torch.tensor([0.8485, 1.1314, 1.0, 2.0]), atol=1e-4)  # the examples have four digits

    block = submission.Mamba2Block(d_model=1, d_state=1, d_conv=2, expand=2, headdim=1)
    parameters = {name: torch.ones_like(tensor) for name, tensor in block.state_dict().items()}
    parameters |= {"norm.weight": torch.tensor([1.0, 3.0]), "D": torch.tensor([0.0, 2.0])}
    block.load_state_dict(parameters)
    y, state = block(torch.tensor([1.0, -1.0, 0.5]).view(1, T, 1))
    assert_close(y, torch.tensor([4.2267, -4.4626, 4.3429]).view(1, T, 1), atol=1e-4, name="y")
    assert_close(state["conv"], torch.full((1, 4, 1), 0.5), name='state["conv"]')
    assert_close(state["ssm"], torch.full((1, 2, 1, 1), 0.1783), atol=1e-4, name='state["ssm"]')
