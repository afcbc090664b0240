# TRUE CAUSE: The bias of W_o is counted for attn_bias "qkv" as well; it belongs to "all" only.
from typing import Any


def count_params(config: dict[str, Any]) -> dict[str, int]:
    L, D = config["n_layers"], config["d_model"]
    H, V = config["n_heads"], config["vocab_size"]
    G = config.get("n_kv_heads", H)
    K = config["head_dim"] if "head_dim" in config else D // H
    F = config.get("d_ff", 4 * D)
    q, kv = H * K, G * K

    embedding = V * D + config.get("max_positions", 0) * D

    attention = D * q + 2 * D * kv + q * D
    attn_bias = config.get("attn_bias", "none")
    if attn_bias in ("qkv", "all"):
        attention += q + 2 * kv
    if attn_bias != "none":
        attention += D

    inner = 2 if config.get("mlp", "gelu") == "swiglu" else 1
    mlp = inner * D * F + F * D
    if config.get("mlp_bias", False):
        mlp += inner * F + D

    norm = D if config.get("norm", "layernorm") == "rmsnorm" else 2 * D
    head = 0 if config.get("tied", False) else V * D

    parts = {
        "embedding": embedding,
        "attention": L * attention,
        "mlp": L * mlp,
        "norm": (2 * L + 1) * norm,
        "head": head,
    }
    total = sum(parts.values())
    return {**parts, "total": total, "non_embedding": total - embedding - head}
