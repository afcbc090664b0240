"""The parameters of a transformer, counted from its config, part by part."""

from typing import Any


def count_params(config: dict[str, Any]) -> dict[str, int]:
    """The trainable parameters of the whole model, and of each of its parts.

    config: the keys of the README; others are ignored, and a value of None counts as missing.
    Returns: a dict of exact ints, also above 2**53.
        embedding: the tables of tokens, positions and types
        attention, mlp: in all layers, biases included
        norm: all norms, those of the layers, the last one and that of the embedding
        head: the output matrix, unless it is tied or there is none, and the pooler
        total: the sum of these five
        non_embedding: total without embedding and head
    Raises: ValueError unless n_kv_heads divides n_heads; unless n_heads divides d_model, where there is no head_dim;
        for an mlp, norm or attn_bias that the README does not name.

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
    G, F = _get(config, "n_kv_heads", H), _get(config, "d_ff", 4 * D)
    if H % G:
        raise ValueError(f"n_kv_heads {G} does not divide n_heads {H}")
    if config.get("head_dim") is None and D % H:
        raise ValueError(f"n_heads {H} does not divide d_model {D}, and there is no head_dim")
    K = _get(config, "head_dim", D // H)

    q, kv = H * K, G * K
    attention = D * q + 2 * D * kv + q * D  # W_q, W_k and W_v, W_o
    attention += {"none": 0, "qkv": q + 2 * kv, "all": q + 2 * kv + D}[_choice(config, "attn_bias", "none qkv all")]

    into = {"gelu": 1, "swiglu": 2}[_choice(config, "mlp", "gelu swiglu")]  # up; gate and up
    mlp = into * D * F + F * D
    if _get(config, "mlp_bias", False):
        mlp += into * F + D

    norm = {"layernorm": 2 * D, "rmsnorm": D}[_choice(config, "norm", "layernorm rmsnorm")]
    norms = 2 * L + _get(config, "final_norm", True) + _get(config, "embedding_norm", False)

    embedding = (V + _get(config, "max_positions", 0) + _get(config, "type_vocab", 0)) * D
    has_matrix = _get(config, "lm_head", True) and not _get(config, "tied", False)
    head = V * D if has_matrix else 0
    if _get(config, "pooler", False):
        head += D * D + D

    parts = {"embedding": embedding, "attention": L * attention, "mlp": L * mlp, "norm": norms * norm, "head": head}
    total = sum(parts.values())
    return {**parts, "total": total, "non_embedding": total - embedding - head}


def _get(config: dict[str, Any], key: str, default: int) -> int:
    """The value of a key, or the default where it is missing or None."""
    value: int | None = config.get(key)
    return default if value is None else value


def _choice(config: dict[str, Any], key: str, names: str) -> str:
    """One of these names, the first of them where the key is missing or None."""
    first, *_ = allowed = names.split()
    value = first if config.get(key) is None else config[key]
    if value not in allowed:
        raise ValueError(f"{key} must be one of {', '.join(allowed)}, not {value!r}")
    return value
