"""The reference of rope_scaling against Hugging Face's rules, and against its formulas in Python's floats.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

MODELS = [  # head_dim, base, factor, old_len
    pytest.param(128, 500000.0, 8.0, 8192, id="llama_3.1_8b"),
    pytest.param(64, 500000.0, 32.0, 8192, id="llama_3.2_1b"),
    pytest.param(128, 1000000.0, 4.0, 32768, id="qwen2.5_7b"),
    pytest.param(64, 10000.0, 40.0, 4096, id="deepseek_v3"),
    pytest.param(16, 5000.0, 1.5, 700, id="small"),
    pytest.param(8, 10000.0, 4.0, 150, id="short_text"),
    pytest.param(32, 10000.0, 1.0, 2048, id="not_scaled"),
]
every_model = pytest.mark.parametrize(("head_dim", "base", "factor", "old_len"), MODELS)


def llama_config(rule: str, head_dim: int, base: float, old_len: int, **rope: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        hidden_size=2 * head_dim,
        num_attention_heads=2,
        head_dim=head_dim,
        max_position_embeddings=old_len,
        rope_parameters={"rope_type": rule, "rope_theta": base, **rope},
    )


def of_hugging_face(
    rule: str, head_dim: int, base: float, old_len: int, *, seq_len: int | None = None, **rope: Any
) -> tuple[Tensor, float]:
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    config = llama_config(rule, head_dim, base, old_len, **rope)
    theta, attention = ROPE_INIT_FUNCTIONS[rule](config, torch.device("cpu"), seq_len=seq_len)
    return theta.double(), attention


def assert_same(ours: tuple[Tensor, float], theirs: tuple[Tensor, float], rtol: float) -> None:
    assert ours[0].dtype == torch.float64
    torch.testing.assert_close(ours[0], theirs[0], rtol=rtol, atol=0.0)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-12)


@every_model
def test_rules_are_those_of_hugging_face(head_dim: int, base: float, factor: float, old_len: int) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    ours, float32 = reference("rope_scaling"), 3e-6
    linear = of_hugging_face("linear", head_dim, base, old_len, factor=factor)
    assert_same(ours.linear_scaling(head_dim, base, factor), linear, float32)
    # The dynamic rule takes the present length over the old one for s, if its factor is 1.
    raised = of_hugging_face("dynamic", head_dim, base, old_len, factor=1.0, seq_len=int(factor * old_len))
    assert_same(ours.ntk_scaling(head_dim, base, factor), raised, float32)
    rope: dict[str, Any] = {"factor": factor, "original_max_position_embeddings": old_len}
    yarn = of_hugging_face("yarn", head_dim, base, old_len, **rope)
    assert_same(ours.yarn_scaling(head_dim, base, factor, old_len), yarn, float32)
    yarn = of_hugging_face("yarn", head_dim, base, old_len, **rope, beta_fast=16.0, beta_slow=3.0)
    assert_same(ours.yarn_scaling(head_dim, base, factor, old_len, 16.0, 3.0), yarn, float32)
    llama3 = of_hugging_face("llama3", head_dim, base, old_len, **rope, low_freq_factor=1.0, high_freq_factor=4.0)
    assert_same(ours.llama3_scaling(head_dim, base, factor, old_len), llama3, float32)
    llama3 = of_hugging_face("llama3", head_dim, base, old_len, **rope, low_freq_factor=2.0, high_freq_factor=9.0)
    assert_same(ours.llama3_scaling(head_dim, base, factor, old_len, 2.0, 9.0), llama3, float32)


def test_hugging_face_multiplies_sine_and_cosine_by_the_attention_factor() -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    config = llama_config("yarn", 8, 10000.0, 4096, factor=4.0, original_max_position_embeddings=4096)
    positions = torch.tensor([0, 3, 500])
    cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), positions[None])
    theta, attention = reference("rope_scaling").yarn_scaling(8, 10000.0, 4.0, 4096)
    angle = positions[:, None] * torch.cat([theta, theta])
    assert close(cos[0].double(), attention * angle.cos(), atol=1e-4)  # float32 angles up to 500
    assert close(sin[0].double(), attention * angle.sin(), atol=1e-4)


@every_model
def test_formulas_in_plain_numbers(head_dim: int, base: float, factor: float, old_len: int) -> None:
    ours, exact = reference("rope_scaling"), 1e-13
    theta = [1 / base ** (2 * i / head_dim) for i in range(head_dim // 2)]

    def mean(shares: list[float]) -> Tensor:
        """θ for a share of 0, θ/s for a share of 1."""
        mixed = [(1 - share) * each + share * each / factor for share, each in zip(shares, theta, strict=True)]
        return torch.tensor(mixed, dtype=torch.float64)

    assert_same(ours.linear_scaling(head_dim, base, factor), (mean([1.0] * len(theta)), 1.0), exact)

    raised = base * factor ** (head_dim / (head_dim - 2))
    angles = torch.tensor([1 / raised ** (2 * i / head_dim) for i in range(head_dim // 2)], dtype=torch.float64)
    assert_same(ours.ntk_scaling(head_dim, base, factor), (angles, 1.0), exact)

    low, high = (head_dim * math.log(old_len / (2 * math.pi * r)) / (2 * math.log(base)) for r in (32, 1))
    low, high = max(math.floor(low), 0), math.ceil(high)
    ramp = [min(max((i - low) / (high - low), 0.0), 1.0) for i in range(head_dim // 2)]
    yarn = ours.yarn_scaling(head_dim, base, factor, old_len)
    assert_same(yarn, (mean(ramp), 0.1 * math.log(factor) + 1), exact)

    keep = [min(max((old_len * each / (2 * math.pi) - 1) / (4 - 1), 0.0), 1.0) for each in theta]
    llama3 = ours.llama3_scaling(head_dim, base, factor, old_len)
    assert_same(llama3, (mean([1 - each for each in keep]), 1.0), exact)
