import math
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace

import torch
from torch import nn

from grader.testing import replaces

_DEFAULTS = {"mlp": "gelu", "attn_bias": "none", "mlp_bias": False, "norm": "layernorm", "max_positions": 0, "tied": False}


def _full(config):
    c = _DEFAULTS | dict(config)
    c.setdefault("n_kv_heads", c["n_heads"])
    if "head_dim" not in c:
        c["head_dim"] = c["d_model"] // c["n_heads"]
    c.setdefault("d_ff", 4 * c["d_model"])
    return c


def _finish(parts):
    total = sum(parts.values())
    return {**parts, "total": total, "non_embedding": total - parts["embedding"] - parts["head"]}


@replaces("count_params")
def params_layers(config):
    """layer by layer"""
    c = _full(config)
    d, f, q, kv = c["d_model"], c["d_ff"], c["n_heads"] * c["head_dim"], c["n_kv_heads"] * c["head_dim"]
    parts = {"embedding": (c["vocab_size"] + c["max_positions"]) * d, "attention": 0, "mlp": 0, "norm": 0, "head": 0}
    one_norm = 2 * d if c["norm"] == "layernorm" else d
    for _ in range(c["n_layers"]):
        parts["attention"] += d * q + 2 * d * kv + q * d
        if c["attn_bias"] in ("qkv", "all"):
            parts["attention"] += q + 2 * kv
        if c["attn_bias"] == "all":
            parts["attention"] += d
        parts["mlp"] += d * f + f * d
        if c["mlp"] == "swiglu":
            parts["mlp"] += d * f
        if c["mlp_bias"]:
            parts["mlp"] += f + d if c["mlp"] == "gelu" else 2 * f + d
        parts["norm"] += 2 * one_norm
    parts["norm"] += one_norm
    if not c["tied"]:
        parts["head"] = c["vocab_size"] * d
    return _finish(parts)


@replaces("count_params")
def params_shapes(config):
    """lists of shapes for each part"""
    c = _full(config)
    d, f, h, g, k, v = (c[x] for x in ("d_model", "d_ff", "n_heads", "n_kv_heads", "head_dim", "vocab_size"))
    shapes = defaultdict(list)
    shapes["embedding"] += [(v, d), (c["max_positions"], d)]
    shapes["attention"] += [(h * k, d), (g * k, d), (g * k, d), (d, h * k)]
    shapes["attention"] += [] if c["attn_bias"] == "none" else [(h * k,), (g * k,), (g * k,)]
    shapes["attention"] += [(d,)] if c["attn_bias"] == "all" else []
    inner = 2 if c["mlp"] == "swiglu" else 1
    shapes["mlp"] += [(f, d)] * inner + [(d, f)]
    if c["mlp_bias"]:
        shapes["mlp"] += [(f,)] * inner + [(d,)]
    shapes["norm"] += [(d,)] * (1 if c["norm"] == "rmsnorm" else 2)
    shapes["head"] += [] if c["tied"] else [(v, d)]
    times = {"embedding": 1, "attention": c["n_layers"], "mlp": c["n_layers"], "norm": 2 * c["n_layers"] + 1, "head": 1}
    return _finish({name: times[name] * sum(math.prod(s) for s in shapes[name]) for name in times})


@dataclass
class _Linear:
    inputs: int
    outputs: int
    bias: bool

    def __len__(self):
        raise TypeError

    @property
    def size(self):
        return self.inputs * self.outputs + (self.outputs if self.bias else 0)


@replaces("count_params")
def params_linear(config):
    """a class for a linear map"""
    c = SimpleNamespace(**_full(config))
    q, kv = c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim
    some, every = c.attn_bias != "none", c.attn_bias == "all"
    attention = [_Linear(c.d_model, q, some), _Linear(c.d_model, kv, some), _Linear(c.d_model, kv, some), _Linear(q, c.d_model, every)]
    mlp = [_Linear(c.d_model, c.d_ff, c.mlp_bias)] * (2 if c.mlp == "swiglu" else 1) + [_Linear(c.d_ff, c.d_model, c.mlp_bias)]
    norm = c.d_model * {"layernorm": 2, "rmsnorm": 1}[c.norm]
    return _finish(
        dict(
            embedding=c.d_model * c.vocab_size + c.d_model * c.max_positions,
            attention=c.n_layers * sum(m.size for m in attention),
            mlp=c.n_layers * sum(m.size for m in mlp),
            norm=norm + c.n_layers * 2 * norm,
            head=(1 - bool(c.tied)) * c.vocab_size * c.d_model,
        )
    )


@replaces("count_params")
def params_match(config):
    """match statements; totals first in the dict"""
    d, n, v = config["d_model"], config["n_layers"], config["vocab_size"]
    h = config["n_heads"]
    k = config.get("head_dim") or d // h
    q, kv, f = h * k, (config.get("n_kv_heads") or h) * k, config.get("d_ff") or 4 * d
    match config.get("attn_bias"):
        case "all":
            bias = q + 2 * kv + d
        case "qkv":
            bias = q + 2 * kv
        case _:
            bias = 0
    match (config.get("mlp", "gelu"), bool(config.get("mlp_bias"))):
        case ("gelu", False):
            mlp = 2 * d * f
        case ("gelu", True):
            mlp = 2 * d * f + f + d
        case (_, False):
            mlp = 3 * d * f
        case _:
            mlp = 3 * d * f + 2 * f + d
    norm = (2 * n + 1) * (d if config.get("norm") == "rmsnorm" else 2 * d)
    inner = n * (2 * d * (q + kv) + bias) + n * mlp + norm
    embedding, head = d * (v + config.get("max_positions", 0)), 0 if config.get("tied") else d * v
    return {"total": inner + embedding + head, "non_embedding": inner, "embedding": embedding, "head": head, "norm": norm, "mlp": n * mlp, "attention": n * (2 * d * (q + kv) + bias)}


@replaces("count_params")
def params_counter(config):
    """a Counter; an OrderedDict as result"""
    c, count = _full(config), Counter()
    d, n = c["d_model"], c["n_layers"]
    for heads, bias in ((c["n_heads"], "q"), (c["n_kv_heads"], "k"), (c["n_kv_heads"], "v")):
        count["attention"] += n * heads * c["head_dim"] * (d + (c["attn_bias"] != "none"))
    count["attention"] += n * d * (c["n_heads"] * c["head_dim"] + (c["attn_bias"] == "all"))
    for _ in range(1 + (c["mlp"] == "swiglu")):
        count["mlp"] += n * c["d_ff"] * (d + bool(c["mlp_bias"]))
    count["mlp"] += n * d * (c["d_ff"] + bool(c["mlp_bias"]))
    count["norm"] = (1 + n + n) * d * (1 + (c["norm"] != "rmsnorm"))
    count["embedding"] = c["vocab_size"] * d + c["max_positions"] * d
    count["head"] = 0 if c["tied"] else c["vocab_size"] * d
    result = OrderedDict((name, count[name]) for name in ("embedding", "attention", "mlp", "norm", "head"))
    result["total"] = sum(count.values())
    result["non_embedding"] = count["attention"] + count["mlp"] + count["norm"]
    return result


@replaces("count_params")
def params_difference(config):
    """non_embedding as its own sum; biases as a table"""
    c = _full(config)
    d, q, kv, f = c["d_model"], c["n_heads"] * c["head_dim"], c["n_kv_heads"] * c["head_dim"], c["d_ff"]
    biases = {"none": 0, "qkv": q + kv + kv, "all": q + kv + kv + d}
    matrices = {"gelu": (2, f + d), "swiglu": (3, f + f + d)}[c["mlp"]]
    inside = {
        "attention": c["n_layers"] * (d * q + d * kv * 2 + q * d + biases[c["attn_bias"]]),
        "mlp": c["n_layers"] * (matrices[0] * d * f + matrices[1] * int(c["mlp_bias"])),
        "norm": d * (c["n_layers"] * 2 + 1) * (1 if c["norm"] == "rmsnorm" else 2),
    }
    non = sum(inside.values())
    table = c["vocab_size"] * d
    outside = {"embedding": table + c["max_positions"] * d, "head": table * (not c["tied"])}
    return inside | outside | {"total": non + sum(outside.values()), "non_embedding": non}


@replaces("count_params")
def params_heads(config):
    """head by head"""
    c = _full(config)
    d, k, bias = c["d_model"], c["head_dim"], c["attn_bias"] != "none"
    layer = 0
    for _ in range(c["n_heads"]):
        layer += k * d + d * k + (k if bias else 0)
    for _ in range(c["n_kv_heads"]):
        layer += 2 * (k * d + (k if bias else 0))
    layer += d if c["attn_bias"] == "all" else 0
    up = c["d_ff"] * d + (c["d_ff"] if c["mlp_bias"] else 0)
    down = d * c["d_ff"] + (d if c["mlp_bias"] else 0)
    norm = d + (0 if c["norm"] == "rmsnorm" else d)
    return _finish({
        "embedding": d * (c["vocab_size"] + c["max_positions"]), "attention": c["n_layers"] * layer,
        "mlp": c["n_layers"] * (up + down + (up if c["mlp"] == "swiglu" else 0)), "norm": norm * (c["n_layers"] + c["n_layers"] + 1),
        "head": d * c["vocab_size"] if not c["tied"] else 0,
    })  # fmt: skip


@replaces("count_params")
def params_modules(config):
    """one real layer on the meta device, where it is not too large; else by hand"""
    c = _full(config)
    d, q, kv, f, n = c["d_model"], c["n_heads"] * c["head_dim"], c["n_kv_heads"] * c["head_dim"], c["d_ff"], c["n_layers"]
    if max(d, f) * max(d, f, q, c["vocab_size"]) > 2**50 or max(d, q, f, c["vocab_size"], c["max_positions"]) > 2**40:
        size = lambda i, o, b: i * o + (o if b else 0)
    else:
        def size(i, o, b):
            with torch.device("meta"):
                return sum(p.numel() for p in nn.Linear(i, o, bias=bool(b)).parameters())

    some = c["attn_bias"] != "none"
    attention = size(d, q, some) + 2 * size(d, kv, some) + size(q, d, c["attn_bias"] == "all")
    mlp = size(d, f, c["mlp_bias"]) * (2 if c["mlp"] == "swiglu" else 1) + size(f, d, c["mlp_bias"])
    norm = d if c["norm"] == "rmsnorm" else 2 * d
    head = 0 if c["tied"] else size(d, c["vocab_size"], False)
    return _finish({"embedding": d * c["vocab_size"] + d * c["max_positions"], "attention": n * attention, "mlp": n * mlp, "norm": norm + 2 * n * norm, "head": head})


@replaces("count_params")
def params_get(config):
    """all with get and one expression for each part"""
    L, D, H, V = config["n_layers"], config["d_model"], config["n_heads"], config["vocab_size"]
    G, K, F = config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", D * 4)
    b = ["none", "qkv", "all"].index(config.get("attn_bias", "none"))
    gate = int(config.get("mlp", "gelu") == "swiglu")
    mb = 1 if config.get("mlp_bias", False) else 0
    embedding = (V + config.get("max_positions", 0)) * D
    attention = L * (2 * D * K * (H + G) + min(b, 1) * K * (H + 2 * G) + b // 2 * D)
    mlp = L * ((2 + gate) * D * F + mb * ((1 + gate) * F + D))
    norm = (2 * L + 1) * D * (2 if config.get("norm", "layernorm") == "layernorm" else 1)
    head = V * D * (0 if config.get("tied", False) else 1)
    return {
        "embedding": embedding, "attention": attention, "mlp": mlp, "norm": norm, "head": head,
        "total": embedding + attention + mlp + norm + head, "non_embedding": attention + mlp + norm,
    }  # fmt: skip


@replaces("count_params")
def params_generator(config):
    """a generator of (part, how many, size)"""
    c = _full(config)

    def pieces():
        d, n = c["d_model"], c["n_layers"]
        yield "embedding", c["vocab_size"], d
        yield "embedding", c["max_positions"], d
        width = (2 * c["n_heads"] + 2 * c["n_kv_heads"]) * c["head_dim"]
        yield "attention", n, d * width
        if c["attn_bias"] != "none":
            yield "attention", n, width - c["n_heads"] * c["head_dim"]
        if c["attn_bias"] == "all":
            yield "attention", n, d
        for last in (False, True) if c["mlp"] == "gelu" else (False, False, True):
            yield "mlp", n, d * c["d_ff"]
            if c["mlp_bias"]:
                yield "mlp", n, d if last else c["d_ff"]
        yield "norm", 2 * n + 1, d
        if c["norm"] == "layernorm":
            yield "norm", 2 * n + 1, d
        yield "head", int(not c["tied"]), c["vocab_size"] * d

    parts = dict.fromkeys(("embedding", "attention", "mlp", "norm", "head"), 0)
    for name, times, size in pieces():
        parts[name] += times * size
    return _finish(parts)


@replaces("count_params")
def params_exact(config):
    """Fractions for head_dim, ints at the end"""
    c = dict(config)
    d, h = c["d_model"], c["n_heads"]
    k = Fraction(c.get("head_dim", Fraction(d, h)))
    q, kv, f = h * k, c.get("n_kv_heads", h) * k, Fraction(c.get("d_ff", 4 * d))
    bias = {"none": 0, "qkv": q + 2 * kv, "all": q + 2 * kv + d}[c.get("attn_bias", "none")]
    gate = c.get("mlp") == "swiglu"
    parts = {
        "embedding": Fraction(c["vocab_size"] + c.get("max_positions", 0)) * d,
        "attention": c["n_layers"] * (2 * d * q + 2 * d * kv + bias),
        "mlp": c["n_layers"] * ((2 + gate) * d * f + (((1 + gate) * f + d) if c.get("mlp_bias") else 0)),
        "norm": Fraction(2 * c["n_layers"] + 1) * d * (1 if c.get("norm") == "rmsnorm" else 2),
        "head": Fraction(0 if c.get("tied") else c["vocab_size"] * d),
    }
    return _finish({name: int(value) for name, value in parts.items()})
