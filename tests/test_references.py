"""The reference solutions against implementations that are not ours: torch's own, NumPy's, Hugging Face's.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""


import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right

from tests.references import NO_TRANSFORMERS, close, reference

# causal_mask


@pytest.mark.parametrize("size", [1, 2, 7])
def test_additive_causal_mask_is_that_of_nn_transformer(size: int) -> None:
    ours = reference("causal_mask")
    mask = ours.additive_mask(ours.causal_mask(size))
    assert torch.equal(mask, torch.nn.Transformer.generate_square_subsequent_mask(size))


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (1, 5), (3, 5), (4, 4)])
@pytest.mark.parametrize("additive", [False, True], ids=["bool", "additive"])
def test_causal_mask_attends_like_causal_lower_right(
    queries: int, keys: int, additive: bool, generator: torch.Generator
) -> None:
    ours = reference("causal_mask")
    q = torch.randn(2, 3, queries, 8, generator=generator)
    k, v = torch.randn(2, 2, 3, keys, 8, generator=generator)
    mask = ours.causal_mask(queries, keys)
    mask = ours.additive_mask(mask) if additive else mask
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(queries, keys))
    assert close(attended, expected, atol=1e-6)  # float32, sums of at most 8 terms


@pytest.mark.parametrize(("queries", "keys"), [(4, 4), (2, 6)])
def test_leaks_future_agrees_with_the_influence_of_values(
    queries: int, keys: int, generator: torch.Generator
) -> None:
    """Attention leaks if and only if some output has a gradient with respect to a later value."""
    ours = reference("causal_mask")
    scores = torch.randn(queries, keys, generator=generator)
    for masked in (True, False):
        mask = (
            torch.tensor(np.tri(queries, keys, keys - queries)) > 0
            if masked
            else torch.ones(queries, keys) > 0
        )
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        values = torch.randn(keys, generator=generator).requires_grad_()
        reached = [torch.autograd.grad((weights @ values)[i], values)[0] for i in range(queries)]
        leaks = any(row[i + keys - queries + 1 :].any() for i, row in enumerate(reached))
        assert ours.leaks_future(weights) is leaks


def test_bert_leaks_the_future_and_gpt2_does_not() -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    sizes = {"vocab_size": 50, "attn_implementation": "eager"}
    bert = transformers.BertModel(
        transformers.BertConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, **sizes
        )
    )
    gpt2 = transformers.GPT2Model(transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, **sizes))
    tokens = torch.arange(7)[None]
    leaks = reference("causal_mask").leaks_future
    with torch.no_grad():
        assert leaks(bert.eval()(tokens, output_attentions=True).attentions[0])
        assert not leaks(gpt2.eval()(tokens, output_attentions=True).attentions[0])


# moe_router


@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 7), (7,)], ids=str)
def test_route_is_argsort_and_softmax_of_numpy(shape: tuple[int, ...], generator: torch.Generator) -> None:
    k = 3
    logits = torch.randn(*shape, generator=generator, dtype=torch.float64)
    weights, indices = reference("moe_router").route(logits, k)
    order = np.argsort(-logits.numpy(), axis=-1)[..., :k]
    e = np.exp(np.take_along_axis(logits.numpy(), order, axis=-1))
    assert np.array_equal(indices.numpy(), order)
    assert np.allclose(weights.numpy(), e / e.sum(-1, keepdims=True), rtol=1e-12)


def test_combine_matrix_mixes_experts_as_a_loop_does(generator: torch.Generator) -> None:
    T, E, k, D = 5, 7, 3, 4
    ours = reference("moe_router")
    weights, indices = ours.route(torch.randn(T, E, generator=generator), k)
    outputs = torch.randn(E, D, generator=generator)
    mixed = ours.combine_matrix(weights, indices, E) @ outputs
    looped = [
        sum(w * outputs[e] for w, e in zip(weights[t], indices[t].tolist(), strict=True)) for t in range(T)
    ]
    assert close(mixed, torch.stack(looped), atol=1e-6)  # float32


def test_route_is_the_gate_of_mixtral(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralTopKRouter

    T, E, k, D = 11, 8, 2, 16
    gate = MixtralTopKRouter(MixtralConfig(hidden_size=D, num_local_experts=E, num_experts_per_tok=k))
    with torch.no_grad():
        gate.weight.copy_(torch.randn(E, D, generator=generator))
        x = torch.randn(T, D, generator=generator)
        _, scores, chosen = gate(x)
        weights, indices = reference("moe_router").route(x @ gate.weight.T, k)
    assert torch.equal(indices, chosen)
    assert close(weights, scores, atol=1e-6)  # float32


# selective_scan


def scan_inputs(generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
    Bt, Ch, N, T = 2, 3, 4, 6

    def randn(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=dtype)

    return {
        "u": randn(Bt, Ch, T),
        "delta": randn(Bt, Ch, T),
        "A": -randn(Ch, N).exp(),
        "B": randn(Bt, N, T),
        "C": randn(Bt, N, T),
        "D": randn(Ch),
        "z": randn(Bt, Ch, T),
        "delta_bias": randn(Ch),
    }


def test_selective_scan_is_the_recurrence_number_by_number(generator: torch.Generator) -> None:
    inputs = scan_inputs(generator, torch.float64)
    h0 = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    y, last = reference("selective_scan").selective_scan(**inputs, delta_softplus=True, h0=h0)

    u, delta, A, B, C, D, z, bias = (x.numpy() for x in inputs.values())
    for b, c in np.ndindex(2, 3):
        h = h0[b, c].numpy()
        for t in range(6):
            step = np.logaddexp(0.0, delta[b, c, t] + bias[c])
            h = np.exp(step * A[c]) * h + step * u[b, c, t] * B[b, :, t]
            out = (C[b, :, t] @ h + D[c] * u[b, c, t]) * z[b, c, t] / (1 + np.exp(-z[b, c, t]))
            assert abs(out - y[b, c, t].item()) < 1e-12
        assert np.allclose(last[b, c].numpy(), h, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("options", [(), ("D",), ("z",), ("D", "z", "delta_bias")], ids=str)
@pytest.mark.parametrize("softplus", [False, True], ids=["delta", "softplus"])
def test_selective_scan_is_the_slow_path_of_mamba(
    options: tuple[str, ...], softplus: bool, generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba.modeling_mamba import mamba_selective_scan

    inputs = scan_inputs(generator, torch.float32)
    if not softplus:
        inputs["delta"] = inputs["delta"].abs()
        inputs["delta_bias"] = inputs["delta_bias"].abs()
    required = [inputs[name] for name in ("u", "delta", "A", "B", "C")]
    chosen = {name: inputs[name] for name in options}
    theirs = mamba_selective_scan(*required, **chosen, delta_softplus=softplus, return_last_state=True)
    ours = reference("selective_scan").selective_scan(*required, **chosen, delta_softplus=softplus)
    for actual, expected in zip(ours, theirs, strict=True):
        assert close(actual, expected, atol=1e-4)  # float32, values of size 10
