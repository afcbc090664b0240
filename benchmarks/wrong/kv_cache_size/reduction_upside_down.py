# TRUE CAUSE: reduction_vs_mha divides the key-value heads by the query heads, the inverse of what is asked.
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
    heads = _get(config, "num_attention_heads", "n_head")
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
    shape = cache_shape(config)
    return kv_cache_bytes(**shape, seq_len=seq_len, batch_size=batch_size, bytes_per_element=bytes_per_element)


def reduction_vs_mha(config: dict) -> float:
    return cache_shape(config)["num_kv_heads"] / _get(config, "num_attention_heads", "n_head")


def max_batch_size(config: dict, seq_len: int, free_bytes: int, bytes_per_element: float = 2) -> int:
    return free_bytes // config_cache_bytes(config, seq_len, 1, bytes_per_element)
