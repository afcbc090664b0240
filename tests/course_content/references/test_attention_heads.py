"""The reference of attention_heads against the maps and the projection of Hugging Face's Llama, SciPy, and real tokens.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, randomised, reference

B, H, K, D, N, P = 3, 4, 6, 20, 2, 5
T = 2 * P + 3


@pytest.fixture
def ours() -> ModuleType:
    return reference("attention_heads")


def repeated(generator: torch.Generator) -> Tensor:
    """Texts (B, T) of period P, in each of which no token stands twice in a period."""
    block = torch.stack([torch.randperm(30, generator=generator)[:P] for _ in range(B)])
    return block.repeat(1, 3)[:, :T]


def llama(generator: torch.Generator) -> Any:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        vocab_size=30,
        hidden_size=D,
        head_dim=K,
        intermediate_size=8,
        num_hidden_layers=N,
        num_attention_heads=H,
        num_key_value_heads=2,
        attn_implementation="eager",
    )
    model = LlamaModel(config)
    randomised(model, generator)
    for name, parameter in model.named_parameters():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            parameter.mul_(3)  # sharp heads
    return model.double()


def test_scores_of_a_llama_are_those_of_scipy_and_numpy(ours: ModuleType, generator: torch.Generator) -> None:
    maps = torch.stack(llama(generator)(repeated(generator), output_attentions=True).attentions)  # (N, B, H, T, T)
    assert maps.shape == (N, B, H, T, T)
    entropy = stats.entropy(maps.numpy(), axis=-1).mean(axis=(1, 3))
    assert close(ours.attention_entropy(maps), entropy, 1e-6)  # softmax of the model is in float32
    before = np.trace(maps.numpy(), offset=-1, axis1=3, axis2=4).sum(axis=1) / (B * (T - 1))
    assert close(ours.previous_token_score(maps), before, 1e-12)
    wanted = np.array([maps[..., i, i - P + 1].numpy() for i in range(P, T)]).mean(axis=(0, 2))
    assert close(ours.induction_score(maps, P), wanted, 1e-12)


@pytest.mark.parametrize("heads", [[], [2], [3, 0], [1, 0, 3, 2]], ids=str)
def test_a_cut_is_a_projection_that_reads_zeros(ours: ModuleType, heads: list[int], generator: torch.Generator) -> None:
    """Compare with Hugging Face's model, whose heads a hook sets to zero before the output matrix."""
    model = llama(generator)
    ids = repeated(generator)
    projection, read, cut = model.layers[1].self_attn.o_proj, [], []
    projection.register_forward_pre_hook(lambda _, args: read.append(args[0].clone()))

    def zeros(_: Any, args: tuple[Tensor]) -> Tensor:
        rows = args[0].clone()
        for h in heads:
            rows[..., h * K : (h + 1) * K] = 0
        return rows

    projection.register_forward_pre_hook(zeros)
    projection.register_forward_hook(lambda _, args, output: cut.append(output))
    model(ids)
    per_head = read[0].view(B, T, H, K).transpose(1, 2)
    assert close(ours.ablate_heads(per_head, projection.weight, heads), cut[0], 1e-12)
