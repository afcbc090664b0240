# TRUE CAUSE: (1) critical_batch lacks the 2 in the denominator, the two FLOPs per weight, and is twice too large.
# (2) max_batch does not return 0 where the weights do not fit: the number comes out negative.
from collections.abc import Mapping
from typing import Any


def _get(m: Mapping[str, Any], key: str) -> Any:
    """m[key], or 0 where the model has no such key."""
    return m.get(key, 0)


def total_params(m: Mapping[str, Any]) -> int:
    return m["shared_params"] + _get(m, "n_experts") * _get(m, "expert_params")


def active_params(m: Mapping[str, Any]) -> int:
    return m["shared_params"] + _get(m, "top_k") * _get(m, "expert_params")


def expected_experts(n_experts: int, top_k: int, tokens: int) -> float:
    missed = (1 - top_k / n_experts) ** tokens
    return n_experts * (1 - missed)


def weight_bytes(m: Mapping[str, Any], tokens: int) -> float:
    params = m["shared_params"]
    if _get(m, "n_experts"):
        params = params + expected_experts(m["n_experts"], m["top_k"], tokens) * m["expert_params"]
    return params * m["bytes_per_param"]


def cache_bytes(m: Mapping[str, Any], batch: int, context: int) -> float:
    per_token = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]
    return batch * (context * per_token + _get(m, "state_bytes"))


def _pair_flops(m: Mapping[str, Any]) -> int:
    return 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"]


def decode_step(m: Mapping[str, Any], batch: int, context: int, hw: Mapping[str, float]) -> dict[str, Any]:
    read = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    flops = batch * (2 * active_params(m) + _pair_flops(m) * context)
    t_memory = read / hw["bandwidth"]
    t_compute = flops / hw["peak_flops"]
    seconds = max(t_memory, t_compute)
    return {
        "bytes": read,
        "flops": flops,
        "t_memory": t_memory,
        "t_compute": t_compute,
        "seconds": seconds,
        "bound": "memory" if t_memory >= t_compute else "compute",
        "tokens_per_s": batch / seconds,
    }


def critical_batch(hw: Mapping[str, float], bytes_per_param: float) -> float:
    return hw["peak_flops"] * bytes_per_param / hw["bandwidth"]


def max_batch(m: Mapping[str, Any], context: int, memory_bytes: float) -> int:
    free = memory_bytes - total_params(m) * m["bytes_per_param"]

    return int(free // cache_bytes(m, 1, context))


def prefill_seconds(m: Mapping[str, Any], prompt: int, hw: Mapping[str, float]) -> float:
    pairs = prompt * (prompt + 1) // 2
    flops = 2 * active_params(m) * prompt + _pair_flops(m) * pairs
    return max(weight_bytes(m, prompt) / hw["bandwidth"], flops / hw["peak_flops"])
