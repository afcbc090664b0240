"""The parameters of a stack, the example of its docstring, and the state before the first token."""

import torch

from grader.testing import assert_close, assert_equal, needs, points

SMALL = {
    "vocab_size": 65536,
    "hidden_size": 2,
    "intermediate_size": 3,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "attn_layer_period": 2,
    "attn_layer_offset": 1,
    "num_experts": 3,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 0,
    "mamba_d_state": 4,
    "mamba_d_conv": 3,
    "mamba_expand": 2,
    "mamba_dt_rank": 1,
}
# Four layers: Mamba with one SwiGLU, with experts, attention with one SwiGLU, Mamba with experts.
D, F, H, G, K, E, N, W, Ch, R = 12, 7, 4, 2, 3, 5, 6, 4, 36, 8
MIXED = {
    "vocab_size": 11,
    "hidden_size": D,
    "intermediate_size": F,
    "num_hidden_layers": 4,
    "num_attention_heads": H,
    "num_key_value_heads": G,
    "attn_layer_period": 4,
    "attn_layer_offset": 2,
    "num_experts": E,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "mamba_d_state": N,
    "mamba_d_conv": W,
    "mamba_expand": 3,
    "mamba_dt_rank": R,
    "max_position_embeddings": 262144,  # not one of the 16 keys
}
NORMS = {"norm1.weight": (D,), "norm2.weight": (D,)}
ATTENTION = {
    "mixer.q_proj.weight": (H * K, D),
    "mixer.k_proj.weight": (G * K, D),
    "mixer.v_proj.weight": (G * K, D),
    "mixer.o_proj.weight": (D, H * K),
}
MAMBA = {
    "mixer.in_proj.weight": (2 * Ch, D),
    "mixer.conv1d.weight": (Ch, 1, W),
    "mixer.conv1d.bias": (Ch,),
    "mixer.x_proj.weight": (R + 2 * N, Ch),
    "mixer.dt_proj.weight": (Ch, R),
    "mixer.dt_proj.bias": (Ch,),
    "mixer.A_log": (Ch, N),
    "mixer.D": (Ch,),
    "mixer.out_proj.weight": (D, Ch),
    "mixer.dt_norm.weight": (R,),
    "mixer.b_norm.weight": (N,),
    "mixer.c_norm.weight": (N,),
}
SWIGLU = {"ffn.w1": (F, D), "ffn.w2": (D, F), "ffn.w3": (F, D)}
EXPERTS = {"ffn.gate": (E, D), "ffn.w1": (E, F, D), "ffn.w2": (E, D, F), "ffn.w3": (E, F, D)}


@points(7)
def test_names(submission):
    """the parameters of all kinds of layers, by name"""
    stack = submission.HybridStack(MIXED)
    expected = {"norm.weight": (D,)}
    for i, kind in enumerate((MAMBA | SWIGLU, MAMBA | EXPERTS, ATTENTION | SWIGLU, MAMBA | EXPERTS)):
        expected |= {f"layers.{i}.{name}": shape for name, shape in (NORMS | kind).items()}
    parameters, state = dict(stack.named_parameters()), stack.state_dict()
    for what, found in (("The state_dict", state.keys()), ("named_parameters()", parameters.keys())):
        missing, extra = sorted(expected.keys() - found), sorted(found - expected.keys())
        assert not missing, f"{what} has no {missing[0]}; it has {', '.join(sorted(found)[:3])} ..."
        assert not extra, f"{what} has an entry too many: {extra[0]}."
    for name, shape in expected.items():
        assert_equal(parameters[name].shape, shape, name=f"shape of {name}")


@points(4)
@needs(test_names)
def test_init_state(submission):
    """no token, and zeros, in the dtype of the parameters"""
    B = 9
    for dtype in (torch.float32, torch.float64):
        state = submission.HybridStack(MIXED).to(dtype).init_state(B)
        assert_equal(len(state), 4, name="number of states")
        for i in (0, 1, 3):
            conv, ssm = torch.zeros(B, Ch, W - 1, dtype=dtype), torch.zeros(B, Ch, N, dtype=dtype)
            assert_equal(state[i]["conv"], conv, name=f'state[{i}]["conv"]')
            assert_equal(state[i]["ssm"], ssm, name=f'state[{i}]["ssm"]')
        for name in ("k", "v"):
            assert_equal(state[2][name], torch.zeros(B, G, 0, K, dtype=dtype), name=f'state[2]["{name}"]')


@points(4)
@needs(test_names)
def test_example(submission):
    """two layers, three tokens"""
    stack = submission.HybridStack(SMALL)
    numbers = {name: torch.linspace(-1, 1, p.numel()).view(p.shape) for name, p in stack.state_dict().items()}
    stack.load_state_dict(numbers)
    T, D = 3, 2
    result = stack(torch.tensor([1.0, 2.0, -1.0, 1.0, 0.5, -2.0]).view(1, T, D))
    assert isinstance(result, tuple | list), "forward returns a pair: y, then the state."
    assert len(result) == 2, "forward returns a pair: y, then the state."
    y, state = result
    expected = torch.tensor([0.3810, 1.3619, 0.2914, 1.3839, 0.3543, -1.3691]).view(1, T, D)
    assert_close(y, expected, atol=1e-4, name="y")  # the example has four digits
    assert_equal(len(state), 2, name="number of states")
    assert_equal(state[0]["ssm"].shape, (1, 4, 4), name='shape of state[0]["ssm"]')
    assert_equal(state[1]["k"].shape, (1, 1, T, 1), name='shape of state[1]["k"]')
