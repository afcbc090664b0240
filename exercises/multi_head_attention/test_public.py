"""The parameters of the module, and the examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, assert_equal, needs, points

NAMES = ("q_proj", "k_proj", "v_proj", "out_proj")


@points(3)
def test_parameters(submission):
    """4 D² + 4 D numbers, however many heads"""
    D = 8
    for H, bias in [(1, True), (8, True), (2, False)]:
        shapes = {f"{name}.weight": (D, D) for name in NAMES}
        if bias:
            shapes |= {f"{name}.bias": (D,) for name in NAMES}
        parameters = dict(submission.MultiHeadAttention(D, H, bias=bias).named_parameters())
        assert_equal(sorted(parameters), sorted(shapes), name="names of the parameters")
        for name, shape in shapes.items():
            assert_equal(parameters[name].shape, shape, name=f"shape of {name}")


@points(3)
@needs(test_parameters)
def test_example(submission):
    """two heads of width 1 on three keys"""
    D, H, S = 2, 2, 3
    mha = submission.MultiHeadAttention(D, H, bias=False)
    state = {f"{name}.weight": torch.eye(D) for name in NAMES}
    state["out_proj.weight"] = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    mha.load_state_dict(state)
    query = torch.tensor([[[0.0, math.log(3)]]])
    key = torch.tensor([5.0, 0.0, 7.0, 1.0, 9.0, 0.0]).view(1, S, D)
    value = torch.tensor([10.0, 1.0, 20.0, 3.0, 30.0, 2.0]).view(1, S, D)
    weights = torch.tensor([1 / 3, 1 / 3, 1 / 3, 0.2, 0.6, 0.2]).view(1, H, 1, S)
    assert_close(mha(query, key, value), (torch.tensor([[[24.8, 2.4]]]), weights))
    contributions = torch.tensor([20.0, 0.0, 4.8, 2.4]).view(1, H, 1, D)
    assert_close(mha.head_contributions(query, key, value), contributions)


@points(2)
def test_example_states(submission):
    """a state unpacked, and one head kept of two"""
    torchs = {
        "in_proj_weight": torch.tensor([[1.0], [2.0], [3.0]]),
        "out_proj.weight": torch.tensor([[4.0]]),
    }
    ours = {f"{name}.weight": torch.tensor([[i + 1.0]]) for i, name in enumerate(NAMES)}
    assert_equal(submission.unpack_in_proj(torchs), ours)

    state = {f"{name}.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]) for name in NAMES}
    pruned = {f"{name}.weight": torch.tensor([[3.0, 4.0]]) for name in NAMES[:3]}
    pruned["out_proj.weight"] = torch.tensor([[2.0], [4.0]])
    assert_equal(submission.prune_heads(state, 2, [1]), pruned)
