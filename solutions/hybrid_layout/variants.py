"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import Counter
from fractions import Fraction
from itertools import cycle, islice
from typing import NamedTuple

import torch
from hybrid_layout import kv_cache_bytes, layout, ssm_state_bytes
from torch import nn

from grader.testing import replaces


@replaces("layout")
def by_slices(config):
    """marks every period-th layer; pairs are tuples"""
    L = config["num_hidden_layers"]
    mixers, ffns = ["mamba"] * L, ["mlp"] * L
    for i in range(config["attn_layer_offset"], L, config["attn_layer_period"]):
        mixers[i] = "attention"
    for i in range(config["expert_layer_offset"], L, config["expert_layer_period"]):
        ffns[i] = "moe"
    return list(zip(mixers, ffns, strict=True))


class Layer(NamedTuple):
    mixer: str
    ffn: str


@replaces("layout")
def cycles(config):
    """two patterns, repeated for ever; a tuple of named tuples"""

    def pattern(period, offset, name, other):
        return cycle([other] * offset + [name] + [other] * (period - offset - 1))

    mixers = pattern(config["attn_layer_period"], config["attn_layer_offset"], "attention", "mamba")
    ffns = pattern(config["expert_layer_period"], config["expert_layer_offset"], "moe", "mlp")
    return tuple(islice(map(Layer, mixers, ffns), config["num_hidden_layers"]))


@replaces("layout")
def by_tensors(config):
    """remainders of a tensor of layer numbers"""
    i = torch.arange(config["num_hidden_layers"])
    attention = i.remainder(config["attn_layer_period"]) == config["attn_layer_offset"]
    moe = i.remainder(config["expert_layer_period"]) == config["expert_layer_offset"]
    return [[("mamba", "attention")[a], ("mlp", "moe")[m]] for a, m in zip(attention.int(), moe.int(), strict=True)]


@replaces("kv_cache_bytes")
def meta_cache(config, context, batch=1, bytes_per_value=2) -> int:
    """the elements of a cache on the meta device, of no size at all"""
    layers = [mixer for mixer, _ in layout(config)].count("attention")
    K = config["hidden_size"] // config["num_attention_heads"]
    cache = torch.empty(layers, 2, batch, config["num_key_value_heads"], context, K, device="meta")
    return cache.numel() * bytes_per_value


@replaces("kv_cache_bytes")
def layer_by_layer(config, context, batch=1, bytes_per_value=2) -> int:
    """walks through the layers without a layout, and multiplies the width by G/H"""
    D, H, G = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    total = 0
    for i in range(config["num_hidden_layers"]):
        if (i - config["attn_layer_offset"]) % config["attn_layer_period"] == 0:
            total += D * G // H * context * batch * bytes_per_value  # keys
            total += D * G // H * context * batch * bytes_per_value  # values
    return total


@replaces("ssm_state_bytes")
def meta_states(config, batch=1, bytes_per_value=2) -> int:
    """the states as tensors"""
    Ch = config["mamba_expand"] * config["hidden_size"]
    states = []
    for mixer, _ in layout(config):
        if mixer == "mamba":
            states.append(torch.empty(batch, Ch, config["mamba_d_state"], device="meta"))
            states.append(torch.empty(batch, Ch, config["mamba_d_conv"], device="meta"))
    return sum(state.numel() for state in states) * bytes_per_value


@replaces("ssm_state_bytes")
def all_but_attention(config, batch=1, bytes_per_value=2) -> int:
    """counts Mamba as what is not attention"""
    layers = config["num_hidden_layers"] - Counter(mixer for mixer, _ in layout(config))["attention"]
    columns = config["mamba_d_state"] + config["mamba_d_conv"]
    return math.prod((layers, columns, config["mamba_expand"], config["hidden_size"], batch, bytes_per_value))


@replaces("crossover_context")
def by_doubling(config) -> int:
    """stacks of one layer each, asked for their bytes: doubles, then halves the interval"""
    one = {**config, "num_hidden_layers": 1, "attn_layer_offset": 0}
    attention, mamba = {**one, "attn_layer_period": 1}, {**one, "attn_layer_period": 2, "attn_layer_offset": 1}
    state = ssm_state_bytes(mamba)
    low, high = 0, 1
    while kv_cache_bytes(attention, high) <= state:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if kv_cache_bytes(attention, middle) <= state else (low, middle)
    return high


@replaces("crossover_context")
def fraction(config) -> int:
    """D cancels"""
    columns = config["mamba_d_state"] + config["mamba_d_conv"]
    share = Fraction(config["num_attention_heads"], config["num_key_value_heads"])
    return math.floor(share * config["mamba_expand"] * columns / 2) + 1


@replaces("crossover_context")
def upwards(config) -> int:
    """tries 1, 2, 3, ..."""
    one = {**config, "num_hidden_layers": 1, "attn_layer_period": 1, "attn_layer_offset": 0}
    columns = config["mamba_d_state"] + config["mamba_d_conv"]
    context = 0
    while kv_cache_bytes(one, context, bytes_per_value=1) <= config["mamba_expand"] * config["hidden_size"] * columns:
        context += 1
    return context


class Attention(nn.Module):
    def __init__(self, D, H, G):
        super().__init__()
        self.q, self.o = nn.Linear(D, D, bias=False), nn.Linear(D, D, bias=False)
        self.k, self.v = (nn.Linear(D, D // H * G, bias=False) for _ in range(2))


class Mamba(nn.Module):
    def __init__(self, D, Ch, N, W, R):
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(D, 2 * Ch, bias=False), nn.Linear(Ch, D, bias=False)
        self.conv1d = nn.Conv1d(Ch, Ch, W, groups=Ch)
        self.x_proj, self.dt_proj = nn.Linear(Ch, R + 2 * N, bias=False), nn.Linear(R, Ch)
        self.A_log, self.D = nn.Parameter(torch.empty(Ch, N)), nn.Parameter(torch.empty(Ch))
        self.norms = nn.ModuleList([nn.RMSNorm(R), nn.RMSNorm(N), nn.RMSNorm(N)])


@replaces("count_params")
def of_modules(config) -> dict[str, int]:
    """builds one layer of each kind on the meta device and counts"""
    D, F, L = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    Ch = config["mamba_expand"] * D
    with torch.device("meta"):
        modules = {
            "attention": Attention(D, config["num_attention_heads"], config["num_key_value_heads"]),
            "mamba": Mamba(D, Ch, config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]),
            "mlp": nn.ModuleList(nn.Linear(D, F, bias=False) for _ in range(3)),
            "router": nn.Linear(D, config["num_experts"], bias=False),
            "norm": nn.RMSNorm(D),
        }
    size = {name: sum(p.numel() for p in module.parameters()) for name, module in modules.items()}
    kinds = Counter(name for pair in layout(config) for name in pair)
    common = 2 * config["vocab_size"] * D + (2 * L + 1) * size["norm"]
    common += sum(kinds[name] * size[name] for name in ("attention", "mamba", "mlp"))
    common += kinds["moe"] * size["router"]
    expert = kinds["moe"] * size["mlp"]
    names = {"total": "num_experts", "active": "num_experts_per_tok"}
    return {name: common + config[key] * expert for name, key in names.items()}


@replaces("count_params")
def minus_idle(config) -> dict[str, int]:
    """the total, and what no token uses taken off it; a key more in the result"""
    V, D, F, L = (config[name] for name in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"))
    E, k, N = config["num_experts"], config["num_experts_per_tok"], config["mamba_d_state"]
    Ch, R = D * config["mamba_expand"], config["mamba_dt_rank"]
    n_attention = len(range(config["attn_layer_offset"], L, config["attn_layer_period"]))
    n_moe = len(range(config["expert_layer_offset"], L, config["expert_layer_period"]))
    groups = Fraction(config["num_key_value_heads"], config["num_attention_heads"])
    attention = int(2 * D * D * (1 + groups))
    mamba = Ch * (3 * D + config["mamba_d_conv"] + 2 * R + 3 * N + 3) + R + 2 * N
    total = 2 * V * D + D + 2 * D * L + n_attention * attention + (L - n_attention) * mamba
    total += 3 * D * F * (L - n_moe) + n_moe * (E * D + 3 * D * F * E)
    idle = n_moe * (E - k) * 3 * D * F
    return {"idle": idle, "total": total, "active": total - idle}


@replaces("count_params")
def by_differences(config) -> dict[str, int]:
    """recursion: a model of one layer less, and that layer"""
    D = config["hidden_size"]
    if config["num_hidden_layers"] == 0:
        table = config["vocab_size"] * D
        return {"total": table + table + D, "active": table + table + D}
    count = by_differences({**config, "num_hidden_layers": config["num_hidden_layers"] - 1})
    mixer, ffn = layout(config)[-1]
    if mixer == "attention":
        layer = 2 * D * D + 2 * D * D * config["num_key_value_heads"] // config["num_attention_heads"]
    else:
        Ch, R, N = D * config["mamba_expand"], config["mamba_dt_rank"], config["mamba_d_state"]
        kernel = config["mamba_d_conv"] + 1
        layer = D * (Ch + Ch) + Ch * kernel + (R + N + N) * (Ch + 1) + (R + 1) * Ch + Ch * (N + 1) + Ch * D
    layer += D + D
    swiglu = 3 * D * config["intermediate_size"]
    if ffn == "mlp":
        return {name: n + layer + swiglu for name, n in count.items()}
    E, k = config["num_experts"], config["num_experts_per_tok"]
    layer += E * D
    return {"total": count["total"] + layer + E * swiglu, "active": count["active"] + layer + k * swiglu}
