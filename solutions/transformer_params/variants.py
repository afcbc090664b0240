"""Right solutions in other styles. None of them may lose a point."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from grader.testing import replaces


@dataclass
class Config:
    """Every key, with its default. A key that is not in the table is refused."""

    n_layers: int
    d_model: int
    n_heads: int
    vocab_size: int
    n_kv_heads: int = 0
    head_dim: int = 0
    d_ff: int = 0
    mlp: str = "gelu"
    attn_bias: str = "none"
    mlp_bias: bool = False
    norm: str = "layernorm"
    max_positions: int = 0
    tied: bool = False

    def __post_init__(self):
        self.n_kv_heads = self.n_kv_heads or self.n_heads
        self.d_ff = self.d_ff or 4 * self.d_model
        if self.n_heads % self.n_kv_heads != 0:
            raise ValueError("n_kv_heads")
        if not self.head_dim:
            self.head_dim, rest = divmod(self.d_model, self.n_heads)
            if rest:
                raise ValueError("n_heads")
        if self.mlp not in {"gelu", "swiglu"} or self.norm not in {"layernorm", "rmsnorm"}:
            raise ValueError("mlp or norm")
        if self.attn_bias not in {"none", "qkv", "all"}:
            raise ValueError("attn_bias")


@replaces("count_params")
def layer_by_layer(config):
    """walks through the layers with a Counter, which it returns; a key more than asked for"""
    c = Config(**config)
    D, F = c.d_model, c.d_ff
    q, kv = c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim
    one = D if c.norm == "rmsnorm" else D + D
    count = Counter(embedding=D * (c.vocab_size + c.max_positions), norm=one)
    for _ in range(c.n_layers):
        for width in (q, kv, kv):
            count["attention"] += width * (D + (c.attn_bias in ("qkv", "all")))
        count["attention"] += D * (q + (c.attn_bias == "all"))
        for out, into in [(F, D)] * (1 + (c.mlp == "swiglu")) + [(D, F)]:
            count["mlp"] += out * (into + c.mlp_bias)
        count["norm"] += 2 * one
    count["head"] = 0
    if not c.tied:
        count["head"] += c.vocab_size * D
    inside = count["attention"] + count["mlp"] + count["norm"]
    return Counter(**count, non_embedding=inside, total=inside + count["embedding"] + count["head"], layers=c.n_layers)


class Block(nn.Module):
    """One layer; on the meta device it takes no memory."""

    def __init__(self, c):
        super().__init__()
        D, K = c.d_model, c.head_dim
        qkv = c.attn_bias != "none"
        self.attention = nn.ModuleList(nn.Linear(D, n * K, bias=qkv) for n in (c.n_heads, c.n_kv_heads, c.n_kv_heads))
        self.attention.append(nn.Linear(c.n_heads * K, D, bias=c.attn_bias == "all"))
        into = 2 if c.mlp == "swiglu" else 1
        self.mlp = nn.Sequential(*(nn.Linear(D, c.d_ff, bias=c.mlp_bias) for _ in range(into)))
        self.mlp.append(nn.Linear(c.d_ff, D, bias=c.mlp_bias))
        self.norm = nn.ModuleList((nn.LayerNorm if c.norm == "layernorm" else nn.RMSNorm)(D) for _ in range(2))


def numbers(module):
    return sum(parameter.numel() for parameter in module.parameters())


@replaces("count_params")
def of_modules(config) -> dict[str, int]:
    """builds the whole model on the meta device and asks it"""
    c = Config(**config)
    with torch.device("meta"):
        layers = nn.ModuleList(Block(c) for _ in range(c.n_layers))
        last = nn.LayerNorm(c.d_model) if c.norm == "layernorm" else nn.RMSNorm(c.d_model)
        tables = nn.ModuleList(nn.Embedding(rows, c.d_model) for rows in (c.vocab_size, c.max_positions))
        head = nn.ModuleList([] if c.tied else [nn.Linear(c.d_model, c.vocab_size, bias=False)])
    parts = {
        "head": numbers(head),
        "norm": sum(numbers(block.norm) for block in layers) + numbers(last),
        "mlp": sum(numbers(block.mlp) for block in layers),
        "attention": sum(numbers(block.attention) for block in layers),
        "embedding": numbers(tables),
    }
    inside = parts["norm"] + parts["mlp"] + parts["attention"]
    return {"non_embedding": inside, "total": sum(parts.values()), **parts}


class Part(NamedTuple):
    """So many matrices of this shape, with or without a bias."""

    name: str
    copies: int
    out: int
    into: int
    bias: bool = False

    @property
    def size(self):
        return self.copies * self.out * (self.into + self.bias)


@replaces("count_params")
def of_table(config) -> dict[str, int]:
    """one table of matrices for the whole model"""
    c = {"n_kv_heads": config["n_heads"], "d_ff": 4 * config["d_model"], "mlp": "gelu", "attn_bias": "none"}
    c |= {"norm": "layernorm", **config}
    D, H, V, L = c["d_model"], c["n_heads"], c["vocab_size"], c["n_layers"]
    K = Fraction(c["head_dim"]) if "head_dim" in c else Fraction(D, H)
    q, kv = int(H * K), int(c["n_kv_heads"] * K)
    gates = ["gelu", "swiglu"].index(c["mlp"])
    bias, some, both = bool(c.get("mlp_bias")), c["attn_bias"] != "none", c["attn_bias"] == "all"
    table = [
        Part("embedding", 1, c.get("max_positions", 0) + V, D),
        Part("attention", L, q + kv + kv, D, some),
        Part("attention", L, D, q, both),
        Part("mlp", L * (gates + 1), c["d_ff"], D, bias),
        Part("mlp", L, D, c["d_ff"], bias),
        Part("norm", 2 * L + 1, D, 1, c["norm"] == "layernorm"),
        Part("head", int(not c.get("tied")), V, D),
    ]
    count = dict.fromkeys(("embedding", "attention", "mlp", "norm", "head"), 0)
    for part in table:
        count[part.name] += part.size
    total = sum(part.size for part in table)
    return count | {"total": total, "non_embedding": total - count["embedding"] - count["head"]}


@replaces("count_params")
def of_shapes(config):
    """a checkpoint's list of names and shapes, multiplied by NumPy in Python's own ints"""
    c = config
    D, H = c["d_model"], c["n_heads"]
    G, K, F = c.get("n_kv_heads", H), c.get("head_dim") or D // H, c.get("d_ff", 4 * D)
    centred = c.get("norm") != "rmsnorm"
    shapes = {"embedding": [(c["vocab_size"], D)], "attention": [], "mlp": [], "norm": [], "head": []}
    if c.get("max_positions"):
        shapes["embedding"].append((c["max_positions"], D))
    shapes["norm"] += [(1 + centred, D)] * (2 * c["n_layers"] + 1)
    for _ in range(c["n_layers"]):
        shapes["attention"] += [(D, H, K), (D, 2 * G, K), (H, K, D)]
        if "attn_bias" in c and c["attn_bias"] != "none":
            shapes["attention"] += [(H + G + G, K)] + [(D,)] * (c["attn_bias"][0] == "a")
        gates = 2 if c.get("mlp") == "swiglu" else 1
        shapes["mlp"] += [(gates, D, F), (F, D)] + ([(gates, F), (D,)] if c.get("mlp_bias") else [])
    if not c.get("tied", False):
        shapes["head"].append((D, c["vocab_size"]))
    count = {part: sum(int(np.prod(np.array(s, dtype=object))) for s in each) for part, each in shapes.items()}
    inside = sum(count[part] for part in ("attention", "mlp", "norm"))
    count["total"] = inside + count["head"] + count["embedding"]
    count["non_embedding"] = inside
    return count


@replaces("count_params")
def closed_form(config):
    """one formula for a layer, in terms of widths"""
    L, D, V = config["n_layers"], config["d_model"], config["vocab_size"]
    K = config["head_dim"] if "head_dim" in config else D // config["n_heads"]
    q, kv = config["n_heads"] * K, config.get("n_kv_heads", config["n_heads"]) * K
    F = config.get("d_ff", 4 * D)
    qkv_bias, out_bias = {"none": (0, 0), "qkv": (1, 0), "all": (1, 1)}[config.get("attn_bias", "none")]
    ins = 1 + (config.get("mlp", "gelu") == "swiglu")
    one = prod((D, 1 if config.get("norm") == "rmsnorm" else 2))
    count = {
        "embedding": V * D + config.get("max_positions", 0) * D,
        "attention": L * (2 * D * (q + kv) + qkv_bias * (q + 2 * kv) + out_bias * D),
        "mlp": L * ((ins + 1) * D * F + config.get("mlp_bias", False) * (ins * F + D)),
        "norm": one + 2 * L * one,
        "head": V * D * (not config.get("tied", False)),
    }
    count["total"] = sum(count.values())
    count["non_embedding"] = count["attention"] + count["mlp"] + count["norm"]
    return count


@replaces("count_params")
def head_by_head(config):
    """adds up the heads of a layer one after the other"""
    D, H, V = (config[key] for key in ("d_model", "n_heads", "vocab_size"))
    K, F, L = config.get("head_dim", D // H), config.get("d_ff", 4 * D), config["n_layers"]
    biases = config.get("attn_bias", "none")
    bias = 0 if biases == "none" else K
    attention = D if biases == "all" else 0
    for _ in range(H):
        attention += K * D + bias + D * K
    for _ in range(config.get("n_kv_heads", H)):
        attention += 2 * (K * D + bias)
    up, down = F * D, D * F
    if config.get("mlp_bias"):
        up, down = up + F, down + D
    mlp = down + (2 * up if config.get("mlp") == "swiglu" else up)
    norm = D if config.get("norm") == "rmsnorm" else D + D
    inside = {"attention": L * attention, "mlp": L * mlp, "norm": norm + L * (norm + norm)}
    tables = {"embedding": D * (V + config.get("max_positions", 0)), "head": 0 if config.get("tied") else D * V}
    count = {**inside, **tables, "non_embedding": sum(inside.values())}
    return {**count, "total": sum(inside.values()) + sum(tables.values())}
