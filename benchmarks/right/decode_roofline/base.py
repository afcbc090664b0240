"""A bound on the speed of decoding."""

from collections.abc import Mapping
from typing import Any


def _get(m: Mapping[str, Any], key: str) -> Any:
    return m.get(key, 0)


def total_params(m):
    return m["shared_params"] + _get(m, "n_experts") * _get(m, "expert_params")


def active_params(m):
    return m["shared_params"] + _get(m, "top_k") * _get(m, "expert_params")


def expected_experts(n_experts, top_k, tokens):
    return n_experts * (1 - (1 - top_k / n_experts) ** tokens)


def weight_bytes(m, tokens):
    params = m["shared_params"]
    if _get(m, "n_experts"):
        params += expected_experts(m["n_experts"], m["top_k"], tokens) * m["expert_params"]
    return params * m["bytes_per_param"]


def cache_bytes(m, batch, context):
    per_token = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]
    return batch * (context * per_token + _get(m, "state_bytes"))


def decode_step(m, batch, context, hw):
    read = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    flops = batch * (2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context)
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


def critical_batch(hw, bytes_per_param):
    return hw["peak_flops"] * bytes_per_param / (2 * hw["bandwidth"])


def max_batch(m, context, memory_bytes):
    free = memory_bytes - total_params(m) * m["bytes_per_param"]
    if free <= 0:
        return 0
    return int(free // cache_bytes(m, 1, context))


def prefill_seconds(m, prompt, hw):
    flops = 2 * active_params(m) * prompt
    flops += 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * (prompt * (prompt + 1) // 2)
    return max(weight_bytes(m, prompt) / hw["bandwidth"], flops / hw["peak_flops"])
