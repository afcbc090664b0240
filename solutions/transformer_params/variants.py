"""Right solutions in other styles. None of them may lose a point."""

from collections import Counter
from dataclasses import dataclass, fields
from fractions import Fraction
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from grader.testing import replaces


@dataclass
class Config:
    """Every key that counts, with its default."""

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
    final_norm: bool = True
    embedding_norm: bool = False
    max_positions: int = 0
    type_vocab: int = 0
    tied: bool = False
    lm_head: bool = True
    pooler: bool = False

    @classmethod
    def read(cls, config):
        names = {field.name for field in fields(cls)}
        c = cls(**{key: value for key, value in config.items() if key in names and value is not None})
        c.n_kv_heads = c.n_kv_heads or c.n_heads
        c.d_ff = c.d_ff or 4 * c.d_model
        if c.n_heads % c.n_kv_heads != 0:
            raise ValueError("n_kv_heads")
        if not c.head_dim:
            c.head_dim, rest = divmod(c.d_model, c.n_heads)
            if rest:
                raise ValueError("n_heads")
        if c.mlp not in {"gelu", "swiglu"} or c.norm not in {"layernorm", "rmsnorm"}:
            raise ValueError("mlp or norm")
        if c.attn_bias not in {"none", "qkv", "all"}:
            raise ValueError("attn_bias")
        return c


@replaces("count_params")
def layer_by_layer(config):
    """walks through the layers with a Counter, which it returns; a key more than asked for"""
    c = Config.read(config)
    D, F = c.d_model, c.d_ff
    q, kv = c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim
    one = D if c.norm == "rmsnorm" else D + D
    count = Counter(embedding=D * (c.vocab_size + c.max_positions + c.type_vocab), norm=one * c.embedding_norm)
    for _ in range(c.n_layers):
        for width in (q, kv, kv):
            count["attention"] += width * (D + (c.attn_bias in ("qkv", "all")))
        count["attention"] += D * (q + (c.attn_bias == "all"))
        for out, into in [(F, D)] * (1 + (c.mlp == "swiglu")) + [(D, F)]:
            count["mlp"] += out * (into + c.mlp_bias)
        count["norm"] += 2 * one
    count["norm"] += one if c.final_norm else 0
    count["head"] = 0
    if c.lm_head and not c.tied:
        count["head"] += c.vocab_size * D
    if c.pooler:
        count["head"] += (D + 1) * D
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


def numbers(module):
    return sum(prod(parameter.shape) for parameter in module.parameters())


@replaces("count_params")
def of_modules(config) -> dict[str, int]:
    """builds one layer on the meta device and asks it; or in place of defaults"""
    c = Config.read(config)
    with torch.device("meta"):
        try:
            block = Block(c)
            norm = nn.LayerNorm(c.d_model) if c.norm == "layernorm" else nn.RMSNorm(c.d_model)
            layer = [numbers(block.attention), numbers(block.mlp), numbers(norm)]
        except RuntimeError:  # larger than torch can name
            layer = by_hand(c)
    L, D = c.n_layers, c.d_model
    parts = {
        "head": c.vocab_size * D * (c.lm_head and not c.tied) + c.pooler * D * (D + 1),
        "norm": layer[2] * (2 * L + int(c.final_norm) + int(c.embedding_norm)),
        "mlp": layer[1] * L,
        "attention": layer[0] * L,
        "embedding": (c.vocab_size + c.max_positions + c.type_vocab) * D,
    }
    inside = parts["norm"] + parts["mlp"] + parts["attention"]
    return {"non_embedding": inside, "total": sum(parts.values()), **parts}


def by_hand(c):
    D, F, K = c.d_model, c.d_ff, c.head_dim
    heads = c.n_heads + 2 * c.n_kv_heads
    attention = heads * K * (D + (c.attn_bias != "none")) + D * (c.n_heads * K + (c.attn_bias == "all"))
    mlp = (1 + (c.mlp == "swiglu")) * F * (D + c.mlp_bias) + D * (F + c.mlp_bias)
    return attention, mlp, D * (1 + (c.norm == "layernorm"))


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
    c |= {"norm": "layernorm", "final_norm": True, "lm_head": True}
    c |= {key: value for key, value in config.items() if value is not None}
    D, H, V, L = c["d_model"], c["n_heads"], c["vocab_size"], c["n_layers"]
    if (
        c["mlp"] not in ("gelu", "swiglu")
        or c["norm"] not in ("layernorm", "rmsnorm")
        or c["attn_bias"] not in ("none", "qkv", "all")
    ):
        raise ValueError("unknown")
    K = Fraction(c["head_dim"]) if "head_dim" in c else Fraction(D, H)
    if K.denominator != 1 or Fraction(H, c["n_kv_heads"]).denominator != 1:
        raise ValueError("heads")
    q, kv = int(H * K), int(c["n_kv_heads"] * K)
    gates = ["gelu", "swiglu"].index(c["mlp"])
    bias, some, both = bool(c.get("mlp_bias")), c["attn_bias"] != "none", c["attn_bias"] == "all"
    norms = 2 * L + bool(c["final_norm"]) + bool(c.get("embedding_norm"))
    table = [
        Part("embedding", 1, c.get("max_positions", 0) + c.get("type_vocab", 0) + V, D),
        Part("attention", L, q + kv + kv, D, some),
        Part("attention", L, D, q, both),
        Part("mlp", L * (gates + 1), c["d_ff"], D, bias),
        Part("mlp", L, D, c["d_ff"], bias),
        Part("norm", norms, D, 1, c["norm"] == "layernorm"),
        Part("head", int(bool(c["lm_head"] and not c.get("tied"))), V, D),
        Part("head", int(bool(c.get("pooler"))), D, D, True),
    ]
    count = dict.fromkeys(("embedding", "attention", "mlp", "norm", "head"), 0)
    for part in table:
        count[part.name] += part.size
    total = sum(part.size for part in table)
    return count | {"total": total, "non_embedding": total - count["embedding"] - count["head"]}


@replaces("count_params")
def of_shapes(config):
    """a checkpoint's list of names and shapes, multiplied by NumPy in Python's own ints; None is filtered first"""
    c = {key: value for key, value in config.items() if value is not None}
    D, H = c["d_model"], c["n_heads"]
    G = c.get("n_kv_heads", H)
    if G < 1 or H / G != H // G:
        raise ValueError(f"{G} and {H}")
    if "head_dim" not in c and D // H * H != D:
        raise ValueError(f"{H} and {D}")
    K, F = c.get("head_dim", D // H), c.get("d_ff", 4 * D)
    for key, names in (
        ("mlp", {"gelu", "swiglu"}),
        ("norm", {"layernorm", "rmsnorm"}),
        ("attn_bias", {"none", "qkv", "all"}),
    ):
        if not {c.get(key, min(names))} <= names:
            raise ValueError(key)
    centred = c.get("norm", "layernorm") == "layernorm"
    shapes = {"embedding": [(c["vocab_size"], D)], "attention": [], "mlp": [], "norm": [], "head": []}
    shapes["embedding"] += [(c[key], D) for key in ("max_positions", "type_vocab") if c.get(key)]
    last = [True] * c.get("final_norm", True) + [True] * c.get("embedding_norm", False)
    shapes["norm"] += [(1 + centred, D)] * (2 * c["n_layers"] + len(last))
    for _ in range(c["n_layers"]):
        shapes["attention"] += [(D, H, K), (D, 2 * G, K), (H, K, D)]
        if "attn_bias" in c and c["attn_bias"] != "none":
            shapes["attention"] += [(H + G + G, K)] + [(D,)] * (c["attn_bias"][0] == "a")
        gates = 2 if c.get("mlp") == "swiglu" else 1
        shapes["mlp"] += [(gates, D, F), (F, D)] + ([(gates, F), (D,)] if c.get("mlp_bias") else [])
    if c.get("lm_head", True) and not c.get("tied", False):
        shapes["head"].append((D, c["vocab_size"]))
    shapes["head"] += [(D, D), (D,)] if c.get("pooler") else []
    count = {part: sum(int(np.prod(np.array(s, dtype=object))) for s in each) for part, each in shapes.items()}
    inside = sum(count[part] for part in ("attention", "mlp", "norm"))
    count["total"] = inside + count["head"] + count["embedding"]
    count["non_embedding"] = inside
    return count
