"""The parameters of a transformer, counted from its config, part by part."""

from typing import Any


def count_params(config: dict[str, Any]) -> dict[str, int]:
    """The trainable parameters of the whole model, and of each of its parts.

    config: the keys of the README: n_layers, d_model, n_heads, vocab_size, and what differs from the defaults.
    Returns: a dict of exact ints, also above 2**63.
        embedding: the tables of tokens and positions
        attention, mlp: in all layers, biases included
        norm: all norms, two in each layer and the last one
        head: the output matrix, unless it is tied
        total: the sum of these five
        non_embedding: total without embedding and head

    >>> gpt2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257, "max_positions": 1024,
    ...         "attn_bias": "all", "mlp_bias": True, "tied": True}
    >>> for part, number in count_params(gpt2).items():
    ...     print(f"{part:14}{number:10}")
    embedding       39383808
    attention       28348416
    mlp             56669184
    norm               38400
    head                   0
    total          124439808
    non_embedding   85056000
    """
    L, D, H, V = (config[key] for key in ("n_layers", "d_model", "n_heads", "vocab_size"))
    G, K, F = config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", 4 * D)

    q, kv = H * K, G * K
    attention = D * q + 2 * D * kv + q * D  # W_q, W_k and W_v, W_o
    attention += {"none": 0, "qkv": q + 2 * kv, "all": q + 2 * kv + D}[config.get("attn_bias", "none")]

    into = {"gelu": 1, "swiglu": 2}[config.get("mlp", "gelu")]  # up; gate and up
    mlp = into * D * F + F * D
    if config.get("mlp_bias", False):
        mlp += into * F + D

    norm = {"layernorm": 2 * D, "rmsnorm": D}[config.get("norm", "layernorm")]

    parts = {
        "embedding": (V + config.get("max_positions", 0)) * D,
        "attention": L * attention,
        "mlp": L * mlp,
        "norm": (2 * L + 1) * norm,
        "head": 0 if config.get("tied", False) else V * D,
    }
    total = sum(parts.values())
    return {**parts, "total": total, "non_embedding": total - parts["embedding"] - parts["head"]}
