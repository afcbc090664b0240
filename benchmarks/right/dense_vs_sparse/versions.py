import copy
import itertools
import math
import operator
from collections import ChainMap, OrderedDict, UserDict
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import reduce

import numpy as np
import torch
from base import _EXPERT_KEYS, _sizes

from grader.testing import replaces


# ---------------------------------------------------------- flops_per_token
@replaces("flops_per_token")
def flops_loop(config, context):
    """layer by layer"""
    n = _sizes(config)
    total = 2 * n.D * n.V
    for layer in range(n.dense_layers + n.sparse_layers):
        total += 2 * n.D * n.K * (2 * n.H + 2 * n.G)
        total += 4 * n.H * n.K * context
        if layer < n.dense_layers:
            total += 2 * 3 * n.D * n.F
        else:
            total += 2 * (n.D * n.E + 3 * (n.k + n.s) * n.D * n.Fe)
    return total


@replaces("flops_per_token")
def flops_shapes(config, context):
    """a list of matrix shapes"""
    V, D, H, G, K, F, E, k, s, Fe, dense, sparse = _sizes(config)
    attention = [(D, H * K), (D, G * K), (D, G * K), (H * K, D), (H, K * context), (H, context * K)]
    ffn = [(D, F), (D, F), (F, D)]
    moe = [(D, E)] + [(D, Fe), (D, Fe), (Fe, D)] * (k + s)

    def cost(shapes):
        return sum(2 * a * b for a, b in shapes)

    return dense * cost(attention + ffn) + sparse * cost(attention + moe) + cost([(D, V)])


@replaces("flops_per_token")
def flops_own_reading(config, context):
    """reads the config by hand"""
    def get(key, default=None):
        value = config.get(key)
        return default if value is None else value

    D, H, L = config["hidden_size"], config["num_attention_heads"], config["num_hidden_layers"]
    G, K, F, V = get("num_key_value_heads", H), get("head_dim", D // H), config["intermediate_size"], config["vocab_size"]
    E = get("num_experts", 0)
    A = 2 * D * K * (H + G)
    if not E:
        return 2 * (L * (A + 3 * D * F) + D * V) + 4 * L * H * K * context
    first = get("first_k_dense_replace", 0)
    used = get("num_experts_per_tok", 0) + get("n_shared_experts", 0)
    moe = D * E + used * 3 * D * get("moe_intermediate_size", F)
    return 2 * (L * A + first * 3 * D * F + (L - first) * moe + D * V) + 4 * L * H * K * context


@replaces("flops_per_token")
def flops_factored(config, context):
    """D factored out"""
    n = _sizes(config)
    L = n.dense_layers + n.sparse_layers
    per_column = 2 * n.K * (n.H + n.G) * L + 3 * n.F * n.dense_layers + n.V
    per_column += (n.E + 3 * n.Fe * (n.k + n.s)) * n.sparse_layers
    return 2 * n.D * per_column + (n.H * n.K * L * context << 2)


@replaces("flops_per_token")
def flops_fraction(config, context):
    """Fractions"""
    n = _sizes(config)
    L = Fraction(n.dense_layers + n.sparse_layers)
    A = Fraction(n.D * n.K) * (2 * n.H + 2 * n.G)
    ffn = n.dense_layers * Fraction(3 * n.D * n.F) + n.sparse_layers * (n.D * n.E + Fraction(n.k + n.s) * 3 * n.D * n.Fe)
    return int(2 * (L * A + ffn + n.D * n.V) + 4 * L * n.H * n.K * context)


@dataclass
class Counter:
    total: int = 0

    def linear(self, rows, columns, times=1):
        self.total += 2 * rows * columns * times
        return self


@replaces("flops_per_token")
def flops_counter(config, context):
    """an object that counts"""
    n = _sizes(config)
    c = Counter()
    for kind, count in (("dense", n.dense_layers), ("sparse", n.sparse_layers)):
        c.linear(n.D, (n.H + 2 * n.G) * n.K, count).linear(n.H * n.K, n.D, count)
        c.linear(n.H * n.K, context, 2 * count)
        if kind == "dense":
            c.linear(n.D, n.F, 3 * count)
        else:
            c.linear(n.D, n.E, count)
            c.linear(n.D, n.Fe, 3 * count * (n.k + n.s))
    return c.linear(n.D, n.V).total


@replaces("flops_per_token")
def flops_numpy(config, context):
    """dot product of object arrays"""
    n = _sizes(config)
    counts = np.array([n.dense_layers, n.sparse_layers, 1], dtype=object)
    A = 2 * n.D * n.K * (n.H + n.G) + 2 * n.H * n.K * context
    work = np.array([A + 3 * n.D * n.F, A + n.D * n.E + 3 * (n.k + n.s) * n.D * n.Fe, n.D * n.V], dtype=object)
    return 2 * int(counts @ work)


@replaces("flops_per_token")
def flops_helpers(config, context):
    """closures"""
    n = _sizes(config)

    def attention():
        return n.D * n.H * n.K + 2 * n.D * n.G * n.K + n.H * n.K * n.D

    def ffn(sparse):
        return n.D * n.E + sum(3 * n.D * n.Fe for _ in range(n.k + n.s)) if sparse else 3 * n.D * n.F

    layers = [attention() + ffn(False)] * n.dense_layers + [attention() + ffn(True)] * n.sparse_layers
    matrices = sum(layers) + n.D * n.V
    return matrices * 2 + len(layers) * n.H * (2 * n.K * context + 2 * context * n.K)


@replaces("flops_per_token")
def flops_decimal(config, context):
    """Decimal with enough digits"""
    n = _sizes(config)
    with localcontext() as ctx:
        ctx.prec = 200
        D = Decimal(n.D)
        L = n.dense_layers + n.sparse_layers
        total = L * D * n.K * 2 * (n.H + n.G) + n.dense_layers * 3 * D * n.F + D * n.V
        total += n.sparse_layers * D * (n.E + 3 * (n.k + n.s) * n.Fe)
        return int(2 * total + 4 * Decimal(L) * n.H * n.K * context)


@replaces("flops_per_token")
def flops_none_copied(config, context):
    """None taken out first, setdefault on an own dict"""
    c = {key: value for key, value in config.items() if value is not None}
    c.setdefault("num_key_value_heads", c["num_attention_heads"])
    c.setdefault("head_dim", c["hidden_size"] // c["num_attention_heads"])
    c.setdefault("num_experts", 0)
    c.setdefault("num_experts_per_tok", 0)
    c.setdefault("n_shared_experts", 0)
    c.setdefault("moe_intermediate_size", c["intermediate_size"])
    c.setdefault("first_k_dense_replace", 0)
    D, H, K, L = c["hidden_size"], c["num_attention_heads"], c["head_dim"], c["num_hidden_layers"]
    total = D * c["vocab_size"]
    for i in range(L):
        total += 2 * D * K * (H + c["num_key_value_heads"]) + 2 * H * K * context
        if c["num_experts"] == 0 or i < c["first_k_dense_replace"]:
            total += 3 * D * c["intermediate_size"]
        else:
            total += D * c["num_experts"]
            total += (c["num_experts_per_tok"] + c["n_shared_experts"]) * 3 * D * c["moe_intermediate_size"]
    return 2 * total


@replaces("flops_per_token")
def flops_reduce(config, context):
    """math.prod and reduce"""
    n = _sizes(config)
    L = n.dense_layers + n.sparse_layers
    products = [
        (2, L, n.D, n.K, 2 * n.H + 2 * n.G),
        (2, n.dense_layers, 3, n.D, n.F),
        (2, n.sparse_layers, n.D, n.E),
        (2, n.sparse_layers, n.k + n.s, 3, n.D, n.Fe),
        (2, n.D, n.V),
        (4, L, n.H, n.K, context),
    ]
    return reduce(operator.add, map(math.prod, products), 0)


@replaces("flops_per_token")
def flops_affine(config, context):
    """a slope and a constant"""
    n = _sizes(config)
    slope = 4 * (n.dense_layers + n.sparse_layers) * n.H * n.K
    moe = n.D * n.E + 3 * n.D * n.Fe * n.k + 3 * n.D * n.Fe * n.s
    constant = 2 * (n.D * n.V + n.dense_layers * 3 * n.D * n.F + n.sparse_layers * moe)
    constant += 4 * (n.dense_layers + n.sparse_layers) * n.D * n.K * (n.H + n.G)
    return sum(itertools.chain([constant], [slope * context]))


# ---------------------------------------------------------- dense_twin
@replaces("dense_twin")
def twin_pop(config):
    """copy and pop"""
    twin = dict(config)
    n = _sizes(config)
    for key in _EXPERT_KEYS:
        twin.pop(key, None)
    twin["intermediate_size"] = n.Fe * (n.k + n.s) if n.E > 0 else twin["intermediate_size"]
    return twin


@replaces("dense_twin")
def twin_deep(config):
    """deepcopy and del"""
    twin = copy.deepcopy(config)
    sizes = _sizes(twin)
    if sizes.E != 0:
        twin["intermediate_size"] = (sizes.k + sizes.s) * sizes.Fe
    for key in list(twin):
        if key in _EXPERT_KEYS:
            del twin[key]
    return twin


@replaces("dense_twin")
def twin_comprehension(config):
    """one comprehension"""
    n = _sizes(config)
    width = n.Fe * n.k + n.Fe * n.s if n.E else n.F
    return {key: width if key == "intermediate_size" else value for key, value in config.items() if key not in _EXPERT_KEYS}


@replaces("dense_twin")
def twin_union(config):
    """union of dicts, another order of keys"""
    n = _sizes(config)
    rest = {key: config[key] for key in config.keys() - set(_EXPERT_KEYS) - {"intermediate_size"}}
    return {"intermediate_size": n.F if not n.E else n.Fe * (n.k + n.s)} | rest


@replaces("dense_twin")
def twin_by_hand(config):
    """reads the config by hand"""
    twin = config.copy()
    experts = twin.pop("num_experts", None) or 0
    used = (twin.pop("num_experts_per_tok", None) or 0) + (twin.pop("n_shared_experts", None) or 0)
    width = twin.pop("moe_intermediate_size", None)
    twin.pop("first_k_dense_replace", None)
    if experts > 0:
        twin.update(intermediate_size=used * (twin["intermediate_size"] if width is None else width))
    return twin


@replaces("dense_twin")
def twin_filter(config):
    """filter and early return"""
    kept = dict(filter(lambda item: item[0] not in _EXPERT_KEYS, config.items()))
    n = _sizes(config)
    if not n.E:
        return kept
    return {**kept, "intermediate_size": n.Fe * (n.k + n.s)}


@replaces("dense_twin")
def twin_ordered(config):
    """an OrderedDict, which is a dict"""
    n = _sizes(config)
    out = OrderedDict()
    for key, value in config.items():
        if key in frozenset(_EXPERT_KEYS):
            continue
        out[key] = value
    if n.sparse_layers or n.E:
        out["intermediate_size"] = sum([n.Fe] * (n.k + n.s))
    return out


@replaces("dense_twin")
def twin_chain(config):
    """a ChainMap made into a dict"""
    n = _sizes(config)
    new = {"intermediate_size": n.Fe * (n.k + n.s)} if n.E else {}
    merged = ChainMap(new, config)
    return {key: merged[key] for key in merged if key not in _EXPERT_KEYS}


@replaces("dense_twin")
def twin_names(config):
    """names written out"""
    n = _sizes(config)
    twin = {}
    for key in config:
        match key:
            case "num_experts" | "num_experts_per_tok" | "moe_intermediate_size" | "n_shared_experts" | "first_k_dense_replace":
                pass
            case "intermediate_size":
                twin[key] = (n.k + n.s) * n.Fe if n.E >= 1 else config[key]
            case _:
                twin[key] = config[key]
    return twin


# ---------------------------------------------------------- training_flops
@replaces("training_flops")
def train_split(active_params, tokens):
    """2 forward and 4 backward"""
    forward = 2 * active_params * tokens
    backward = 2 * forward
    return forward + backward


@replaces("training_flops")
def train_prod(active_params, tokens):
    """math.prod"""
    return math.prod((2 + 4, active_params, tokens))


@replaces("training_flops")
def train_sum(active_params, tokens):
    """sums"""
    return sum(flops * active_params for flops in (2, 4)) * tokens


@replaces("training_flops")
def train_shift(active_params, tokens):
    """shifts"""
    work = active_params * tokens
    return (work << 1) + (work << 2)


@replaces("training_flops")
def train_reduce(active_params, tokens):
    """reduce"""
    return reduce(operator.mul, [tokens, active_params, 6], 1)


@replaces("training_flops")
def train_fraction(active_params, tokens):
    """Fraction"""
    return int(Fraction(active_params) * Fraction(6) * tokens)


@replaces("training_flops")
def train_decimal(active_params, tokens):
    """Decimal with enough digits"""
    with localcontext() as ctx:
        ctx.prec = 300
        return int(Decimal(active_params) * 6 * Decimal(tokens))


@replaces("training_flops")
def train_object(active_params, tokens):
    """NumPy with Python ints"""
    return int(np.array([2, 4], dtype=object).sum() * active_params * tokens)


@replaces("training_flops")
def train_double(active_params, tokens):
    """doubling by halves of tokens"""
    def times(a, b):
        if b == 0:
            return 0
        half = times(a, b // 2)
        return 2 * half + (a if b % 2 else 0)

    return times(6 * active_params, tokens)
