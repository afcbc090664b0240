"""The examples of the docstrings, and the names of the parameters."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_norm(submission):
    """[3 4] over its root mean square"""
    y = submission.rms_norm(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 10.0]))
    assert_close(y, torch.tensor([0.8485, 11.3137]), atol=1e-4)  # four digits


@points(2)
def test_example_swiglu(submission):
    """x = [1 2]: silu(1) * 2, once and ten times"""
    x, w_down = torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [10.0]])
    w_gate, w_up = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert_close(submission.swiglu(x, w_gate, w_up, w_down), torch.tensor([1.4621, 14.6212]), atol=1e-4)


@points(2)
def test_example_width(submission):
    """4096 needs 11008, as in Llama-2-7B"""
    assert_equal(submission.swiglu_hidden_size(4096), 11008)


@points(3)
def test_parameters(submission):
    """the nine of the docstring, no biases"""
    D, H, F = 12, 3, 32
    block = submission.LlamaBlock(D, H, F)
    found = {name: tuple(parameter.shape) for name, parameter in sorted(block.named_parameters())}
    expected = {
        "down_proj.weight": (D, F),
        "gate_proj.weight": (F, D),
        "input_layernorm.weight": (D,),
        "k_proj.weight": (D, D),
        "o_proj.weight": (D, D),
        "post_attention_layernorm.weight": (D,),
        "q_proj.weight": (D, D),
        "up_proj.weight": (F, D),
        "v_proj.weight": (D, D),
    }
    missing, extra = sorted(expected.keys() - found), sorted(found.keys() - expected)
    assert not missing, f"The block has no parameter {', '.join(missing)}."
    assert not extra, f"The block has a parameter too many: {', '.join(extra)}."
    for name, shape in expected.items():
        assert_equal(found[name], shape, name=f"shape of {name}")
    for norm in (block.input_layernorm.weight, block.post_attention_layernorm.weight):
        assert_equal(norm.detach(), torch.ones(D), name="gain of a new norm")
