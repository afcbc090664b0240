"""The parameters of a block, the example of its docstring, and the state before the first token."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(5)
def test_names(submission):
    """nine parameters, as in a checkpoint"""
    for options, (D, E, N, W, R) in (
        ({"dt_rank": 2}, (20, 40, 16, 4, 2)),
        ({"d_state": 5, "d_conv": 3, "expand": 4, "dt_rank": 7}, (6, 24, 5, 3, 7)),
    ):
        block = submission.MambaBlock(D, **options)
        shapes = {
            "in_proj.weight": (2 * E, D),
            "conv1d.weight": (E, 1, W),
            "conv1d.bias": (E,),
            "x_proj.weight": (R + 2 * N, E),
            "dt_proj.weight": (E, R),
            "dt_proj.bias": (E,),
            "A_log": (E, N),
            "D": (E,),
            "out_proj.weight": (D, E),
        }
        parameters = dict(block.named_parameters())
        assert_equal(sorted(parameters), sorted(shapes), name="names of the parameters")
        assert_equal(sorted(block.state_dict()), sorted(shapes), name="names in the state_dict")
        for name, shape in shapes.items():
            assert_equal(parameters[name].shape, shape, name=f"shape of {name}")


@points(5)
@needs(test_names)
def test_example(submission):
    """one channel, and every parameter is 1"""
    block = submission.MambaBlock(d_model=1, d_state=1, d_conv=2, expand=1)
    block.load_state_dict({name: torch.ones_like(tensor) for name, tensor in block.state_dict().items()})
    T = 3
    result = block(torch.tensor([1.0, -1.0, 0.5]).view(1, T, 1))
    assert isinstance(result, tuple | list), "forward returns a pair: y, then the state."
    assert len(result) == 2, "forward returns a pair: y, then the state."
    y, state = result
    expected = torch.tensor([12.5692, -0.4056, 0.1129]).view(1, T, 1)
    assert_close(y, expected, atol=1e-4, name="y")  # the example has four digits
    assert_close(state["conv"], torch.tensor([[[0.5]]]), name='state["conv"]')
    assert_close(state["ssm"], torch.tensor([[[0.1659]]]), atol=1e-4, name='state["ssm"]')


@points(4)
@needs(test_names)
def test_init_state(submission):
    """zeros, in the dtype of the parameters"""
    Bt, D, E, N, W = 5, 3, 6, 7, 4
    for dtype in (torch.float32, torch.float64):
        state = submission.MambaBlock(D, d_state=N, d_conv=W).to(dtype).init_state(Bt)
        assert_equal(state["conv"], torch.zeros(Bt, E, W - 1, dtype=dtype), name='state["conv"]')
        assert_equal(state["ssm"], torch.zeros(Bt, E, N, dtype=dtype), name='state["ssm"]')
