"""Right solutions in other styles. None of them may lose a point."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import torch
from transformer_flops import forward_flops

from grader.testing import replaces


@replaces("matmul_flops")
def of_shifts(m, k, n):
    """doubled by a shift"""
    return prod((m, k, n)) << 1


@replaces("matmul_flops")
def of_decimals(m, k, n):
    """multiplications and additions apart"""
    multiplications = additions = m * n * k
    return multiplications + additions


@dataclass
class Shape:
    """What of a config counts, with its defaults."""

    n_layers: int
    d_model: int
    n_heads: int
    vocab_size: int
    n_kv_heads: int | None = None
    head_dim: int | None = None
    d_ff: int | None = None
    mlp: str | None = None

    @classmethod
    def of(cls, config):
        return cls(**{key: config.get(key) for key in cls.__dataclass_fields__})

    @property
    def q(self):
        return self.n_heads * (self.head_dim or self.d_model // self.n_heads)

    @property
    def kv(self):
        return self.q // self.n_heads * (self.n_kv_heads or self.n_heads)

    @property
    def hidden(self):
        return self.d_ff or 4 * self.d_model


@replaces("forward_flops")
def per_token(config, batch, seq_len, causal=False):
    """what one token costs, times the tokens; a Counter, with a key more than asked for"""
    s = Shape.of(config)
    count = Counter(logits=2 * s.vocab_size * s.d_model)
    for _ in range(s.n_layers):
        count["qkv"] += 2 * s.d_model * (s.q + s.kv + s.kv)
        count["out"] += 2 * s.d_model * s.q
        count["mlp"] += 2 * s.d_model * s.hidden * {"swiglu": 3}.get(s.mlp, 2)
    for part in list(count):
        count[part] *= batch * seq_len
    keys = Fraction(seq_len + 1, 2) if causal else seq_len  # for each query, on average
    for part in ("scores", "values"):
        count[part] = int(2 * s.n_layers * batch * seq_len * s.q * keys)
    count["total"] = sum(count.values())
    count["attention"] = count["scores"] + count["values"]
    return count


@replaces("forward_flops")
def of_weights(config, batch, seq_len, causal=False):
    """areas of matrices; keys in another order; subtracts the upper triangle"""
    c = config
    D, H = c["d_model"], c["n_heads"]
    K, F = c.get("head_dim", D // H), c.get("d_ff", D << 2)
    area = {"qkv": D * K * (H + 2 * c.get("n_kv_heads", H)), "out": D * K * H}
    area["mlp"] = D * F * (2 + (c.get("mlp", "gelu") == "swiglu"))
    found = {part: 2 * batch * seq_len * c["n_layers"] * area[part] for part in area}
    pairs = seq_len**2 - (seq_len * (seq_len - 1) // 2 if causal else 0)
    both = 2 * 2 * batch * pairs * H * K * c["n_layers"]
    found["logits"] = 2 * batch * seq_len * D * c["vocab_size"]
    return {"total": sum(found.values()) + both, "scores": both // 2, "values": both - both // 2, **found}


@replaces("forward_flops")
def position_by_position(config, batch, seq_len, causal=False):
    """adds up what the query at each position costs"""
    s = Shape.of(config)
    found = dict.fromkeys(("qkv", "scores", "values", "out", "mlp", "logits"), 0)
    for t in range(seq_len):
        keys = t + 1 if causal else seq_len
        found["qkv"] += 2 * s.d_model * (s.q + 2 * s.kv)
        found["scores"] += 2 * s.q * keys
        found["values"] += 2 * s.q * keys
        found["out"] += 2 * s.q * s.d_model
        found["mlp"] += (6 if s.mlp == "swiglu" else 4) * s.d_model * s.hidden
        found["logits"] += 2 * s.d_model * s.vocab_size
    found = {part: batch * n * (1 if part == "logits" else s.n_layers) for part, n in found.items()}
    return {**found, "total": sum(found.values())}


@replaces("forward_flops")
def of_shapes(config, batch, seq_len, causal=False):
    """one sequence through matrices on the meta device, which take no memory: 2 k FLOPs for each number of a product"""
    s = Shape.of(config)

    def product(*shapes):
        a, b = (torch.empty(shape, device="meta") for shape in shapes)
        return 2 * a.shape[-1] * (a @ b).numel()

    D, T, K = s.d_model, seq_len, s.q // s.n_heads
    up = product((T, D), (D, s.hidden))
    found = {
        "qkv": product((T, D), (D, s.q)) + 2 * product((T, D), (D, s.kv)),
        "scores": s.n_heads * product((T, K), (K, T)),
        "values": s.n_heads * product((T, T), (T, K)),
        "out": product((T, s.q), (s.q, D)),
        "mlp": up * (2 if s.mlp == "swiglu" else 1) + product((T, s.hidden), (s.hidden, D)),
    }
    found = {part: batch * s.n_layers * n for part, n in found.items()}
    found["logits"] = batch * product((T, D), (D, s.vocab_size))
    if causal:
        pairs = len(torch.empty(T, T, device="meta")) * (T + 1) // 2
        found |= {part: found[part] // (T * T) * pairs for part in ("scores", "values")}
    return found | {"total": sum(found.values())}


@replaces("train_flops")
def forward_and_backward(config, batch, seq_len, recompute=False):
    """part by part, each forward and each backward"""
    parts = forward_flops(config, batch, seq_len)
    parts.pop("total")
    step = 0
    for flops in parts.values():
        step += flops + 2 * flops
        if recompute:
            step += flops
    return step


@replaces("six_nd")
def by_passes(n_params, n_tokens):
    """forward, and two gradients"""
    forward = 2 * n_params * n_tokens
    return forward + 2 * forward


@replaces("attention_crossover")
def by_bisection(config):
    """looks for the length at which the two lines meet"""
    s = Shape.of(config)
    weights = 2 * (s.d_model * (2 * s.q + 2 * s.kv) + s.d_model * s.hidden * (3 if s.mlp == "swiglu" else 2))
    low, high = 0.0, float(weights)
    for _ in range(200):
        middle = (low + high) / 2
        if 4 * s.q * middle < weights:
            low = middle
        else:
            high = middle
    return high


@replaces("attention_crossover")
def by_counting(config):
    """from forward passes of one token and of two"""
    one, two = (forward_flops(config, 1, T) for T in (1, 2))
    linear = sum(one[part] for part in ("qkv", "out", "mlp"))
    square = sum(two[part] for part in ("scores", "values")) / 4
    return linear / square


@replaces("mfu")
def of_tensors(n_params, tokens_per_second, peak_flops):
    """in torch, and back"""
    rate = torch.tensor(float(tokens_per_second), dtype=torch.float64)
    return float(rate / peak_flops * n_params * 6)
