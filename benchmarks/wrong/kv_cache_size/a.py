# TRUE CAUSE: max_batch_size computes the cache of one sequence with all seq_len tokens and forgets the sliding
# window, so models with a window get too small a batch.
"""Bytes of a KV cache."""

import math


def _get(config: dict, *keys: str, default: int | None = None) -> int | None:
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


def _query_heads(config: dict) -> int:
    return _get(config, "num_attention_heads", "n_head")


def cache_shape(config: dict) -> dict[str, int]:
    heads = _query_heads(config)
    if config.get("multi_query"):
        kv_heads = 1
    else:
        kv_heads = _get(config, "num_key_value_heads", default=heads)
    head_dim = _get(config, "head_dim")
    if head_dim is None:
        head_dim = _get(config, "hidden_size", "n_embd") // heads
    return {
        "num_layers": _get(config, "num_hidden_layers", "n_layer"),
        "num_kv_heads": kv_heads,
        "head_dim": head_dim,
    }


def config_cache_bytes(config: dict, seq_len: int, batch_size: int = 1, bytes_per_element: float = 2) -> int:
    window = _get(config, "sliding_window")
    if window is not None:
        seq_len = min(seq_len, window)
    return kv_cache_bytes(
        **cache_shape(config), seq_len=seq_len, batch_size=batch_size, bytes_per_element=bytes_per_element
    )


def reduction_vs_mha(config: dict) -> float:
    return _query_heads(config) / cache_shape(config)["num_kv_heads"]


def max_batch_size(config: dict, seq_len: int, free_bytes: int, bytes_per_element: float = 2) -> int:
    one = kv_cache_bytes(**cache_shape(config), seq_len=seq_len, bytes_per_element=bytes_per_element)
    return free_bytes // one
