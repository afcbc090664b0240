"""The reference of deepseek_router against the router of Hugging Face transformers, and against counting in NumPy.

The router is compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


@pytest.mark.parametrize("shift", [0.0, 2.5, -3.0], ids=["bias", "positive bias", "negative bias"])
@pytest.mark.parametrize(
    ("experts", "k", "groups", "stay", "factor", "norm"),
    [
        pytest.param(256, 8, 8, 4, 2.5, True, id="DeepSeek-V3"),
        pytest.param(24, 5, 4, 2, 1.5, False, id="not normalised"),
        pytest.param(24, 12, 4, 2, 1.0, True, id="all that stay"),
        pytest.param(12, 3, 1, 1, 2.0, True, id="one group"),
    ],
)
def test_deepseek_route_is_the_router_of_transformers(
    experts: int, k: int, groups: int, stay: int, factor: float, norm: bool, shift: float
) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    modeling = pytest.importorskip("transformers.models.deepseek_v3.modeling_deepseek_v3", reason=NO_TRANSFORMERS)
    config = transformers.DeepseekV3Config(
        hidden_size=16,
        n_routed_experts=experts,
        num_experts_per_tok=k,
        n_group=groups,
        topk_group=stay,
        routed_scaling_factor=factor,
        norm_topk_prob=norm,
    )
    generator = torch.Generator().manual_seed(0)
    router = modeling.DeepseekV3TopkRouter(config)
    with torch.no_grad():
        router.weight.copy_(torch.randn(experts, 16, generator=generator) / 4)
        router.e_score_correction_bias.copy_(0.1 * torch.randn(experts, generator=generator) + shift)
        logits, expected, theirs = router(torch.randn(50, 16, generator=generator))
    bias = router.e_score_correction_bias
    weights, indices = reference("deepseek_router").deepseek_route(logits, bias, k, groups, stay, factor, norm)
    assert torch.equal(indices.sort(-1).values, theirs.sort(-1).values)
    in_order = [pair[0].gather(-1, pair[1].argsort(-1)) for pair in ((weights, indices), (expected, theirs))]
    torch.testing.assert_close(*in_order, rtol=1e-6, atol=0.0)  # float32, a sum of at most 12 terms


def test_balancing_evens_out_the_loads_of_deepseek_v3() -> None:
    """256 experts, 8 groups: every step moves each bias by gamma, and the busiest expert loses its excess."""
    ours = reference("deepseek_router")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2048, 256, generator=generator) + torch.linspace(-1, 1, 256)
    bias = torch.zeros(256)
    ratios = []
    for _ in range(100):
        load = torch.bincount(ours.deepseek_route(logits, bias, 8, 8, 4, 2.5)[1].flatten(), minlength=256)
        ratios.append(load.max().item() / (2048 * 8 / 256))
        bias = ours.update_bias(bias, ours.deepseek_route(logits, bias, 8, 8, 4, 2.5)[1], 0.005)
    assert ratios[0] > 2.5
    assert ratios[-1] < 1.5
