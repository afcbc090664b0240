# TRUE CAUSE: with mlp_bias a swiglu MLP gets F + D biases like the gelu one; it has two matrices into the hidden
# width, each with F biases, so 2F + D.
"""Parameters of a transformer by part."""

from typing import Any


def count_params(config: dict[str, Any]) -> dict[str, int]:
    L, D, H, V = (config[key] for key in ("n_layers", "d_model", "n_heads", "vocab_size"))
    G = config.get("n_kv_heads", H)
    K = config.get("head_dim", D // H)
    F = config.get("d_ff", 4 * D)
    q, kv = H * K, G * K

    attention = D * q + 2 * D * kv + q * D
    attn_bias = config.get("attn_bias", "none")
    if attn_bias in ("qkv", "all"):
        attention += q + 2 * kv
    if attn_bias == "all":
        attention += D

    matrices = 3 if config.get("mlp", "gelu") == "swiglu" else 2
    mlp = matrices * D * F
    if config.get("mlp_bias", False):
        mlp += F + D

    one_norm = D if config.get("norm", "layernorm") == "rmsnorm" else 2 * D
    counts = {
        "embedding": (V + config.get("max_positions", 0)) * D,
        "attention": L * attention,
        "mlp": L * mlp,
        "norm": (2 * L + 1) * one_norm,
        "head": 0 if config.get("tied", False) else V * D,
    }
    counts["total"] = sum(counts.values())
    counts["non_embedding"] = counts["total"] - counts["embedding"] - counts["head"]
    return counts
