"""The memory of a KV cache, from a formula and from a model's config.json."""

import math


def kv_cache_bytes(
    num_layers: int,
    num_kv_heads: int,
    head_dim: int,
    seq_len: int,
    batch_size: int = 1,
    bytes_per_element: float = 2,
) -> int:
    """The bytes that the keys and values of batch_size sequences of seq_len tokens take.

    bytes_per_element: int or float: 2 for 16 bits, 0.5 for 4 bits.
    Returns: an int, rounded up; exact, also above 2**53 where bytes_per_element is an int.
    Raises: ValueError unless all numbers are positive; only seq_len may be 0.

    >>> kv_cache_bytes(40, 40, 128, seq_len=1)  # OPT-13B
    819200
    >>> kv_cache_bytes(1, 1, 1, seq_len=3, bytes_per_element=0.75)  # 4.5
    5
    """
    sizes = (num_layers, num_kv_heads, head_dim, batch_size, bytes_per_element)
    if min(sizes) <= 0 or seq_len < 0:
        raise ValueError(f"sizes must be positive and seq_len at least 0, not {sizes} and {seq_len}")
    numbers = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size  # K and V
    return math.ceil(numbers * bytes_per_element)


def cache_shape(config: dict) -> dict[str, int]:
    """What one token leaves in the cache: {"num_layers": ..., "num_kv_heads": ..., "head_dim": ...}.

    config: the content of a config.json. Layers are num_hidden_layers or n_layer, query heads
        num_attention_heads or n_head, the width is hidden_size or n_embd. A value of None counts as missing.
        Key-value heads: 1 if multi_query is true, else num_key_value_heads, else the query heads.
        Head width: head_dim, else the width divided by the query heads.
    Raises: ValueError without layers, without query heads, or with neither head_dim nor a width.

    >>> cache_shape({"n_layer": 12, "n_head": 12, "n_embd": 768})  # GPT-2
    {'num_layers': 12, 'num_kv_heads': 12, 'head_dim': 64}
    """
    L = _first(config, "num_hidden_layers", "n_layer")
    H = _first(config, "num_attention_heads", "n_head")
    D = _first(config, "hidden_size", "n_embd")
    if L is None or H is None:
        raise ValueError("the config names no number of layers or of heads")

    G = 1 if config.get("multi_query") else _first(config, "num_key_value_heads")
    K = _first(config, "head_dim")
    if K is None and D is None:
        raise ValueError("the config names neither head_dim nor hidden_size")
    return {
        "num_layers": L,
        "num_kv_heads": H if G is None else G,
        "head_dim": D // H if K is None else K,
    }


def config_cache_bytes(config: dict, seq_len: int, batch_size: int = 1, bytes_per_element: float = 2) -> int:
    """kv_cache_bytes of a model: its cache_shape, and at most sliding_window tokens where that is set.

    Raises: ValueError as the two functions do.

    >>> llama = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128}
    >>> config_cache_bytes(llama, seq_len=8192)  # Llama 3 8B: 1 GiB
    1073741824
    """
    window = _first(config, "sliding_window")
    kept = seq_len if window is None else min(seq_len, window)
    return kv_cache_bytes(
        **cache_shape(config), seq_len=kept, batch_size=batch_size, bytes_per_element=bytes_per_element
    )


def reduction_vs_mha(config: dict) -> float:
    """How many times smaller the cache is than with as many key-value heads as query heads.

    >>> reduction_vs_mha({"n_layer": 40, "n_head": 48, "n_embd": 6144, "multi_query": True})  # StarCoder
    48.0
    """
    H = _first(config, "num_attention_heads", "n_head")
    return H / cache_shape(config)["num_kv_heads"]


def max_batch_size(config: dict, seq_len: int, free_bytes: int, bytes_per_element: float = 2) -> int:
    """The largest batch of sequences of seq_len tokens whose cache fits into free_bytes; 0 if none does.

    Raises: ValueError if seq_len is 0 or less: any number of empty sequences would fit.

    >>> max_batch_size({"n_layer": 12, "n_head": 12, "n_embd": 768}, seq_len=1024, free_bytes=100_000_000)
    2
    """
    if seq_len <= 0:
        raise ValueError(f"seq_len must be positive, not {seq_len}")
    return free_bytes // config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element)


def _first(config: dict, *keys: str) -> int | None:
    """The value of the first of these keys that has one."""
    return next((config[key] for key in keys if config.get(key) is not None), None)
