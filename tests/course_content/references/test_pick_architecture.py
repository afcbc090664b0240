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
        "shared_params": params,
        "attn_layers": layers,
        "n_heads": heads[0],
        "n_kv_heads": heads[1],
        "head_dim": 128,
        "bytes_per_param": size,
        "kv_bytes": 2,
    }


MOE = {
    **model("MoE", 0.74, 1605636096, 32, (32, 8), 1),
    "n_experts": 8,
    "top_k": 2,
    "expert_params": 5637144576,
}
HYBRID = {
    **model("hybrid", 0.72, 6473166720, 4, (32, 8), 1),
    "n_experts": 16,
    "top_k": 2,
    "expert_params": 2818572288,
    "state_bytes": 9175040,
}
MODELS = [
    model("dense 8B", 0.62, 8030000000, 32, (32, 8), 2),
    model("dense 33B", 0.76, 33000000000, 60, (56, 8), 2),
    model("dense 13B without GQA", 0.71, 13000000000, 40, (40, 40), 1),
    MOE,
    HYBRID,
]
CUSTOMER = {"prompt_tokens": 7168, "new_tokens": 1024, "max_ttft_s": 1.0, "max_tpot_s": 0.05, "min_quality": 0.7}


def test_table_of_the_statement(ours: ModuleType) -> None:
    statement = (ROOT / "exercises" / "pick_architecture" / "README.md").read_text(encoding="utf-8")
    for m in MODELS:
        plans = [ours.deploy(m, {**CUSTOMER, "users": users}, H100) for users in (1, 16, 64, 256)]
        row = [m["name"], f"{m['quality']:.2f}", f"{m['attn_layers']}", f"{m['n_heads']}, {m['n_kv_heads']}"]
        row += [f"{8 * m['bytes_per_param']} bits", f"{ours.largest_batch(m, CUSTOMER, H100)}", plans[-1]["limit"]]
        row.append(", ".join(str(plan["devices"]) for plan in plans))
        assert "| " + " | ".join(row) + " |" in statement, row


def test_words_of_the_statement(ours: ModuleType) -> None:
    """33B up to 6 users, the MoE from 7, the hybrid from 32; at 64 for a third; 19 and not 31 within 20 ms."""
    assert ours.regimes(MODELS, CUSTOMER, H100, 200) == [(1, "dense 33B"), (7, "MoE"), (32, "hybrid")]
    dollars = [ours.deploy(m, {**CUSTOMER, "users": 64}, H100)["dollars_per_hour"] for m in (HYBRID, MOE)]
    assert 3 * dollars[0] == dollars[1]
    quicker = ours.deploy(MOE, {**CUSTOMER, "max_tpot_s": 0.02, "users": 1000}, H100)
    assert (quicker["batch"], quicker["limit"]) == (19, "time")


def test_models_of_the_lesson(ours: ModuleType) -> None:
    """Its last part has four of them: what fits a device, how long a step takes, and what one of 40 GB serves."""
    roofline = reference("decode_roofline")
    part = (ROOT / "lessons" / "09-depth-vs-width" / "16-which-one-do-we-take.md").read_text(encoding="utf-8")
    names = {"dense 8B": "dense 8B", "dense 33B": "dense 33B", "dense 13B without GQA": "dense 13B", "MoE": "mixture"}
    candidates = [m for m in MODELS if m is not HYBRID]
    for m in candidates:
        name, quality, gigabytes = names[m["name"]], m["quality"], roofline.cache_bytes(m, 1, 8192) / 1e9
        weights = roofline.total_params(m) * m["bytes_per_param"] / 1e9
        assert f"{name:9} quality {quality}, weights {weights:4.1f} GB, cache {gigabytes:.2f} GB" in part
        batch = ours.largest_batch(m, CUSTOMER, H100)
        assert f"{name:9} {batch:2} letters\n" in part
        one, all_of_them = (1e3 * roofline.decode_step(m, n, 8192, H100)["seconds"] for n in (1, batch))
        assert f"{name:9} 1 letter {one:4.1f} ms, {batch:2} letters {all_of_them:4.1f} ms" in part
    small = {**H100, "memory_bytes": 40e9}
    good = [m["name"] for m in candidates if m["quality"] >= 0.7 and ours.largest_batch(m, CUSTOMER, small)]
    assert good == ["dense 13B without GQA"]


def test_a_plan_fits_and_a_smaller_one_does_not(ours: ModuleType) -> None:
    roofline = reference("decode_roofline")
    for m in MODELS:
        for seconds in (0.05, 0.02):
            batch = ours.largest_batch(m, {**CUSTOMER, "max_tpot_s": seconds}, H100)

            def served(users: int, m: dict[str, Any] = m, seconds: float = seconds) -> bool:
                kept = roofline.total_params(m) * m["bytes_per_param"] + roofline.cache_bytes(m, users, 8192)
                return kept <= 80e9 and roofline.decode_step(m, users, 8192, H100)["seconds"] <= seconds

            assert batch == 0 or served(batch)
            assert not served(batch + 1)


def test_the_hybrid_is_jamba() -> None:
    """The hybrid has the parameters and the state of hybrid_layout's Jamba."""
    jamba, ours = reference("hybrid_layout"), reference("decode_roofline")
    count = jamba.count_params(jamba.JAMBA)
    assert (ours.total_params(HYBRID), ours.active_params(HYBRID)) == (count["total"], count["active"])
    kept = jamba.kv_cache_bytes(jamba.JAMBA, 1000, 3, 2) + jamba.ssm_state_bytes(jamba.JAMBA, 3, 2)
    assert ours.cache_bytes(HYBRID, 3, 1000) == kept
