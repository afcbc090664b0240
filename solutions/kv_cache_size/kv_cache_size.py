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
    """The bytes that the keys and values of batch_size sequences of seq_len tokens take.

    All numbers are positive; only seq_len may be 0.
    bytes_per_element: int or float: 2 for 16 bits, 0.5 for 4 bits. A float is a multiple of 1/16.
    Returns: an int, rounded up. Where bytes_per_element is an int, it is exact, also above 2**53. Where it is a float,
        it is at most 2**49: up to there the product is exact in floating point too.

    >>> kv_cache_bytes(40, 40, 128, seq_len=1)  # OPT-13B
    819200
    >>> kv_cache_bytes(1, 1, 1, seq_len=3, bytes_per_element=0.75)  # 4.5
    5
    """
    numbers = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size  # K and V
    return math.ceil(numbers * bytes_per_element)


def cache_shape(config: dict) -> dict[str, int]:
    """What one token leaves in the cache: {"num_layers": ..., "num_kv_heads": ..., "head_dim": ...}.

    config: the content of a config.json. Layers are num_hidden_layers or n_layer, query heads
        num_attention_heads or n_head, the width is hidden_size or n_embd. _get reads it.
        Key-value heads: 1 if multi_query is true, else num_key_value_heads, else the query heads.
        Head width: head_dim, else the width divided by the query heads.

    >>> cache_shape({"n_layer": 12, "n_head": 12, "n_embd": 768})  # GPT-2
    {'num_layers': 12, 'num_kv_heads': 12, 'head_dim': 64}
    """
    H = _get(config, "num_attention_heads", "n_head")
    D = _get(config, "hidden_size", "n_embd")
    G = 1 if _get(config, "multi_query") else _get(config, "num_key_value_heads", default=H)
    K = _get(config, "head_dim")
    return {
        "num_layers": _get(config, "num_hidden_layers", "n_layer"),
        "num_kv_heads": G,
        "head_dim": D // H if K is None else K,
    }


def config_cache_bytes(config: dict, seq_len: int, batch_size: int = 1, bytes_per_element: float = 2) -> int:
    """kv_cache_bytes of a model: its cache_shape, and at most sliding_window tokens a sequence where that is set.

    sliding_window: missing, None, or at least 1.

    >>> llama = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128}
    >>> config_cache_bytes(llama, seq_len=8192)  # Llama 3 8B: 1 GiB
    1073741824
    """
    kept = min(seq_len, _get(config, "sliding_window", default=seq_len))  # of each sequence
    return kv_cache_bytes(
        **cache_shape(config), seq_len=kept, batch_size=batch_size, bytes_per_element=bytes_per_element
    )


def reduction_vs_mha(config: dict) -> float:
    """How many times smaller the cache is than with as many key-value heads as query heads.

    >>> reduction_vs_mha({"n_layer": 40, "n_head": 48, "n_embd": 6144, "multi_query": True})  # StarCoder
    48.0
    """
    H = _get(config, "num_attention_heads", "n_head")
    return H / cache_shape(config)["num_kv_heads"]


def max_batch_size(config: dict, seq_len: int, free_bytes: int, bytes_per_element: float = 2) -> int:
    """The largest batch of sequences of seq_len tokens whose cache fits into free_bytes; 0 if none does.

    seq_len: at least 1. free_bytes: 0 or more. The cache of one sequence is a whole number of bytes.

    >>> max_batch_size({"n_layer": 12, "n_head": 12, "n_embd": 768}, seq_len=1024, free_bytes=100_000_000)
    2
    """
    return free_bytes // config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element)
