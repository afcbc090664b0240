"""The reference of dropless_experts against Hugging Face's Mixtral and OLMoE, NumPy, and a block-diagonal matrix.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, randomised, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("dropless_experts")


def sparse_block(name: str, D: int, hidden: int, E: int, k: int) -> Any:
    sizes: dict[str, Any] = {"hidden_size": D, "intermediate_size": hidden, "num_experts_per_tok": k}
    if name == "Mixtral":
        from transformers import MixtralConfig
        from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

        mixtral: Any = MixtralSparseMoeBlock
        return mixtral(MixtralConfig(**sizes, num_local_experts=E, num_attention_heads=1, num_key_value_heads=1))
    from transformers import OlmoeConfig
    from transformers.models.olmoe.modeling_olmoe import OlmoeSparseMoeBlock

    olmoe: Any = OlmoeSparseMoeBlock
    return olmoe(OlmoeConfig(**sizes, num_experts=E, num_attention_heads=1, num_key_value_heads=1))


@pytest.mark.parametrize("name", ["Mixtral", "OLMoE"])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_forward_is_what_a_sparse_block_computes(
    ours: ModuleType, name: str, k: int, generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    T, D, hidden, E = 13, 8, 6, 5
    theirs = randomised(sparse_block(name, D, hidden, E, k), generator).double()
    x = torch.randn(T, D, generator=generator, dtype=torch.float64)
    p = theirs.state_dict()
    logits = x @ p["gate.weight"].T
    if name == "Mixtral":
        chosen, indices = logits.topk(k)
        weights = chosen.softmax(-1)
    else:  # not renormalised
        weights, indices = logits.softmax(-1).topk(k)
    w1, w3 = p["experts.gate_up_proj"].split(hidden, dim=1)
    y = ours.dropless_forward(x, indices, weights, w1, p["experts.down_proj"], w3)
    assert close(y, theirs(x[None])[0], atol=1e-6)  # theirs rounds the probabilities to float32


def test_grouped_product_is_a_block_diagonal_matrix(ours: ModuleType, generator: torch.Generator) -> None:
    """Rows side by side, one block of a block-diagonal matrix for each segment: the product is block-diagonal too."""
    lengths, E, width, out = [2, 0, 5, 1], 4, 4, 3
    weight = torch.randn(E, out, width, generator=generator, dtype=torch.float64)
    rows = torch.randn(sum(lengths), width, generator=generator, dtype=torch.float64)
    product = torch.block_diag(*rows.split(lengths)) @ torch.block_diag(*weight.mT)  # (M, E · out)
    expected = product.view(-1, E, out).sum(1)  # in each row one block alone is not 0
    assert close(ours.grouped_matmul(rows, weight, torch.tensor([0, 2, 2, 7, 8])), expected, atol=1e-12)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    T, D, hidden, E, k = 4, 3, 2, 5, 2
    indices = torch.rand(T, E, generator=generator).argsort(-1)[:, :k]
    shapes = (T, D), (T, k), (E, hidden, D), (E, D, hidden), (E, hidden, D)
    tensors = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]

    def forward(x: Tensor, weights: Tensor, *matrices: Tensor) -> Any:
        return ours.dropless_forward(x, indices, weights, *matrices)

    assert torch.autograd.gradcheck(forward, tensors)


def test_one_expert_is_a_feed_forward_network(ours: ModuleType, generator: torch.Generator) -> None:
    T, D, hidden = 6, 4, 3
    gate, up = nn.Linear(D, hidden, bias=False), nn.Linear(D, hidden, bias=False)
    down = nn.Linear(hidden, D, bias=False)
    x = torch.randn(T, D, generator=generator)
    matrices = (layer.weight[None] for layer in (gate, down, up))
    y = ours.dropless_forward(x, torch.zeros(T, 1, dtype=torch.int64), torch.ones(T, 1), *matrices)
    assert close(y, down(F.silu(gate(x)) * up(x)), atol=1e-6)


def test_figures_of_the_statement(ours: ModuleType) -> None:
    """4,096 tokens, 8 of 64 experts; logits normal around a mean of each expert, whose deviation is 0.7."""
    drawn = torch.Generator().manual_seed(4)
    favourites = 0.7 * torch.randn(64, generator=drawn)
    indices = (torch.randn(4096, 64, generator=drawn) + favourites).topk(8).indices
    order, offsets = ours.sort_by_expert(indices, 64)
    lengths = offsets.diff()
    assert (int(lengths.min()), int(lengths.max())) == (4, 2855)
    found = ours.padded_rows(offsets, 128)
    assert found == {"rows": 32_768, "blocks": 286, "block_rows": 36_608, "capacity_rows": 182_720}
    assert len(order) == 32_768
    capacity = 1.25 * 4096 * 8 / 64
    assert 64 * capacity == 40_960
    assert int((lengths - capacity).clamp(min=0).sum()) == 11_271
