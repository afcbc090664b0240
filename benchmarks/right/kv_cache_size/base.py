"""The memory of a KV cache."""

import math


def _get(config, *keys, default=None):
    return next((config[key] for key in keys if config.get(key) is not None), default)


def kv_cache_bytes(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    return math.ceil(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


def cache_shape(config):
    heads = _get(config, "num_attention_heads", "n_head")
    head_dim = _get(config, "head_dim")
    if head_dim is None:
        head_dim = _get(config, "hidden_size", "n_embd") // heads
    return {
        "num_layers": _get(config, "num_hidden_layers", "n_layer"),
        "num_kv_heads": 1 if config.get("multi_query") else _get(config, "num_key_value_heads", default=heads),
        "head_dim": head_dim,
    }


def config_cache_bytes(config, seq_len, batch_size=1, bytes_per_element=2):
    window = _get(config, "sliding_window")
    tokens = seq_len if window is None else min(seq_len, window)
    return kv_cache_bytes(**cache_shape(config), seq_len=tokens, batch_size=batch_size, bytes_per_element=bytes_per_element)


def reduction_vs_mha(config):
    return _get(config, "num_attention_heads", "n_head") / cache_shape(config)["num_kv_heads"]


def max_batch_size(config, seq_len, free_bytes, bytes_per_element=2):
    return free_bytes // config_cache_bytes(config, seq_len, 1, bytes_per_element)
