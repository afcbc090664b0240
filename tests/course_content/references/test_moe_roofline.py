"""The reference of moe_roofline against random routing, the published figures and the counts of moe_params."""

import math
from types import ModuleType
from typing import Any

import pytest
import torch

from tests.course_content.references.published import MIXTRAL_8X7B, QWEN3_30B_A3B
from tests.course_content.references.solutions import reference

H100 = {"bandwidth": 3.35e12, "peak_flops": 989e12}


@pytest.fixture
def ours() -> ModuleType:
    return reference("moe_roofline")


def model_of(config: dict[str, Any]) -> dict[str, int]:
    """Count the model of a config without dense or shared parts in its sparse layers, with moe_params."""
    L, E = config["num_hidden_layers"], config["num_experts"]
    P = 3 * config["hidden_size"] * config.get("moe_intermediate_size", config["intermediate_size"])
    S = reference("moe_params").count_params(config)["total"] - L * E * P
    k = config["num_experts_per_tok"]
    return {"shared_params": S, "expert_params": P, "num_layers": L, "num_experts": E, "k": k}


@pytest.mark.parametrize(("E", "k", "tokens"), [(8, 2, 1), (8, 2, 8), (64, 6, 11), (256, 8, 30), (5, 5, 3)])
def test_experts_hit_are_those_of_random_routing(ours: ModuleType, E: int, k: int, tokens: int) -> None:
    generator = torch.Generator().manual_seed(0)
    runs = 4000
    indices = torch.rand(runs, tokens, E, generator=generator).topk(k).indices.flatten(1)
    hit = torch.zeros(runs, E).scatter(1, indices, 1.0).sum(1)
    error = float(hit.std()) / math.sqrt(runs)
    assert abs(float(hit.mean()) - ours.expected_experts(E, k, tokens)) <= 5 * error


@pytest.mark.parametrize("config", [MIXTRAL_8X7B, QWEN3_30B_A3B], ids=["Mixtral 8x7B", "Qwen3-30B-A3B"])
def test_one_token_reads_and_uses_the_active_parameters(ours: ModuleType, config: dict[str, Any]) -> None:
    model, count = model_of(config), reference("moe_params").count_params(config)
    step = ours.decode_step(model, 1, **H100)
    assert step["bytes"] == pytest.approx(2 * count["active"], rel=1e-12)
    assert step["flops"] == 2 * count["active"]
    assert ours.resident_bytes(model) == 2 * count["total"]


@pytest.mark.parametrize(
    ("batch", "hit", "read", "milliseconds", "bound"),
    [
        (1, 2.00, 25.8e9, 7.69, "memory"),
        (2, 3.50, 42.7e9, 12.7, "memory"),
        (8, 7.20, 84.4e9, 25.2, "memory"),
        (64, 8.00, 93.4e9, 27.9, "memory"),
        (1070, 8.00, 93.4e9, 27.9, "memory"),
        (1071, 8.00, 93.4e9, 27.9, "compute"),
        (2048, 8.00, 93.4e9, 53.3, "compute"),
    ],
)
def test_figures_of_the_statement_and_the_lessons(
    ours: ModuleType, batch: int, hit: float, read: float, milliseconds: float, bound: str
) -> None:
    model = model_of(MIXTRAL_8X7B)
    assert model["shared_params"] == 1_605_636_096
    step = ours.decode_step(model, batch, **H100)
    assert ours.expected_experts(8, 2, batch) == pytest.approx(hit, abs=0.005)
    assert step["bytes"] == pytest.approx(read, rel=2e-3)
    assert step["seconds"] * 1000 == pytest.approx(milliseconds, rel=4e-3)  # three digits
    assert step["bound"] == bound
    assert ours.crossover_batch(model, **H100) == 1071


@pytest.mark.parametrize("ridge", [0.3, 2.0, 5.5, 40.0, 295.2])
@pytest.mark.parametrize("config", [MIXTRAL_8X7B, QWEN3_30B_A3B], ids=["Mixtral 8x7B", "Qwen3-30B-A3B"])
def test_crossover_is_the_first_of_all_batches(ours: ModuleType, config: dict[str, Any], ridge: float) -> None:
    model = model_of(config)
    found = ours.crossover_batch(model, 1e12, ridge * 1e12)
    bounds = [ours.decode_step(model, b, 1e12, ridge * 1e12)["bound"] for b in range(1, 2 * found + 100)]
    assert bounds == ["memory"] * (found - 1) + ["compute"] * (len(bounds) - found + 1)
