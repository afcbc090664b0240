"""Right solutions in other styles. None of them may lose a point."""

from collections import ChainMap
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

import torch
from dense_vs_sparse import _sizes, dense_twin, flops_per_token
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from grader.testing import replaces

NAMES = "num_experts", "num_experts_per_tok", "moe_intermediate_size", "n_shared_experts", "first_k_dense_replace"


@replaces("flops_per_token")
def layer_by_layer(config, context):
    """walks through the layers; or in place of defaults"""
    D, H = config["hidden_size"], config["num_attention_heads"]
    G, K = config.get("num_key_value_heads") or H, config.get("head_dim") or D // H
    F, E = config["intermediate_size"], config.get("num_experts") or 0
    total = 2 * D * config["vocab_size"]
    for layer in range(config["num_hidden_layers"]):
        total += 2 * (2 * D * H * K + 2 * D * G * K) + 2 * (2 * H * K * context)
        if E == 0 or layer < (config.get("first_k_dense_replace") or 0):
            total += 6 * D * F
        else:
            chosen = config["num_experts_per_tok"] + (config.get("n_shared_experts") or 0)
            total += 2 * D * E + 6 * D * (config.get("moe_intermediate_size") or F) * chosen
    return total


@replaces("flops_per_token")
def of_shapes(config, context):
    """a list of (how often, rows, columns)"""
    c = ChainMap({key: value for key, value in config.items() if value is not None}, dict.fromkeys(NAMES, 0))
    D, H, L, F = (c[x] for x in ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size"))
    G, K = c.get("num_key_value_heads", H), c.get("head_dim", D // H)
    dense = min(L, c["first_k_dense_replace"]) if c["num_experts"] else L
    shapes = [
        (1, D, c["vocab_size"]),
        (2 * L, D, H * K),
        (2 * L, D, G * K),
        (2 * L * H, K, context),
        (3 * dense, D, F),
        (L - dense, D, c["num_experts"]),
        (3 * (L - dense) * (c["num_experts_per_tok"] + c["n_shared_experts"]), D, c["moe_intermediate_size"] or F),
    ]
    return 2 * sum(map(prod, shapes))


class Token(nn.Module):
    """The matrix products of one token as linear layers, on the meta device."""

    def __init__(self, D, V, widths, heads):
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(D, width, bias=False) for width in (V, *widths, *heads))

    def forward(self, x):
        for linear in self.linears:
            linear(x)


@replaces("flops_per_token")
def with_a_counter(config, context):
    """PyTorch's FLOP counter over products without memory"""
    get = lambda key, default=0: default if config.get(key) is None else config[key]  # noqa: E731
    D, H, F = config["hidden_size"], config["num_attention_heads"], config["intermediate_size"]
    G, K = get("num_key_value_heads", H), get("head_dim", D // H)
    widths = []
    for layer in range(config["num_hidden_layers"]):
        if not get("num_experts") or layer < get("first_k_dense_replace"):
            widths += [3 * F]  # the three matrices side by side
        else:
            widths += [get("num_experts")]
            widths += [3 * get("moe_intermediate_size", F)] * (get("num_experts_per_tok") + get("n_shared_experts"))
    heads = [H * K, G * K, G * K, H * K] * config["num_hidden_layers"]
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Token(D, config["vocab_size"], widths, heads)(torch.empty(1, D))
        q, cache = torch.empty(config["num_hidden_layers"] * H, 1, K), torch.empty(1, K, context)
        cache = cache.expand(len(q), -1, -1)
        (q @ cache) @ cache.mT
    return counter.get_total_flops()


@dataclass
class Config:
    """The keys that count, filled in."""

    D: int
    V: int
    F: int
    L: int
    H: int
    experts: list = field(default_factory=list)

    @classmethod
    def read(cls, c):
        given = [c.get(name) for name in NAMES]
        five = "hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"
        return cls(*(c[key] for key in five), experts=[x if x is not None else 0 for x in given])


@replaces("flops_per_token")
def straight_line(config, context):
    """the count is a straight line in the context: fractions give slope and start"""
    c = Config.read(config)
    E, k, width, shared, first = c.experts
    K = config.get("head_dim") or Fraction(c.D, c.H)
    G = config.get("num_key_value_heads") or c.H
    start = c.D * c.V + c.L * c.D * K * (2 * c.H + 2 * G)
    dense = first if E else c.L
    start += dense * 3 * c.D * c.F + (c.L - dense) * c.D * (E + 3 * (width or c.F) * (k + shared))
    return int(2 * start + context * (4 * c.L * c.H * K))


@replaces("flops_per_token")
def with_sizes(config, context):
    """the numbers that the stub reads, FFN first"""
    c = _sizes(config)
    ffn = c.dense_layers * 3 * c.F + c.sparse_layers * (c.E + 3 * c.Fe * (c.k + c.s))
    layers = c.dense_layers + c.sparse_layers
    per_layer = c.D * c.H * c.K * 4 + c.D * c.G * c.K * 4 + 4 * c.H * c.K * context
    return 2 * c.D * (ffn + c.V) + layers * per_layer


@replaces("dense_twin")
def copy_and_pop(config):
    """a copy, from which keys are taken out"""
    twin = dict(config)
    E, k, width, shared, _ = (twin.pop(name, None) for name in NAMES)
    if E:
        twin["intermediate_size"] = (width or twin["intermediate_size"]) * (k + (shared or 0))
    return twin


@replaces("dense_twin")
def early_return(config):
    """a dense model is returned at once, as a copy; else a merge"""
    if not config.get("num_experts"):
        return {key: config[key] for key in config if key not in NAMES}
    one = config.get("moe_intermediate_size") or config["intermediate_size"]
    wide = one * config["num_experts_per_tok"] + one * (config.get("n_shared_experts") or 0)
    rest = {key: config[key] for key in sorted(set(config) - set(NAMES))}
    return rest | {"intermediate_size": wide}


@replaces("dense_twin")
def from_the_flops(config):
    """the width at which the FLOPs agree, found by division"""
    twin = dense_twin(config)
    if not config.get("num_experts"):
        return twin
    sizes = {"vocab_size": 1, "hidden_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1, "head_dim": 1}
    sparse = {**config, **sizes, "num_key_value_heads": 1, "first_k_dense_replace": 0}
    nothing = {**sizes, "num_key_value_heads": 1, "intermediate_size": 0}
    difference = flops_per_token(sparse, 1) - flops_per_token(nothing, 1) - 2 * config["num_experts"]
    return {**twin, "intermediate_size": difference // 6}


@replaces("training_flops")
def two_passes(active_params, tokens):
    """forward, and twice that backward"""
    forward = active_params * tokens << 1
    return forward + 2 * forward


@replaces("training_flops")
def with_fraction(active_params, tokens):
    """exact through a fraction"""
    return int(Fraction(active_params) * tokens * 6)
