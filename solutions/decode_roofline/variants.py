"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import UserDict, defaultdict
from dataclasses import asdict, dataclass
from fractions import Fraction

import numpy as np
import torch
from decode_roofline import active_params, cache_bytes, expected_experts, total_params, weight_bytes

from grader.testing import replaces


@replaces("total_params")
def added_up(m):
    """active, and the experts that are idle"""
    if m.get("n_experts"):
        return active_params(m) + (m["n_experts"] - m["top_k"]) * m["expert_params"]
    return m["shared_params"]


@replaces("active_params")
def with_defaults(m):
    """a dict that makes 0 of what is missing"""
    known = defaultdict(int, m)
    return known["shared_params"] + known["expert_params"] * known["top_k"]


@replaces("expected_experts")
def step_by_step(n_experts, top_k, tokens):
    """each token finds its share of what is not yet in use"""
    in_use = 0.0
    for _ in range(tokens):
        in_use += (n_experts - in_use) * top_k / n_experts
    return in_use


@replaces("expected_experts")
def exact(n_experts, top_k, tokens):
    """in fractions"""
    return float(n_experts - n_experts * Fraction(n_experts - top_k, n_experts) ** tokens)


@replaces("expected_experts")
def in_torch(n_experts, top_k, tokens):
    """a sum over the experts of the probability of each"""
    idle = torch.full((n_experts,), 1 - top_k / n_experts, dtype=torch.float64).pow(tokens)
    return (1 - idle).sum().item()


@replaces("weight_bytes")
def all_but_idle(m, tokens):
    """all weights without the experts that nobody chose"""
    E = m.get("n_experts", 0)
    if E == 0:
        return m["bytes_per_param"] * m["shared_params"]
    idle = E - expected_experts(E, m["top_k"], tokens)
    return m["bytes_per_param"] * (total_params(m) - idle * m["expert_params"])


@replaces("weight_bytes")
def one_expert_for_dense(m, tokens):
    """a dense model has one expert of no size"""
    model = {**m}
    if not model.get("n_experts"):
        model.update(n_experts=1, top_k=1, expert_params=0)
    experts = expected_experts(model["n_experts"], model["top_k"], tokens)
    return np.dot([1.0, experts], [model["shared_params"], model["expert_params"]]).item() * model["bytes_per_param"]


@replaces("cache_bytes")
def of_a_tensor(m, batch, context):
    """counts the elements of a cache on the meta device"""
    shape = (2, m["attn_layers"], batch, m["n_kv_heads"], context, m["head_dim"])
    cache = torch.empty(shape, dtype=torch.int8, device="meta")
    states = m["state_bytes"] * batch if m.get("state_bytes") else 0
    return cache.numel() * m["kv_bytes"] + states


@dataclass
class Step:
    """What a step costs; the rest follows from it."""

    bytes: float
    flops: float
    t_memory: float
    t_compute: float

    @property
    def seconds(self):
        return self.t_compute if self.bound == "compute" else self.t_memory

    @property
    def bound(self):
        return "compute" if self.t_compute > self.t_memory else "memory"


@replaces("decode_step")
def with_a_class(m, batch, context, hw):
    """a dataclass that becomes a dict"""
    read = batch * cache_bytes(m, 1, context) + weight_bytes(m, batch)
    flops = 2 * batch * (active_params(m) + 2 * context * m["attn_layers"] * m["n_heads"] * m["head_dim"])
    step = Step(read, flops, read / hw["bandwidth"], flops / hw["peak_flops"])
    rate = batch * min(hw["bandwidth"] / read, hw["peak_flops"] / flops)
    return asdict(step) | {"bound": step.bound, "seconds": step.seconds, "tokens_per_s": rate}


@replaces("decode_step")
def by_sorting(m, batch, context, hw):
    """the last of two sorted times, with its name"""
    result = UserDict()
    result["bytes"] = sum([weight_bytes(m, batch), *(cache_bytes(m, 1, context) for _ in range(batch))])
    one = 2 * active_params(m)
    for _ in range(m["attn_layers"]):
        one += 2 * 2 * m["n_heads"] * m["head_dim"] * context
    result["flops"] = float(one) * batch
    result["t_memory"] = result["bytes"] / hw["bandwidth"]
    result["t_compute"] = result["flops"] / hw["peak_flops"]
    ranked = sorted([(result["t_compute"], 0, "compute"), (result["t_memory"], 1, "memory")])
    result["seconds"], _, result["bound"] = ranked[-1]
    result["tokens_per_s"] = batch / result["seconds"]
    return dict(result)


@replaces("critical_batch")
def balance(hw, bytes_per_param):
    """FLOPs for each byte of the device, and bytes for each FLOP of the model"""
    return (hw["peak_flops"] / hw["bandwidth"]) / (2 / bytes_per_param)


@replaces("max_batch")
def one_more(m, context, memory_bytes):
    """adds sequences until the next does not fit"""
    batch = 0
    while m["bytes_per_param"] * total_params(m) + cache_bytes(m, batch + 1, context) <= memory_bytes:
        batch += 1
    return batch


@replaces("max_batch")
def floor_of_the_quotient(m, context, memory_bytes):
    """math.floor"""
    free = memory_bytes - total_params(m) * m["bytes_per_param"]
    fit = math.floor(free / cache_bytes(m, 1, context))
    return fit if fit > 0 else 0


@replaces("prefill_seconds")
def token_by_token(m, prompt, hw):
    """adds up what each token computes"""
    flops = 0
    for i in range(prompt):
        flops += 2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * (i + 1)
    reading, computing = weight_bytes(m, prompt) / hw["bandwidth"], flops / hw["peak_flops"]
    return computing if computing > reading else reading


@replaces("prefill_seconds")
def triangle(m, prompt, hw):
    """the mask of the attention, counted"""
    pairs = int(np.tril(np.ones((prompt, prompt), dtype=bool)).sum())
    flops = 2 * active_params(m) * prompt + 4 * pairs * m["attn_layers"] * m["n_heads"] * m["head_dim"]
    return float(np.maximum(flops / hw["peak_flops"], weight_bytes(m, prompt) / hw["bandwidth"]))
