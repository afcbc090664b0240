import itertools
import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import torch
from base import kv_cache_bytes, kv_numbers, layout, mixer_params, ssm_state_bytes, state_numbers

from grader.testing import replaces


@replaces("layout")
def layout_comprehension(config):
    """one comprehension"""
    ap, ao = config["attn_layer_period"], config["attn_layer_offset"]
    ep, eo = config["expert_layer_period"], config["expert_layer_offset"]
    return [
        ["attention" if i % ap == ao else "mamba", "moe" if i % ep == eo else "mlp"]
        for i in range(config["num_hidden_layers"])
    ]


@replaces("layout")
def layout_slices(config):
    """slices of a list of Mamba layers are overwritten"""
    L = config["num_hidden_layers"]
    pairs = [["mamba", "mlp"] for _ in range(L)]
    for pair in pairs[config["attn_layer_offset"] :: config["attn_layer_period"]]:
        pair[0] = "attention"
    for pair in pairs[config["expert_layer_offset"] :: config["expert_layer_period"]]:
        pair[1] = "moe"
    return pairs


@replaces("layout")
def layout_cycle(config):
    """patterns of one period, cycled"""

    def pattern(period, offset, yes, no):
        return itertools.cycle([yes if i == offset else no for i in range(period)])

    mixers = pattern(config["attn_layer_period"], config["attn_layer_offset"], "attention", "mamba")
    ffns = pattern(config["expert_layer_period"], config["expert_layer_offset"], "moe", "mlp")
    return [list(pair) for pair in itertools.islice(zip(mixers, ffns), config["num_hidden_layers"])]


@replaces("layout")
def layout_sets(config):
    """sets of layer numbers"""
    L = config["num_hidden_layers"]
    attention = set(range(config["attn_layer_offset"], L, config["attn_layer_period"]))
    moe = set(range(config["expert_layer_offset"], L, config["expert_layer_period"]))
    return [[("mamba", "attention")[i in attention], ("mlp", "moe")[i in moe]] for i in range(L)]


@replaces("layout")
def layout_numpy(config):
    """numpy"""
    i = np.arange(config["num_hidden_layers"])
    mixer = np.where(i % config["attn_layer_period"] == config["attn_layer_offset"], "attention", "mamba")
    ffn = np.where(i % config["expert_layer_period"] == config["expert_layer_offset"], "moe", "mlp")
    return [list(pair) for pair in zip(mixer.tolist(), ffn.tolist())]


@replaces("layout")
def layout_divmod(config):
    """(i - offset) divides by the period"""

    def hit(i, name):
        return (i - config[f"{name}_layer_offset"]) % config[f"{name}_layer_period"] == 0

    out = []
    for i in range(config["num_hidden_layers"]):
        mixer = "attention" if hit(i, "attn") else "mamba"
        out.append([mixer, "moe" if hit(i, "expert") else "mlp"])
    return out


@replaces("layout")
def layout_counters(config):
    """counters that run down"""
    to_attention, to_moe = config["attn_layer_offset"], config["expert_layer_offset"]
    result = []
    while len(result) < config["num_hidden_layers"]:
        layer = ["mamba", "mlp"]
        if to_attention == 0:
            layer[0], to_attention = "attention", config["attn_layer_period"]
        if to_moe == 0:
            layer[1], to_moe = "moe", config["expert_layer_period"]
        to_attention, to_moe = to_attention - 1, to_moe - 1
        result.append(layer)
    return result


@replaces("layout")
def layout_map(config):
    """map over range, namespace"""
    c = SimpleNamespace(**config)

    def layer(i):
        mixer = "mamba"
        ffn = "mlp"
        if i % c.attn_layer_period == c.attn_layer_offset:
            mixer = "attention"
        if i % c.expert_layer_period == c.expert_layer_offset:
            ffn = "moe"
        return [mixer, ffn]

    return list(map(layer, range(c.num_hidden_layers)))


@replaces("kv_cache_bytes")
def kv_loop(config, context, batch=1, bytes_per_value=2):
    """layer by layer"""
    total = 0
    K = config["hidden_size"] // config["num_attention_heads"]
    for mixer, _ in layout(config):
        if mixer == "attention":
            keys = values = context * config["num_key_value_heads"] * K
            total += (keys + values) * batch * bytes_per_value
    return total


@replaces("kv_cache_bytes")
def kv_count(config, context, batch=1, bytes_per_value=2):
    """Counter; the head width after the product"""
    n = Counter(mixer for mixer, ffn in layout(config))["attention"]
    D, H, G = (config[k] for k in ("hidden_size", "num_attention_heads", "num_key_value_heads"))
    return 2 * n * G * D * context * batch * bytes_per_value // H


@replaces("kv_cache_bytes")
def kv_range(config, context, batch=1, bytes_per_value=2):
    """the number of layers as the length of a range"""
    layers = len(range(config["attn_layer_offset"], config["num_hidden_layers"], config["attn_layer_period"]))
    return layers * kv_numbers(config) * context * batch * bytes_per_value


@replaces("kv_cache_bytes")
def kv_formula(config, context, batch=1, bytes_per_value=2):
    """the number of layers by division"""
    L, p, o = config["num_hidden_layers"], config["attn_layer_period"], config["attn_layer_offset"]
    layers = max(0, (L - o + p - 1) // p)
    shape = (batch, config["num_key_value_heads"], context, config["hidden_size"] // config["num_attention_heads"])
    return layers * 2 * math.prod(shape) * bytes_per_value


@replaces("kv_cache_bytes")
def kv_fraction(config, context, batch=1, bytes_per_value=2):
    """an exact fraction of all layers"""
    mixers = [layer[0] for layer in layout(config)]
    K = Fraction(config["hidden_size"], config["num_attention_heads"])
    return int(mixers.count("attention") * 2 * config["num_key_value_heads"] * K * context * batch * bytes_per_value)


@replaces("kv_cache_bytes")
def kv_dict(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    """bytes of each kind of layer in a dict"""
    each = {"attention": kv_numbers(config) * context, "mamba": 0}
    return sum(each[mixer] for mixer, _ in layout(config)) * batch * bytes_per_value


@replaces("kv_cache_bytes")
def kv_meta(config, context, batch=1, bytes_per_value=2):
    """numel of a tensor on the meta device"""
    K = config["hidden_size"] // config["num_attention_heads"]
    layers = [i for i, (mixer, _) in enumerate(layout(config)) if mixer == "attention"]
    cache = torch.empty(2, batch, config["num_key_value_heads"], context, K, device="meta", dtype=torch.uint8)
    return cache.numel() * len(layers) * bytes_per_value


@replaces("kv_cache_bytes")
def kv_modulo(config, context, batch=1, bytes_per_value=2):
    """without layout; head width by subtraction of powers"""
    heads = divmod(config["hidden_size"], config["num_attention_heads"])[0] * config["num_key_value_heads"]
    hits = [
        1 for i in range(config["num_hidden_layers"]) if i % config["attn_layer_period"] == config["attn_layer_offset"]
    ]
    return sum(hits) * (2 * heads) * (batch * context) * bytes_per_value


@replaces("ssm_state_bytes")
def ssm_loop(config, batch=1, bytes_per_value=2):
    """layer by layer, both states"""
    Ch = config["mamba_expand"] * config["hidden_size"]
    values = 0
    for mixer, _ in layout(config):
        if mixer != "attention":
            values += Ch * config["mamba_d_state"]
            values += Ch * config["mamba_d_conv"]
    return values * batch * bytes_per_value


@replaces("ssm_state_bytes")
def ssm_rest(config, batch=1, bytes_per_value=2):
    """all layers less those of attention"""
    L = config["num_hidden_layers"]
    attention = len(range(config["attn_layer_offset"], L, config["attn_layer_period"]))
    return (L - attention) * state_numbers(config) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def ssm_count(config, batch=1, bytes_per_value=2):
    """list.count"""
    n = [mixer for mixer, _ in layout(config)].count("mamba")
    c = config
    return n * batch * bytes_per_value * c["hidden_size"] * c["mamba_expand"] * (c["mamba_d_conv"] + c["mamba_d_state"])


@replaces("ssm_state_bytes")
def ssm_prod(config, batch=1, bytes_per_value=2):
    """math.prod of shapes"""
    layers = sum(1 for pair in layout(config) if pair[0] == "mamba")
    Ch = config["hidden_size"] * config["mamba_expand"]
    shapes = [(layers, batch, Ch, config["mamba_d_state"]), (layers, batch, Ch, config["mamba_d_conv"])]
    return bytes_per_value * sum(map(math.prod, shapes))


@replaces("ssm_state_bytes")
def ssm_channels(config, batch=1, bytes_per_value=2):
    """numbers of a channel first"""
    per_channel = config["mamba_d_state"] + config["mamba_d_conv"]
    channels = sum(config["mamba_expand"] * config["hidden_size"] for mixer, _ in layout(config) if mixer == "mamba")
    return per_channel * channels * batch * bytes_per_value


@replaces("ssm_state_bytes")
def ssm_counter(config, batch=1, bytes_per_value=2):
    """Counter over tuples"""
    kinds = Counter(map(tuple, layout(config)))
    n = kinds["mamba", "moe"] + kinds["mamba", "mlp"]
    return n * state_numbers(config) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def ssm_meta(config, batch=1, bytes_per_value=2):
    """numel of meta tensors"""
    Ch = config["mamba_expand"] * config["hidden_size"]
    states = [
        (torch.empty(batch, Ch, config[n], device="meta")) for n in ("mamba_d_state", "mamba_d_conv")
    ]
    return sum(s.numel() for s in states) * bytes_per_value * sum(m == "mamba" for m, _ in layout(config))


@dataclass(frozen=True)
class MambaState:
    channels: int
    state: int
    window: int

    @property
    def numbers(self):
        return self.channels * self.state + self.channels * self.window


@replaces("ssm_state_bytes")
def ssm_dataclass(config, batch=1, bytes_per_value=2):
    """a dataclass"""
    one = MambaState(config["hidden_size"] * config["mamba_expand"], config["mamba_d_state"], config["mamba_d_conv"])
    return sum(one.numbers * batch * bytes_per_value for mixer, _ in layout(config) if mixer == "mamba")


@replaces("crossover_context")
def cross_search(config):
    """doubling, then bisection"""
    keeps_more = lambda n: n * kv_numbers(config) > state_numbers(config)
    high = 1
    while not keeps_more(high):
        high *= 2
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps_more(middle) else (middle, high)
    return high


@replaces("crossover_context")
def cross_fraction(config):
    """floor of an exact fraction"""
    return math.floor(Fraction(state_numbers(config), kv_numbers(config))) + 1


@replaces("crossover_context")
def cross_divmod(config):
    """divmod"""
    K = config["hidden_size"] // config["num_attention_heads"]
    per_token = 2 * config["num_key_value_heads"] * K
    state = config["mamba_expand"] * config["hidden_size"] * (config["mamba_d_state"] + config["mamba_d_conv"])
    full, _ = divmod(state, per_token)
    return full + 1


@replaces("crossover_context")
def cross_ceil(config):
    """rounded up from one more number"""
    state, token = state_numbers(config) + 1, kv_numbers(config)
    return -(-state // token)


@replaces("crossover_context")
def cross_from_bytes(config):
    """from the two byte functions, with one layer of each kind"""
    attention = {**config, "num_hidden_layers": 1, "attn_layer_period": 1, "attn_layer_offset": 0}
    mamba = {**config, "num_hidden_layers": 1, "attn_layer_period": 2, "attn_layer_offset": 1}
    return ssm_state_bytes(mamba, 1, 1) // kv_cache_bytes(attention, 1, 1, 1) + 1


@replaces("crossover_context")
def cross_cancelled(config):
    """D cancels: e (N + W) H / 2G"""
    c = config
    top = c["mamba_expand"] * (c["mamba_d_state"] + c["mamba_d_conv"]) * c["num_attention_heads"]
    return top // (2 * c["num_key_value_heads"]) + 1


@replaces("crossover_context")
def cross_subtract(config):
    """tokens are taken away in large steps"""
    left, token, n = state_numbers(config), kv_numbers(config), 0
    step = 1 << max(0, left.bit_length() - token.bit_length() + 1)
    while step:
        if left >= step * token:
            left -= step * token
            n += step
        else:
            step //= 2
    return n + 1


@replaces("crossover_context")
def cross_next(config):
    """next over a short range around the quotient"""
    guess = state_numbers(config) // kv_numbers(config)
    return next(n for n in itertools.count(max(guess - 1, 0)) if n * kv_numbers(config) > state_numbers(config))


@replaces("count_params")
def params_by_kind(config):
    """numbers of each kind times their size"""
    c = config
    V, D, E, L = c["vocab_size"], c["hidden_size"], c["num_experts"], c["num_hidden_layers"]
    pairs = layout(c)
    attention, moe = sum(m == "attention" for m, _ in pairs), sum(f == "moe" for _, f in pairs)
    swiglu = 3 * D * c["intermediate_size"]
    rest = 2 * V * D + D + 2 * D * L
    rest += attention * mixer_params(c, "attention") + (L - attention) * mixer_params(c, "mamba")
    rest += (L - moe) * swiglu + moe * E * D
    return {"total": rest + moe * E * swiglu, "active": rest + moe * c["num_experts_per_tok"] * swiglu}


@replaces("count_params")
def params_shapes(config):
    """every matrix by its shape"""
    c = SimpleNamespace(**config)
    D, F, Ch = c.hidden_size, c.intermediate_size, c.mamba_expand * c.hidden_size
    K, N, W, R = D // c.num_attention_heads, c.mamba_d_state, c.mamba_d_conv, c.mamba_dt_rank
    G, H = c.num_key_value_heads, c.num_attention_heads
    size = lambda shapes: sum(math.prod(s) for s in shapes)
    mixers = {
        "attention": size([(H * K, D), (G * K, D), (G * K, D), (D, H * K)]),
        "mamba": size(
            [(2 * Ch, D), (D, Ch), (Ch, 1, W), (Ch,), (R + 2 * N, Ch), (Ch, R), (Ch,), (Ch, N), (Ch,), (R,), (N,), (N,)]
        ),
    }
    expert = size([(F, D), (F, D), (D, F)])

    def whole(experts):
        ffn = {"mlp": expert, "moe": size([(c.num_experts, D)]) + experts * expert}
        layers = sum(2 * D + mixers[m] + ffn[f] for m, f in layout(config))
        return size([(c.vocab_size, D), (c.vocab_size, D), (D,)]) + layers

    return {"total": whole(c.num_experts), "active": whole(c.num_experts_per_tok)}


@replaces("count_params")
def params_difference(config):
    """active as total less the idle experts"""
    D, F, E = config["hidden_size"], config["intermediate_size"], config["num_experts"]
    total, idle = (2 * config["vocab_size"] + 1) * D, 0
    for mixer, ffn in layout(config):
        total += 2 * D + mixer_params(config, mixer)
        if ffn == "moe":
            total += E * (D + 3 * D * F)
            idle += (E - config["num_experts_per_tok"]) * 3 * D * F
        else:
            total += 3 * D * F
    return dict(active=total - idle, total=total)


@replaces("count_params")
def params_counter(config):
    """Counter of layers"""
    D = config["hidden_size"]
    expert = 3 * D * config["intermediate_size"]
    result = Counter(total=2 * config["vocab_size"] * D + D, active=2 * config["vocab_size"] * D + D)
    for (mixer, ffn), n in Counter(map(tuple, layout(config))).items():
        common = 2 * D + mixer_params(config, mixer) + (config["num_experts"] * D if ffn == "moe" else 0)
        result["total"] += n * (common + (config["num_experts"] if ffn == "moe" else 1) * expert)
        result["active"] += n * (common + (config["num_experts_per_tok"] if ffn == "moe" else 1) * expert)
    return dict(result)


@replaces("count_params")
def params_grouped(config):
    """Mamba's terms collected by powers of the channels"""
    c = config
    V, D, F, L = c["vocab_size"], c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"]
    N, W, R, Ch = c["mamba_d_state"], c["mamba_d_conv"], c["mamba_dt_rank"], c["mamba_expand"] * c["hidden_size"]
    mamba = Ch * (3 * D + W + 2 * R + 3 * N + 3) + R + 2 * N
    K = D // c["num_attention_heads"]
    attention = 2 * D * D + 2 * D * K * c["num_key_value_heads"]
    total = active = D * (2 * V + 1 + 2 * L)
    for mixer, ffn in layout(c):
        m = attention if mixer == "attention" else mamba
        stored = c["num_experts"] if ffn == "moe" else 1
        used = c["num_experts_per_tok"] if ffn == "moe" else 1
        router = c["num_experts"] * D if ffn == "moe" else 0
        total, active = total + m + router + stored * 3 * D * F, active + m + router + used * 3 * D * F
    return {"total": total, "active": active}


@replaces("count_params")
def params_generator(config):
    """a generator of (stored, used) pairs, summed"""

    def parts():
        V, D, F = config["vocab_size"], config["hidden_size"], config["intermediate_size"]
        E, k = config["num_experts"], config["num_experts_per_tok"]
        for _ in range(2):
            yield V * D, V * D
        yield D, D
        for mixer, ffn in layout(config):
            yield 2 * D, 2 * D
            yield (mixer_params(config, mixer),) * 2
            if ffn == "moe":
                yield E * D, E * D
                yield E * 3 * D * F, k * 3 * D * F
            else:
                yield 3 * D * F, 3 * D * F

    total, active = map(sum, zip(*parts()))
    return {"total": total, "active": active}


@replaces("count_params")
def params_recursive(config):
    """active by a second call with k experts; the router by hand"""
    D, E = config["hidden_size"], config["num_experts"]
    expert = 3 * D * config["intermediate_size"]

    def total(experts):
        n = 2 * config["vocab_size"] * D + D
        for mixer, ffn in layout(config):
            n += 2 * D + mixer_params(config, mixer) + (experts * expert + E * D if ffn == "moe" else expert)
        return n

    return {name: total(n) for name, n in (("total", E), ("active", config["num_experts_per_tok"]))}


@replaces("count_params")
def params_numpy(config):
    """numpy with Python ints as objects"""
    D, E = config["hidden_size"], config["num_experts"]
    expert = 3 * D * config["intermediate_size"]
    fixed = 2 * config["vocab_size"] * D + D
    counts = np.array([fixed, fixed], dtype=object)
    for mixer, ffn in layout(config):
        experts = np.array([E, config["num_experts_per_tok"]] if ffn == "moe" else [1, 1], dtype=object)
        counts = counts + 2 * D + mixer_params(config, mixer) + (E * D if ffn == "moe" else 0) + experts * expert
    return {"total": int(counts[0]), "active": int(counts[1])}


@replaces("count_params")
def params_memo(config):
    """each kind of layer computed once"""
    D, F, E, k = (config[n] for n in ("hidden_size", "intermediate_size", "num_experts", "num_experts_per_tok"))
    seen = {}

    def layer(mixer, ffn):
        if (mixer, ffn) not in seen:
            shared = 2 * D + mixer_params(config, mixer)
            if ffn == "moe":
                seen[mixer, ffn] = (shared + E * D + 3 * E * D * F, shared + E * D + 3 * k * D * F)
            else:
                seen[mixer, ffn] = (shared + 3 * D * F, shared + 3 * D * F)
        return seen[mixer, ffn]

    total = active = D + 2 * D * config["vocab_size"]
    for pair in layout(config):
        a, b = layer(*pair)
        total += a
        active += b
    return {"total": total, "active": active}
