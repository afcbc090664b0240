# TRUE CAUSE: With biases "all" the bias of W_o is counted as wide as its input, q = H·K. A bias has the width of the
# output, which is D for W_o; the two differ where a head is wider than its share.
"""The parameters of a transformer, counted from its config, part by part."""

from typing import Any


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs


def count_params(config: dict[str, Any]) -> dict[str, int]:
    L, D, H, V = config["n_layers"], config["d_model"], config["n_heads"], config["vocab_size"]
    q = H * config.get("head_dim", D // H)
    kv = q // H * config.get("n_kv_heads", H)
    F = config.get("d_ff", 4 * D)

    attention = _linear(D, q) + 2 * _linear(D, kv) + _linear(q, D)
    biases = config.get("attn_bias", "none")
    if biases in ("qkv", "all"):
        attention += q + 2 * kv
    if biases == "all":
        attention += q

    wide = 2 if config.get("mlp", "gelu") == "swiglu" else 1
    mlp = wide * _linear(D, F) + _linear(F, D)
    if config.get("mlp_bias", False):
        mlp += wide * F + D

    one_norm = D if config.get("norm", "layernorm") == "rmsnorm" else 2 * D
    counts = {
        "embedding": V * D + config.get("max_positions", 0) * D,
        "attention": L * attention,
        "mlp": L * mlp,
        "norm": (2 * L + 1) * one_norm,
        "head": 0 if config.get("tied", False) else V * D,
    }
    counts["total"] = sum(counts.values())
    counts["non_embedding"] = counts["total"] - counts["embedding"] - counts["head"]
    return counts
