"""The reference of gated_delta_net against Qwen3-Next, a system for the whole text, and SSD.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

Bt, T, H, K, V = 2, 13, 3, 4, 5


@pytest.fixture
def ours() -> ModuleType:
    return reference("gated_delta_net")


@pytest.fixture
def inputs(generator: torch.Generator) -> tuple[Tensor, ...]:
    """q, k (2, 13, 3, 4), v (2, 13, 3, 5), g and beta (2, 13, 3), float64."""
    q, k = torch.randn(2, Bt, T, H, K, generator=generator, dtype=torch.float64)
    v = torch.randn(Bt, T, H, V, generator=generator, dtype=torch.float64)
    g, beta = torch.rand(2, Bt, T, H, generator=generator, dtype=torch.float64)
    return q, 0.6 * k, v, -g, beta


@pytest.fixture
def state(generator: torch.Generator) -> Tensor:
    return torch.randn(Bt, H, K, V, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", ["torch_recurrent_gated_delta_rule", "torch_chunk_gated_delta_rule"])
@pytest.mark.parametrize("normalised", [False, True])
def test_both_forms_are_those_of_qwen3_next(
    ours: ModuleType, inputs: tuple[Tensor, ...], state: Tensor, name: str, normalised: bool
) -> None:
    """Theirs divides q by √K and can normalise inside."""
    qwen = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next", reason=NO_TRANSFORMERS)
    q, k, v, g, beta = (tensor.float() for tensor in inputs)
    options = {"initial_state": state.float(), "output_final_state": True, "use_qk_l2norm_in_kernel": normalised}
    expected = getattr(qwen, name)(q, k, v, g, beta, **options)
    if normalised:
        q, k = ours.l2_normalize(q), ours.l2_normalize(k)
    q = q / K**0.5
    chunks = (ours.gated_delta_chunked(q, k, v, g, beta, chunk, state.float()) for chunk in (1, 4, 64))
    for found in (ours.gated_delta_recurrent(q, k, v, g, beta, state.float()), *chunks):
        for mine, theirs in zip(found, expected, strict=True):
            assert close(mine, theirs, atol=2e-5)  # theirs computes in float32


def test_norm_is_that_of_qwen3_next(ours: ModuleType, generator: torch.Generator) -> None:
    qwen = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next", reason=NO_TRANSFORMERS)
    x = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    x[1, 2] = 0.0
    assert close(ours.l2_normalize(x), qwen.l2norm(x), atol=1e-15)


def test_gates_are_those_of_the_layer_of_qwen3_next(
    ours: ModuleType, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the place of its rule stands a function that keeps what it is given."""
    qwen = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next", reason=NO_TRANSFORMERS)
    config = qwen.Qwen3NextConfig(
        hidden_size=12, linear_num_value_heads=4, linear_num_key_heads=2, linear_key_head_dim=3, linear_value_head_dim=5
    )
    layer = qwen.Qwen3NextGatedDeltaNet(config, layer_idx=0).requires_grad_(False)
    layer.A_log.normal_(generator=generator)
    layer.dt_bias.normal_(generator=generator)
    kept: dict[str, Tensor] = {}

    def keep(query: Tensor, key: Tensor, value: Tensor, g: Tensor, beta: Tensor, **_: object) -> tuple[Tensor, None]:
        kept.update(g=g, beta=beta)
        return torch.zeros_like(value), None

    monkeypatch.setattr(qwen, "torch_chunk_gated_delta_rule", keep)
    x = torch.randn(2, 6, 12, generator=generator)
    layer(x)
    b, a = layer.in_proj_ba(x).unflatten(-1, (2, 4)).split(2, dim=-1)  # for each key head two numbers b, then two a
    g, beta = ours.gates(a.flatten(-2), b.flatten(-2), layer.A_log, layer.dt_bias)
    assert close(kept["g"], g, atol=1e-6)
    assert close(kept["beta"], beta, atol=1e-7)


def test_writes_solve_one_system_for_the_whole_text(ours: ModuleType, inputs: tuple[Tensor, ...]) -> None:
    """What is written follows from scipy's solution of the system that the rule makes of all tokens."""
    for chunk in (None, 3, 5, 13, 20):
        o, S = ours.gated_delta_recurrent(*inputs) if chunk is None else ours.gated_delta_chunked(*inputs, chunk)
        for b in range(Bt):
            for h in range(H):
                q, k, v, g, beta = (tensor[b, :, h].numpy() for tensor in inputs)
                L = np.array([[np.exp(g[j + 1 : i + 1].sum()) if j <= i else 0.0 for j in range(T)] for i in range(T)])
                M = np.eye(T) + beta[:, None] * np.tril(L * (k @ k.T), -1)
                U = scipy.linalg.solve(M, beta[:, None] * v)
                assert close(o[b, :, h], (L * (q @ k.T)) @ U, atol=1e-11)
                assert close(S[b, h], (L[-1, :, None] * k).T @ U, atol=1e-11)


def test_orthogonal_keys_make_it_ssd(ours: ModuleType, inputs: tuple[Tensor, ...]) -> None:
    """Where no key meets another, nothing is corrected, and what is left is Mamba-2 with x = β v."""
    q, _, v, g, beta = (tensor[:, :K] for tensor in inputs)
    k = torch.eye(K, dtype=torch.float64)[:, None].expand(Bt, K, H, K)
    y, h = reference("ssd_duality").ssd_chunked(beta[..., None] * v, g, k, q, 2)
    for found in (ours.gated_delta_recurrent(q, k, v, g, beta), ours.gated_delta_chunked(q, k, v, g, beta, 3)):
        assert close(found[0], y, atol=1e-12)
        assert close(found[1], h.mT, atol=1e-12)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, inputs: tuple[Tensor, ...], state: Tensor) -> None:
    leaves = [tensor[:, :5].clone().requires_grad_() for tensor in inputs] + [state.clone().requires_grad_()]

    def chunked(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        *five, S = tensors
        found: tuple[Tensor, Tensor] = ours.gated_delta_chunked(*five, 3, S)
        return found

    assert torch.autograd.gradcheck(ours.gated_delta_recurrent, leaves, fast_mode=True)
    assert torch.autograd.gradcheck(chunked, leaves, fast_mode=True)


def test_figures_of_the_statement(ours: ModuleType) -> None:
    """Of Qwen3-Next, of the overflow, and of the long key."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = transformers.Qwen3NextConfig()
    kinds = config.layer_types
    assert (len(kinds), kinds.count("linear_attention")) == (48, 36)
    state = config.linear_num_value_heads * config.linear_key_head_dim * config.linear_value_head_dim
    assert state == 524_288
    for dtype, edge in ((torch.float32, 89.0), (torch.float64, 710.0)):
        assert torch.tensor(edge, dtype=dtype).exp().isinf()
        assert torch.tensor(edge - 1, dtype=dtype).exp().isfinite()
    k = torch.tensor([2.0, 0.0], dtype=torch.float64)
    assert torch.linalg.eigvalsh(torch.eye(2, dtype=torch.float64) - torch.outer(k, k)).tolist() == [-3.0, 1.0]


def test_answer_to_the_question(ours: ModuleType) -> None:
    """With β = 2 a 1 turns the sign of what lies under its key, and a state of one number is the parity of the bits."""
    bits = torch.tensor([1, 0, 1, 1, 0, 1, 1])
    one = torch.ones(1, len(bits), 1, 1)
    beta = 2.0 * bits.view(1, -1, 1)
    o, _ = ours.gated_delta_recurrent(one, one, 0 * one, 0 * beta, beta, torch.ones(1, 1, 1, 1))
    assert o.flatten().tolist() == [1.0 - 2.0 * (int(bits[: t + 1].sum()) % 2) for t in range(len(bits))]
