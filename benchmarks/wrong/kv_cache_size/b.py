# TRUE CAUSE: reduction_vs_mha compares the width of the model with the width of the kept keys, as if multi-head
# attention always kept D numbers. It is query heads / key-value heads; head_dim may differ from D / H, and the width
# may be missing in the config, where this raises a TypeError.
"""The memory of a KV cache, from a formula and from a model's config.json."""

import math


def _get(config: dict, *keys: str, default: int | None = None) -> int | None:
    """The value of the first of these keys that config has, else default. A value of None counts as missing."""
    return next((config[key] for key in keys if config.get(key) is not None), default)


def kv_cache_bytes(
    num_layers: int,
    num_kv_heads: int,
    head_dim: int,
    seq_len: int,
    batch_size: int = 1,
    bytes_per_element: float = 2,
) -> int:
    numbers = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size
    return math.ceil(numbers * bytes_per_element)


def cache_shape(config: dict) -> dict[str, int]:
    query_heads = _get(config, "num_attention_heads", "n_head")
    if _get(config, "multi_query", default=False):
        kv_heads = 1
    else:
        kv_heads = _get(config, "num_key_value_heads", default=query_heads)
    head_dim = _get(config, "head_dim")
    if head_dim is None:
        head_dim = _get(config, "hidden_size", "n_embd") // query_heads
    return {
        "num_layers": _get(config, "num_hidden_layers", "n_layer"),
        "num_kv_heads": kv_heads,
        "head_dim": head_dim,
    }


def config_cache_bytes(config: dict, seq_len: int, batch_size: int = 1, bytes_per_element: float = 2) -> int:
    kept = min(seq_len, _get(config, "sliding_window", default=seq_len))
    return kv_cache_bytes(
        **cache_shape(config), seq_len=kept, batch_size=batch_size, bytes_per_element=bytes_per_element
    )


def reduction_vs_mha(config: dict) -> float:
    shape = cache_shape(config)
    return _get(config, "hidden_size", "n_embd") / (shape["num_kv_heads"] * shape["head_dim"])


def max_batch_size(config: dict, seq_len: int, free_bytes: int, bytes_per_element: float = 2) -> int:
    return free_bytes // config_cache_bytes(config, seq_len, 1, bytes_per_element)
