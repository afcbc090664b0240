"""Right solutions in other styles. None of them may lose a point."""

from dataclasses import dataclass, fields
from fractions import Fraction
from math import prod

import torch
from moe_params import attention_params, count_params
from torch import nn

from grader.testing import replaces


@replaces("attention_params")
def of_shapes(config) -> int:
    """a list of shapes"""
    given = {key: value for key, value in config.items() if value is not None}
    D, H = given["hidden_size"], given["num_attention_heads"]
    if "kv_lora_rank" in given:
        r, key = given["kv_lora_rank"], given["qk_nope_head_dim"] + given["qk_rope_head_dim"]
        shapes = [
            (D, r + given["qk_rope_head_dim"]),
            (r,),
            (r, H, given["qk_nope_head_dim"]),
            (r, H, given["v_head_dim"]),
        ]
        if "q_lora_rank" in given:
            q = given["q_lora_rank"]
            shapes += [(D, q), (q,), (q, H, key)]
        else:
            shapes += [(D, H, key)]
        shapes += [(H, given["v_head_dim"], D)]
    else:
        G, K = given.get("num_key_value_heads", H), given.get("head_dim", D // H)
        shapes = [(D, H, K), (D, G, K), (D, G, K), (H, K, D)] + 2 * [(K,)] * bool(given.get("qk_norm"))
    return sum(map(prod, shapes))


class MetaAttention(nn.Module):
    """The attention as a module; on the meta device it takes no memory."""

    def __init__(self, D, H, G, K, norms):
        super().__init__()
        self.q, self.o = nn.Linear(D, H * K, bias=False), nn.Linear(H * K, D, bias=False)
        self.k, self.v = nn.Linear(D, G * K, bias=False), nn.Linear(D, G * K, bias=False)
        self.norms = nn.ModuleList([nn.RMSNorm(K), nn.RMSNorm(K)] if norms else [])


class MetaLatentAttention(nn.Module):
    def __init__(self, D, H, r_q, r_kv, n, p, v):
        super().__init__()
        linear = lambda a, b: nn.Linear(a, b, bias=False)  # noqa: E731
        key = H * (n + p)
        self.q = nn.Sequential(linear(D, r_q), nn.RMSNorm(r_q), linear(r_q, key)) if r_q else linear(D, key)
        self.down, self.norm, self.up = linear(D, r_kv + p), nn.RMSNorm(r_kv), linear(r_kv, H * (n + v))
        self.o = linear(H * v, D)


@replaces("attention_params")
def of_modules(config) -> int:
    """builds the attention on the meta device and counts what it has"""
    D, H = config["hidden_size"], config["num_attention_heads"]
    module: nn.Module
    with torch.device("meta"):
        if config.get("kv_lora_rank"):
            ranks = config.get("q_lora_rank"), config["kv_lora_rank"]
            dims = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
            module = MetaLatentAttention(D, H, *ranks, *dims)
        else:
            K = config.get("head_dim") or D // H
            module = MetaAttention(D, H, config.get("num_key_value_heads") or H, K, config.get("qk_norm"))
    return sum(parameter.numel() for parameter in module.parameters())


@dataclass
class Config:
    """Every key that counts, with its default."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_experts: int = 0
    num_experts_per_tok: int = 0
    moe_intermediate_size: int = 0
    n_shared_experts: int = 0
    first_k_dense_replace: int = 0
    tie_word_embeddings: bool = False

    @classmethod
    def read(cls, config):
        names = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in config.items() if key in names and value is not None})


@replaces("count_params")
def layer_by_layer(config) -> dict[str, int]:
    """walks through the layers and keeps two sums; a key more in the result"""
    c = Config.read(config)
    swiglu = lambda width: 3 * c.hidden_size * width  # noqa: E731
    total = active = c.hidden_size * (1 + c.vocab_size * (2 - bool(c.tie_word_embeddings)))
    for layer in range(c.num_hidden_layers):
        both = 2 * c.hidden_size + attention_params(config)
        total, active = total + both, active + both
        if c.num_experts == 0 or layer < c.first_k_dense_replace:
            total, active = (x + swiglu(c.intermediate_size) for x in (total, active))
        else:
            expert = swiglu(c.moe_intermediate_size or c.intermediate_size)
            router = c.num_experts * c.hidden_size
            total += router + (c.num_experts + c.n_shared_experts) * expert
            active += router + (c.num_experts_per_tok + c.n_shared_experts) * expert
    return {"active": active, "total": total, "idle": total - active}


@replaces("count_params")
def minus_idle(config) -> dict[str, int]:
    """the total first, the idle experts taken off it; or in place of defaults"""
    D, L = config["hidden_size"], config["num_hidden_layers"]
    F, E = config["intermediate_size"], config.get("num_experts") or 0
    sparse = max(0, L - (config.get("first_k_dense_replace") or 0)) if E else 0
    expert = 3 * D * (config.get("moe_intermediate_size") or F)
    total = D * config["vocab_size"] + D + L * (attention_params(config) + 2 * D) + (L - sparse) * 3 * D * F
    if not config.get("tie_word_embeddings"):
        total += D * config["vocab_size"]
    total += sparse * (E * D + (E + (config.get("n_shared_experts") or 0)) * expert)
    idle = sparse * (E - config["num_experts_per_tok"]) * expert if E else 0
    return {"total": total, "active": total - idle}


@replaces("count_params")
def straight_line(config) -> dict[str, int]:
    """the count is a straight line in the number of experts: 0 and 1 of them give all others"""
    E = config.get("num_experts") or 0
    if not E:
        return count_params(config)
    L, D = config["num_hidden_layers"], config["hidden_size"]
    dense = config.get("first_k_dense_replace") or 0
    width = config.get("moe_intermediate_size") or config["intermediate_size"]
    as_dense = {**config, "num_experts": None, "first_k_dense_replace": None}
    base = count_params({**as_dense, "num_hidden_layers": dense})["total"]
    base += (L - dense) * (attention_params(config) + 2 * D + E * D)
    slope = Fraction(3 * width * D * (L - dense), 1)
    shared = config.get("n_shared_experts") or 0
    line = lambda n: int(base + slope * (n + shared))  # noqa: E731
    return {"total": line(E), "active": line(config["num_experts_per_tok"])}
