"""The reference of pick_architecture against the tables of its statement and of the lesson, and other references."""

from types import ModuleType
from typing import Any

import pytest

from tests.course_content.references.solutions import reference
from tests.paths import ROOT

H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}


@pytest.fixture
def ours() -> ModuleType:
    return reference("pick_architecture")


def model(name: str, quality: float, params: float, layers: int, heads: tuple[int, int], size: float) -> dict[str, Any]:
    return {
        "name": name,
        "quality": quality,
        "tasks": ["generate"],
        "shared_params": params,
        "attn_layers": layers,
        "n_heads": heads[0],
        "n_kv_heads": heads[1],
        "head_dim": 128,
        "bytes_per_param": size,
        "kv_bytes": 2,
    }


MOE = {
    **model("MoE 46.7B, 8 bits", 0.74, 1605636096, 32, (32, 8), 1),
    "n_experts": 8,
    "top_k": 2,
    "expert_params": 5637144576,
}
MODELS = [
    model("dense 8B, 16 bits", 0.62, 8.03e9, 32, (32, 8), 2),
    model("dense 33B, 16 bits", 0.74, 33e9, 60, (56, 8), 2),
    MOE,
    model("dense 13B, 8 bits, no GQA", 0.71, 13e9, 40, (40, 40), 1),
]
REQUEST = {"task": "generate", "prompt_tokens": 7168, "new_tokens": 1024, "min_quality": 0.7}


def test_table_of_the_statement(ours: ModuleType) -> None:
    statement = (ROOT / "exercises" / "pick_architecture" / "README.md").read_text(encoding="utf-8")
    for candidate in MODELS:
        row = [candidate["name"], f"{candidate['quality']:.2f}"]
        for users in (1, 16):
            result = ours.evaluate(candidate, {**REQUEST, "concurrency": users}, H100)
            row.append(f"{result['memory_bytes'] / 1e9:.1f} GB")
            row += [f"{1e3 * result['tpot_s']:.2f}", f"{1e3 * result['cost']:.2f}"]
        assert "| " + " | ".join(row) + " |" in statement, row


def test_choices_of_the_statement_and_the_lesson(ours: ModuleType) -> None:
    """The MoE for one user and for sixteen; in 40 GB the 13B for one user, and none for sixteen."""
    choices = {
        (users, memory): ours.pick(MODELS, {**REQUEST, "concurrency": users}, {**H100, "memory_bytes": memory})[
            "choice"
        ]
        for users in (1, 16)
        for memory in (80e9, 40e9)
    }
    assert choices[1, 80e9] == choices[16, 80e9] == "MoE 46.7B, 8 bits"
    assert choices[1, 40e9] == "dense 13B, 8 bits, no GQA"
    assert choices[16, 40e9] is None


def test_memory_is_that_of_kv_cache_size(ours: ModuleType) -> None:
    cache = reference("kv_cache_size")
    for candidate in MODELS:
        shape = (candidate["attn_layers"], candidate["n_kv_heads"], candidate["head_dim"])
        kept = cache.kv_cache_bytes(*shape, seq_len=8192, batch_size=16)
        without = ours.evaluate(candidate, {**REQUEST, "new_tokens": 0, "concurrency": 16}, H100)["memory_bytes"]
        assert ours.evaluate(candidate, {**REQUEST, "concurrency": 16}, H100)["memory_bytes"] == without + kept


def test_the_hybrid_is_jamba() -> None:
    """What test_hidden.py calls the hybrid has the parameters and the state of hybrid_layout's Jamba."""
    jamba, ours = reference("hybrid_layout"), reference("decode_roofline")
    experts = {"n_experts": 16, "top_k": 2, "expert_params": 2818572288}
    m = {**model("hybrid", 0.7, 6473166720, 4, (32, 8), 1), **experts, "state_bytes": 9175040}
    count = jamba.count_params(jamba.JAMBA)
    assert (ours.total_params(m), ours.active_params(m)) == (count["total"], count["active"])
    kept = jamba.kv_cache_bytes(jamba.JAMBA, 1000, 3, 2) + jamba.ssm_state_bytes(jamba.JAMBA, 3, 2)
    assert ours.cache_bytes(m, 3, 1000) == kept
