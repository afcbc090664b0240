# TRUE CAUSE: takes the window for a bound on the whole batch, i.e. on all the tokens that are kept, and not on each sequence:
# config_cache_bytes keeps min(seq_len * batch_size, window) tokens in all (max_batch_size, computed by the same function from one sequence,
# is right).
from math import ceil


def _get(config, *keys, default=None):
    """The value of the first of these keys that config has, else default. A value of None counts as missing."""
    return next((config[key] for key in keys if config.get(key) is not None), default)


def kv_cache_bytes(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    per_token = num_layers * num_kv_heads * head_dim * 2
    total = per_token * seq_len * batch_size * bytes_per_element
    return total if isinstance(total, int) else ceil(total)


def cache_shape(config):
    q = _get(config, "num_attention_heads", "n_head")
    kv = 1 if _get(config, "multi_query", default=False) else _get(config, "num_key_value_heads", default=q)
    dim = _get(config, "head_dim") or _get(config, "hidden_size", "n_embd") // q
    return dict(num_layers=_get(config, "num_hidden_layers", "n_layer"), num_kv_heads=kv, head_dim=dim)


def config_cache_bytes(config, seq_len, batch_size=1, bytes_per_element=2):
    s = cache_shape(config)
    tokens = seq_len * batch_size
    tokens = min(tokens, _get(config, "sliding_window", default=tokens))
    return kv_cache_bytes(s["num_layers"], s["num_kv_heads"], s["head_dim"], tokens, 1, bytes_per_element)


def reduction_vs_mha(config):
    q = _get(config, "num_attention_heads", "n_head")
    return float(q / cache_shape(config)["num_kv_heads"])


def max_batch_size(config, seq_len, free_bytes, bytes_per_element=2):
    one = config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element)
    return int(free_bytes // one)
