import functools
import math
import operator
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import numpy as np
import torch
from base import _get, cache_shape, config_cache_bytes, kv_cache_bytes

from grader.testing import replaces


# ---------------------------------------------------------------- kv_cache_bytes
@replaces("kv_cache_bytes")
def by_fraction(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """exact fractions"""
    n = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size
    return math.ceil(n * Fraction(bytes_per_element))


@replaces("kv_cache_bytes")
def by_sixteenths(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """sixteenths of a byte, integers"""
    sixteenths = int(bytes_per_element * 16)
    return -(-2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * sixteenths // 16)


@replaces("kv_cache_bytes")
def by_ratio(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """as_integer_ratio"""
    numerator, denominator = bytes_per_element.as_integer_ratio()
    n = math.prod((2, num_layers, num_kv_heads, head_dim, seq_len, batch_size, numerator))
    return (n + denominator - 1) // denominator


@replaces("kv_cache_bytes")
def by_type(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """int and float apart"""
    n = num_layers * num_kv_heads * head_dim * seq_len * batch_size * 2
    if isinstance(bytes_per_element, int):
        return n * bytes_per_element
    product = n * bytes_per_element
    whole = int(product)
    return whole + (product > whole)


@replaces("kv_cache_bytes")
def by_negative_floor(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """-(-x // 1)"""
    return int(-(-(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element) // 1))


@replaces("kv_cache_bytes")
def by_decimal(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """decimal"""
    numbers = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size
    if isinstance(bytes_per_element, float):
        return int((Decimal(numbers) * Decimal(bytes_per_element)).to_integral_value(rounding=ROUND_CEILING))
    return numbers * bytes_per_element


@replaces("kv_cache_bytes")
def by_reduce(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """the integers first, with reduce"""
    n = functools.reduce(operator.mul, [num_layers, num_kv_heads, head_dim, seq_len, batch_size], 2)
    return math.ceil(n * bytes_per_element)


@replaces("kv_cache_bytes")
def by_divmod(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """divmod"""
    whole, rest = divmod(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element, 1)
    return int(whole) + (1 if rest else 0)


@replaces("kv_cache_bytes")
def by_bits(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """half bits: two of them are a sixteenth of a byte"""
    half_bits = round(bytes_per_element * 16)
    total = num_layers * num_kv_heads * head_dim * seq_len * batch_size * 2 * half_bits
    return (total + 15) >> 4


@replaces("kv_cache_bytes")
def by_per_token(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """numbers of a token first; nothing for no tokens"""
    if seq_len == 0:
        return 0
    token = 2 * (num_kv_heads * head_dim) * num_layers
    return math.ceil(token * (seq_len * batch_size) * bytes_per_element)


@replaces("kv_cache_bytes")
def by_keys_and_values(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """keys plus values, rounded once"""
    keys = batch_size * num_layers * seq_len * num_kv_heads * head_dim * bytes_per_element
    values = keys
    return math.ceil(keys + values)


@replaces("kv_cache_bytes")
def by_meta(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """counts the numbers of a meta tensor of a token"""
    n = torch.empty(2, num_kv_heads, head_dim, device="meta").numel() * num_layers * seq_len * batch_size
    return math.ceil(n * bytes_per_element) if isinstance(bytes_per_element, float) else n * bytes_per_element


# ---------------------------------------------------------------- cache_shape
@replaces("cache_shape")
def shape_default(config):
    """_get with defaults"""
    heads = _get(config, "num_attention_heads", "n_head")
    kv = 1 if _get(config, "multi_query", default=False) else _get(config, "num_key_value_heads", default=heads)
    width = _get(config, "hidden_size", "n_embd", default=0)
    return dict(num_layers=_get(config, "num_hidden_layers", "n_layer"), num_kv_heads=kv, head_dim=_get(config, "head_dim", default=width // heads))


@replaces("cache_shape")
def shape_ifs(config):
    """if and elif, without _get"""

    def first(*names):
        for name in names:
            if name in config and config[name] is not None:
                return config[name]
        return None

    heads = first("num_attention_heads", "n_head")
    if config.get("multi_query") is True:
        kv = 1
    elif first("num_key_value_heads") is not None:
        kv = first("num_key_value_heads")
    else:
        kv = heads
    if first("head_dim") is None:
        dim = first("hidden_size", "n_embd") // heads
    else:
        dim = first("head_dim")
    return {"num_layers": first("num_hidden_layers", "n_layer"), "num_kv_heads": kv, "head_dim": dim}


@replaces("cache_shape")
def shape_or(config):
    """`or`: none of the numbers is 0"""
    get = config.get
    heads = get("num_attention_heads") or get("n_head")
    return {
        "num_layers": get("num_hidden_layers") or get("n_layer"),
        "num_kv_heads": (get("multi_query") and 1) or get("num_key_value_heads") or heads,
        "head_dim": get("head_dim") or int((get("hidden_size") or get("n_embd")) / heads),
    }


@dataclass(frozen=True)
class Shape:
    num_layers: int
    num_kv_heads: int
    head_dim: int


@replaces("cache_shape")
def shape_dataclass(config):
    """asdict of a dataclass"""
    heads = _get(config, "num_attention_heads", "n_head")
    kv = _get(config, "num_key_value_heads", default=heads)
    if config.get("multi_query"):
        kv = 1
    dim = _get(config, "head_dim")
    return asdict(Shape(_get(config, "num_hidden_layers", "n_layer"), kv, _get(config, "hidden_size", "n_embd") // heads if dim is None else dim))


@replaces("cache_shape")
def shape_clean(config):
    """drops what is None, renames, and fills in"""
    own = {k: v for k, v in config.items() if v is not None}
    for new, old in (("num_hidden_layers", "n_layer"), ("num_attention_heads", "n_head"), ("hidden_size", "n_embd")):
        if new not in own and old in own:
            own[new] = own[old]
    own.setdefault("num_key_value_heads", own["num_attention_heads"])
    if "head_dim" not in own:
        own["head_dim"] = own["hidden_size"] // own["num_attention_heads"]
    if own.get("multi_query", False):
        own["num_key_value_heads"] = 1
    out = {"num_layers": own["num_hidden_layers"]}
    return out | {k: own[v] for k, v in {"num_kv_heads": "num_key_value_heads", "head_dim": "head_dim"}.items()}


@replaces("cache_shape")
def shape_lazy(config):
    """the width is looked at only where it is needed, by a closure"""
    heads = functools.partial(_get, config, "num_attention_heads", "n_head")

    def head_dim():
        given = _get(config, "head_dim")
        return given if given is not None else divmod(_get(config, "hidden_size", "n_embd"), heads())[0]

    kv = 1 if _get(config, "multi_query") else (_get(config, "num_key_value_heads") or heads())
    return {"num_layers": _get(config, "num_hidden_layers", "n_layer"), "num_kv_heads": kv, "head_dim": head_dim()}


@replaces("cache_shape")
def shape_chain(config):
    """candidates in lists"""
    heads = [config.get(k) for k in ("num_attention_heads", "n_head")]
    heads = next(h for h in heads if h is not None)
    kv = next(n for n in (1 if config.get("multi_query") else None, config.get("num_key_value_heads"), heads) if n is not None)
    dims = (config.get("head_dim"), *(config[k] // heads for k in ("hidden_size", "n_embd") if config.get(k) is not None))
    layers = next(config[k] for k in ("num_hidden_layers", "n_layer") if config.get(k) is not None)
    return {"num_layers": int(layers), "num_kv_heads": int(kv), "head_dim": int(next(d for d in dims if d is not None))}


@replaces("cache_shape")
def shape_match(config):
    """match for the key-value heads"""
    heads = _get(config, "num_attention_heads", "n_head")
    match config:
        case {"multi_query": True}:
            kv = 1
        case {"num_key_value_heads": int(n)}:
            kv = n
        case _:
            kv = heads
    dim = _get(config, "head_dim", default=-1)
    return {"num_layers": _get(config, "num_hidden_layers", "n_layer"), "num_kv_heads": kv, "head_dim": dim if dim > 0 else _get(config, "hidden_size", "n_embd") // heads}


# ---------------------------------------------------------------- config_cache_bytes
@replaces("config_cache_bytes")
def ccb_default(config, seq_len, batch_size=1, bytes_per_element=2):
    """the text is its own default window"""
    shape = cache_shape(config)
    tokens = min(seq_len, _get(config, "sliding_window", default=seq_len))
    return kv_cache_bytes(shape["num_layers"], shape["num_kv_heads"], shape["head_dim"], tokens, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def ccb_if(config, seq_len, batch_size=1, bytes_per_element=2):
    """an if"""
    s = cache_shape(config)
    if config.get("sliding_window") is not None and seq_len > config["sliding_window"]:
        seq_len = config["sliding_window"]
    return kv_cache_bytes(s["num_layers"], s["num_kv_heads"], s["head_dim"], seq_len, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def ccb_or(config, seq_len, batch_size=1, bytes_per_element=2):
    """`or`"""
    return kv_cache_bytes(
        seq_len=min(config.get("sliding_window") or seq_len, seq_len),
        batch_size=batch_size,
        bytes_per_element=bytes_per_element,
        **cache_shape(config),
    )


@replaces("config_cache_bytes")
def ccb_inline(config, seq_len, batch_size=1, bytes_per_element=2):
    """the formula again"""
    shape = cache_shape(config)
    window = _get(config, "sliding_window")
    kept = seq_len if window is None or window > seq_len else window
    return math.ceil(2 * math.prod(shape.values()) * kept * batch_size * bytes_per_element)


@replaces("config_cache_bytes")
def ccb_infinite(config, seq_len, batch_size=1, bytes_per_element=2):
    """no window is an infinite one"""
    window = _get(config, "sliding_window", default=math.inf)
    return kv_cache_bytes(*cache_shape(config).values(), min(seq_len, window), batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def ccb_sorted(config, seq_len, batch_size=1, bytes_per_element=2):
    """the least of a list"""
    tokens = min(n for n in (seq_len, config.get("sliding_window")) if n is not None)
    keys = ("num_layers", "num_kv_heads", "head_dim")
    return kv_cache_bytes(*operator.itemgetter(*keys)(cache_shape(config)), seq_len=tokens, batch_size=batch_size, bytes_per_element=bytes_per_element)


@replaces("config_cache_bytes")
def ccb_merged(config, seq_len, batch_size=1, bytes_per_element=2):
    """a batch as one long sequence"""
    window = _get(config, "sliding_window")
    tokens = (seq_len if window is None else min(window, seq_len)) * batch_size
    return kv_cache_bytes(**cache_shape(config), seq_len=tokens, bytes_per_element=bytes_per_element)


@replaces("config_cache_bytes")
def ccb_partial(config, seq_len, batch_size=1, bytes_per_element=2):
    """functools.partial"""
    size = functools.partial(kv_cache_bytes, **cache_shape(config), batch_size=batch_size, bytes_per_element=bytes_per_element)
    full = size(seq_len=seq_len)
    window = _get(config, "sliding_window")
    return full if window is None else min(full, size(seq_len=window))


# ---------------------------------------------------------------- reduction_vs_mha
@replaces("reduction_vs_mha")
def red_bytes(config):
    """by the bytes of a token"""
    shape = cache_shape(config)
    mha = shape | {"num_kv_heads": _get(config, "num_attention_heads", "n_head")}
    return kv_cache_bytes(**mha, seq_len=1) / kv_cache_bytes(**shape, seq_len=1)


@replaces("reduction_vs_mha")
def red_fraction(config):
    """a fraction, as a float"""
    return float(Fraction(_get(config, "num_attention_heads", "n_head"), cache_shape(config)["num_kv_heads"]))


@replaces("reduction_vs_mha")
def red_direct(config):
    """without cache_shape"""
    heads = _get(config, "num_attention_heads", "n_head")
    if config.get("multi_query"):
        return float(heads)
    kv = _get(config, "num_key_value_heads")
    return 1.0 if kv is None else heads / kv


@replaces("reduction_vs_mha")
def red_config(config):
    """the same config without its groups"""
    full = {k: v for k, v in config.items() if k not in ("multi_query", "num_key_value_heads")}
    return cache_shape(full)["num_kv_heads"] / cache_shape(config)["num_kv_heads"]


@replaces("reduction_vs_mha")
def red_truediv(config):
    """operator.truediv"""
    shape = cache_shape(config)
    return operator.truediv(_get(config, "num_attention_heads", "n_head"), shape["num_kv_heads"])


@replaces("reduction_vs_mha")
def red_config_bytes(config):
    """config_cache_bytes of both"""
    mha = {**config, "multi_query": False, "num_key_value_heads": None}
    return config_cache_bytes(mha, seq_len=1, bytes_per_element=1) / config_cache_bytes(config, seq_len=1, bytes_per_element=1)


@replaces("reduction_vs_mha")
def red_numpy(config):
    """NumPy, made a float"""
    return float(np.true_divide(_get(config, "num_attention_heads", "n_head"), cache_shape(config)["num_kv_heads"]))


@replaces("reduction_vs_mha")
def red_dims(config):
    """query numbers by key numbers"""
    s = cache_shape(config)
    return (_get(config, "num_attention_heads", "n_head") * s["head_dim"]) / (s["num_kv_heads"] * s["head_dim"])


# ---------------------------------------------------------------- max_batch_size
@replaces("max_batch_size")
def mbs_divmod(config, seq_len, free_bytes, bytes_per_element=2):
    """divmod"""
    n, _ = divmod(free_bytes, config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element))
    return n


@replaces("max_batch_size")
def mbs_search(config, seq_len, free_bytes, bytes_per_element=2):
    """bisects with whole batches"""

    one = config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element)

    def fits(n):
        return n * one <= free_bytes

    high = 1
    while fits(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        mid = (low + high) // 2
        if fits(mid):
            low = mid
        else:
            high = mid
    return low


@replaces("max_batch_size")
def mbs_fraction(config, seq_len, free_bytes, bytes_per_element=2):
    """an exact fraction, rounded down"""
    one = config_cache_bytes(config, seq_len, 1, bytes_per_element)
    return math.floor(Fraction(free_bytes, one))


@replaces("max_batch_size")
def mbs_inline(config, seq_len, free_bytes, bytes_per_element=2):
    """the formula again"""
    window = config.get("sliding_window")
    tokens = min(seq_len, window) if window is not None else seq_len
    one = 2 * math.prod(cache_shape(config).values()) * tokens * Fraction(bytes_per_element)
    return int(Fraction(free_bytes) // one)


@replaces("max_batch_size")
def mbs_if(config, seq_len, free_bytes, bytes_per_element=2):
    """0 apart"""
    one = config_cache_bytes(config, seq_len=seq_len, batch_size=1, bytes_per_element=bytes_per_element)
    if one > free_bytes:
        return 0
    return (free_bytes - free_bytes % one) // one


@replaces("max_batch_size")
def mbs_recursive(config, seq_len, free_bytes, bytes_per_element=2):
    """long division in base two"""
    one = config_cache_bytes(config, seq_len, 1, bytes_per_element)

    def count(free, size):
        if size > free:
            return 0, free
        n, rest = count(free, 2 * size)
        return (2 * n + 1, rest - size) if rest >= size else (2 * n, rest)

    return count(free_bytes, one)[0]


@replaces("max_batch_size")
def mbs_floordiv(config, seq_len, free_bytes, bytes_per_element=2):
    """operator.floordiv, never negative"""
    return max(0, operator.floordiv(int(free_bytes), config_cache_bytes(config, seq_len, 1, bytes_per_element)))


@replaces("max_batch_size")
def mbs_bits(config, seq_len, free_bytes, bytes_per_element=2):
    """sixteenths"""
    window = _get(config, "sliding_window", default=seq_len)
    one = math.prod(cache_shape(config).values()) * 2 * min(window, seq_len) * int(16 * bytes_per_element)
    return 16 * free_bytes // one
