# TRUE CAUSE: takes the active parameters (top_k experts) for what a step reads, whatever the number of tokens: weight_bytes
# is active_params times bytes, so several tokens all share the same k experts, in decode_step and prefill_seconds too.
# expected_experts itself is right but is not used.


def _get(m, key):
    """m[key], or 0 where the model has no such key."""
    return m.get(key, 0)


def total_params(m):
    return _get(m, "shared_params") + _get(m, "expert_params") * _get(m, "n_experts")


def active_params(m):
    return _get(m, "shared_params") + _get(m, "expert_params") * _get(m, "top_k")


def expected_experts(n_experts, top_k, tokens):
    p_idle = 1.0
    for _ in range(tokens):
        p_idle *= (n_experts - top_k) / n_experts
    return n_experts - n_experts * p_idle


def weight_bytes(m, tokens):
    # the weights in use are the active ones, and each is read once however many tokens there are
    return active_params(m) * m["bytes_per_param"]


def cache_bytes(m, batch, context):
    kv = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * context * m["kv_bytes"]
    return (kv + _get(m, "state_bytes")) * batch


def decode_step(m, batch, context, hw):
    attn = 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context
    out = {}
    out["bytes"] = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    out["flops"] = (2 * active_params(m) + attn) * batch
    out["t_memory"] = out["bytes"] / hw["bandwidth"]
    out["t_compute"] = out["flops"] / hw["peak_flops"]
    out["seconds"] = max(out["t_memory"], out["t_compute"])
    out["bound"] = "compute" if out["t_compute"] > out["t_memory"] else "memory"
    out["tokens_per_s"] = batch / out["seconds"]
    return out


def critical_batch(hw, bytes_per_param):
    return bytes_per_param / 2 * hw["peak_flops"] / hw["bandwidth"]


def max_batch(m, context, memory_bytes):
    left = memory_bytes - m["bytes_per_param"] * total_params(m)
    return max(0, int(left // cache_bytes(m, 1, context)))


def prefill_seconds(m, prompt, hw):
    attention = 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * prompt * (prompt + 1) / 2
    compute = (2 * prompt * active_params(m) + attention) / hw["peak_flops"]
    return max(compute, weight_bytes(m, prompt) / hw["bandwidth"])
