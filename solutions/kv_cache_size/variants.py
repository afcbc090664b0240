"""Right solutions in other styles. None of them may lose a point."""

from collections import ChainMap, OrderedDict
from fractions import Fraction
from math import prod

import torch
from kv_cache_size import cache_shape, config_cache_bytes, kv_cache_bytes

from grader.testing import replaces


@replaces("kv_cache_bytes")
def fraction(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2) -> int:
    """exact fractions, and rounding up by a negative floor"""
    exact = prod([2, num_layers, num_kv_heads, head_dim, seq_len, batch_size]) * Fraction(bytes_per_element)
    return -(-exact.numerator // exact.denominator)


@replaces("kv_cache_bytes")
def in_bits(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2) -> int:
    """an int stays an int, a float becomes 1/65536 of a byte"""
    per_token = 2 * num_layers * num_kv_heads * head_dim
    unit = 1 << 16
    total = per_token * seq_len * batch_size * int(bytes_per_element * unit)
    whole, rest = divmod(total, unit)
    return whole + (rest > 0)


@replaces("kv_cache_bytes")
def layer_by_layer(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2) -> int:
    """a sum over the layers, once for keys and once for values"""
    if min(num_layers, num_kv_heads, head_dim, batch_size) < 1 or seq_len < 0 or bytes_per_element <= 0:
        raise ValueError("checks what it is given")
    numbers = 0
    for _ in range(num_layers):
        keys = values = num_kv_heads * head_dim * seq_len * batch_size
        numbers += keys + values
    if isinstance(bytes_per_element, int):
        return numbers * bytes_per_element
    above, below = float(bytes_per_element).as_integer_ratio()
    return (numbers * above + below - 1) // below


@replaces("cache_shape")
def chain_map(config) -> dict[str, int]:
    """renames, drops None, and lets defaults stand behind"""
    renamed = {"n_layer": "num_hidden_layers", "n_head": "num_attention_heads", "n_embd": "hidden_size"}
    given = {renamed.get(key, key): value for key, value in config.items() if value is not None}
    full = ChainMap(given, {"num_key_value_heads": given.get("num_attention_heads")})
    heads = full["num_attention_heads"]
    shape = OrderedDict(head_dim=full["head_dim"] if "head_dim" in full else full["hidden_size"] // heads)
    shape["num_layers"] = full["num_hidden_layers"]
    shape["num_kv_heads"] = 1 if full.get("multi_query", False) else full["num_key_value_heads"]
    return dict(shape)


@replaces("cache_shape")
def or_chain(config) -> dict[str, int]:
    """or, since no size is 0; sizes that are missing refused"""
    layers = config.get("num_hidden_layers") or config.get("n_layer")
    heads = config.get("num_attention_heads") or config.get("n_head")
    width = config.get("hidden_size") or config.get("n_embd")
    head_dim = config.get("head_dim") or (width // heads if width and heads else None)
    if not (layers and heads and head_dim):
        raise ValueError("sizes are missing")
    kv_heads = config.get("num_key_value_heads") or heads
    if config.get("multi_query"):
        kv_heads = 1
    return {"head_dim": head_dim, "num_kv_heads": kv_heads, "num_layers": layers}


@replaces("config_cache_bytes")
def by_position(config, seq_len, batch_size=1, bytes_per_element=2) -> int:
    """positional arguments"""
    window = config.get("sliding_window") or seq_len
    shape = cache_shape(config)
    layers, kv_heads, head_dim = (shape[key] for key in ("num_layers", "num_kv_heads", "head_dim"))
    tokens = window if window < seq_len else seq_len
    return kv_cache_bytes(layers, kv_heads, head_dim, tokens, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def shape_of_a_tensor(config, seq_len, batch_size=1, bytes_per_element=2) -> int:
    """counts the elements of a cache on the meta device, of no size at all"""
    shape = cache_shape(config)
    window = config.get("sliding_window")
    tokens = len(range(seq_len)[-window:] if window is not None else range(seq_len))
    sizes = (2, shape["num_layers"], batch_size, shape["num_kv_heads"], tokens, shape["head_dim"])
    cache = torch.empty(sizes, dtype=torch.bfloat16, device="meta")
    above, below = float(bytes_per_element).as_integer_ratio()
    return -(-cache.numel() * above // below)


@replaces("reduction_vs_mha")
def two_caches(config) -> float:
    """the quotient of two caches"""
    shape = cache_shape(config)
    heads = config.get("n_head") or config.get("num_attention_heads")
    return kv_cache_bytes(**{**shape, "num_kv_heads": heads}, seq_len=1) / kv_cache_bytes(**shape, seq_len=1)


@replaces("reduction_vs_mha")
def count_groups(config) -> float:
    """counts how often the key-value heads go into the query heads"""
    heads = config["num_attention_heads"] if config.get("n_head") is None else config["n_head"]
    return float(len(range(0, heads, cache_shape(config)["num_kv_heads"])))


@replaces("max_batch_size")
def one_more(config, seq_len, free_bytes, bytes_per_element=2) -> int:
    """adds sequences until the next does not fit"""
    batch = 0
    while config_cache_bytes(config, seq_len, batch + 1, bytes_per_element) <= free_bytes:
        batch += 1
    return batch


@replaces("max_batch_size")
def bisect(config, seq_len, free_bytes, bytes_per_element=2) -> int:
    """doubles, then halves the interval"""

    def fits(batch):
        return batch == 0 or config_cache_bytes(config, seq_len, batch, bytes_per_element) <= free_bytes

    low, high = 0, 1
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
