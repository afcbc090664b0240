from typing import Any


def count_params(config: dict[str, Any]) -> dict[str, int]:
    layers, d, h, v = (config[key] for key in ("n_layers", "d_model", "n_heads", "vocab_size"))
    g = config.get("n_kv_heads", h)
    k = config["head_dim"] if "head_dim" in config else d // h
    f = config.get("d_ff", 4 * d)
    q, kv = h * k, g * k

    attention = 2 * d * q + 2 * d * kv
    bias = config.get("attn_bias", "none")
    if bias != "none":
        attention += q + 2 * kv
    if bias == "all":
        attention += d

    mats = 3 if config.get("mlp", "gelu") == "swiglu" else 2
    mlp = mats * d * f
    if config.get("mlp_bias", False):
        mlp += (mats - 1) * f + d

    norm = d if config.get("norm", "layernorm") == "rmsnorm" else 2 * d
    parts = {
        "embedding": v * d + config.get("max_positions", 0) * d,
        "attention": layers * attention,
        "mlp": layers * mlp,
        "norm": (2 * layers + 1) * norm,
        "head": 0 if config.get("tied", False) else v * d,
    }
    total = sum(parts.values())
    return {**parts, "total": total, "non_embedding": total - parts["embedding"] - parts["head"]}
