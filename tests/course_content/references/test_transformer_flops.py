"""The reference of transformer_flops against the FLOPs that torch counts in models that run, and published numbers.

Models of Hugging Face are run where `transformers` is installed. It is no dependency of the course.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

GPT2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257}
LLAMA_3_8B = {
    "n_layers": 32,
    "d_model": 4096,
    "n_heads": 32,
    "n_kv_heads": 8,
    "d_ff": 14336,
    "vocab_size": 128256,
    "mlp": "swiglu",
}
B, T = 3, 11


@pytest.fixture
def ours() -> ModuleType:
    return reference("transformer_flops")


def counted(run: Callable[[], Any]) -> int:
    """Count the FLOPs of the matrix products in a call, with torch's counter."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def step(run: Callable[[], Tensor]) -> Callable[[], None]:
    """Count the same with a backward pass."""
    return lambda: run().sum().backward()


def test_products(ours: ModuleType) -> None:
    a, b = torch.ones(5, 7), torch.ones(7, 3)
    assert counted(lambda: a @ b) == ours.matmul_flops(5, 7, 3)


def test_attention_by_part(ours: ModuleType) -> None:
    """One layer of attention with grouped heads, part by part."""
    D, H, G, K = 24, 6, 2, 5
    c = {"n_layers": 1, "d_model": D, "n_heads": H, "n_kv_heads": G, "head_dim": K, "vocab_size": 13}
    flops = ours.forward_flops(c, B, T)
    x = torch.randn(B, T, D)
    q, k, v = (torch.randn(n * K, D) for n in (H, G, G))
    assert counted(lambda: [x @ w.T for w in (q, k, v)]) == flops["qkv"]
    queries = torch.randn(B, H, T, K)
    keys = torch.randn(B, G, T, K).repeat_interleave(H // G, dim=1)
    assert counted(lambda: queries @ keys.mT) == flops["scores"]
    weights = torch.softmax(queries @ keys.mT, dim=-1)
    assert counted(lambda: weights @ keys) == flops["values"]
    assert counted(lambda: torch.randn(B, T, H * K) @ torch.randn(H * K, D)) == flops["out"]


@pytest.mark.parametrize("F_", [None, 37], ids=["4D", "37"])
def test_gpt2(ours: ModuleType, F_: int | None) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    c = {"n_layers": 3, "d_model": 24, "n_heads": 4, "vocab_size": 50} | ({"d_ff": F_} if F_ else {})
    sizes = {"n_layer": 3, "n_embd": 24, "n_head": 4, "vocab_size": 50, "n_inner": F_, "n_positions": 20}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, attn_implementation="eager"))
    ids = torch.randint(50, (B, T))
    assert counted(lambda: model(ids)) == ours.forward_flops(c, B, T)["total"]
    assert counted(step(lambda: model(ids).logits)) == ours.train_flops(c, B, T)


@pytest.mark.parametrize("head_dim", [4, 10])
def test_llama(ours: ModuleType, head_dim: int) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    c = {"n_layers": 3, "d_model": 24, "n_heads": 6, "n_kv_heads": 2, "d_ff": 37, "vocab_size": 50, "mlp": "swiglu"}
    c |= {"head_dim": head_dim}
    sizes = {"num_hidden_layers": 3, "hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2}
    sizes |= {"intermediate_size": 37, "vocab_size": 50, "head_dim": head_dim}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, attn_implementation="eager"))
    ids = torch.randint(50, (B, T))
    rest = counted(lambda: model(ids)) - ours.forward_flops(c, B, T)["total"]
    assert rest in (0, B * 2 * (head_dim // 2) * T)  # some releases make the rotary angles by a product too
    assert counted(step(lambda: model(ids).logits)) - rest == ours.train_flops(c, B, T)


def test_recompute(ours: ModuleType) -> None:
    """torch.utils.checkpoint around a layer of three products runs them once more."""
    from torch.utils.checkpoint import checkpoint

    D, width = 8, 20
    w1, w2, w3 = (torch.randn(s, requires_grad=True) for s in ((D, width), (D, width), (width, D)))
    x = torch.randn(B * T, D, requires_grad=True)

    def mlp(x: Tensor) -> Tensor:
        return ((F.silu(x @ w1) * (x @ w2)) @ w3).sin()  # the sine keeps its input, so that all three run again

    c = {"n_layers": 1, "d_model": D, "n_heads": 1, "d_ff": width, "vocab_size": 1, "mlp": "swiglu"}
    one = ours.forward_flops(c, B, T)["mlp"]
    assert counted(step(lambda: mlp(x))) == 3 * one
    assert counted(step(lambda: checkpoint(mlp, x, use_reentrant=False))) == 4 * one


def test_figures_of_the_statement(ours: ModuleType) -> None:
    assert f"{ours.six_nd(174_604_259_328, 300e9):.2e}" == "3.14e+23"
    assert f"{ours.six_nd(70e9, 1.4e12):.2e}" == "5.88e+23"
    assert round(ours.mfu(540.35e9, 238.3e3, 6144 * 275e12), 3) == 0.457
    assert ours.attention_crossover(GPT2) == 6 * 768
    assert ours.attention_crossover(LLAMA_3_8B) == 26624
    rows = []
    for c, n in ((GPT2, 1024), (LLAMA_3_8B, 1024), (LLAMA_3_8B, 131072)):
        flops = ours.forward_flops(c, 1, n)
        parts = flops["qkv"], flops["scores"] + flops["values"], flops["out"], flops["mlp"], flops["logits"]
        rows.append([round(100 * part / flops["total"], 1) for part in parts])
    assert rows == [[14.9, 13.3, 5.0, 39.8, 27.1], [10.4, 3.5, 6.9, 72.5, 6.8], [1.9, 82.1, 1.3, 13.5, 1.3]]
    per_token = ours.train_flops(GPT2, 1, 1024) / 1024
    assert round(per_token / (6 * 124_439_808), 3) == 1.144
    assert round(ours.train_flops(GPT2, 1, 1024) / 1e9) == 875


def test_crossover_is_where_the_parts_meet(ours: ModuleType) -> None:
    n = int(ours.attention_crossover(LLAMA_3_8B))
    flops = ours.forward_flops(LLAMA_3_8B, 1, n)
    assert flops["scores"] + flops["values"] == flops["qkv"] + flops["out"] + flops["mlp"]
