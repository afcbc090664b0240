"""Right solutions in other styles. None of them may lose a point."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

import numpy as np
import torch
from moe_roofline import decode_step, expected_experts

from grader.testing import replaces


@replaces("expected_experts")
def token_after_token(num_experts, k, tokens):
    """what the first tokens missed, the next one misses in part"""
    missed = num_experts
    for _ in range(tokens):
        missed -= missed * k / num_experts
    return num_experts - missed


@replaces("expected_experts")
def with_logarithms(num_experts, k, tokens):
    """expm1 and log1p, exact also for tiny k/E; an int where k = E"""
    if k == num_experts:
        return num_experts if tokens else 0
    return -num_experts * math.expm1(tokens * math.log1p(-k / num_experts))


@replaces("expected_experts")
def with_binomials(num_experts, k, tokens):
    """the share of choices that leave one expert out, in NumPy's float64"""
    misses = np.float64(math.comb(num_experts - 1, k)) / math.comb(num_experts, k)
    return num_experts * (1 - misses**tokens)


@replaces("resident_bytes")
def layer_by_layer(model, bytes_per_param=2):
    """a sum over layers and experts; always a float"""
    total = model["shared_params"]
    for _ in range(model["num_layers"]):
        total += sum(model["expert_params"] for _ in range(model["num_experts"]))
    return float(total * bytes_per_param)


@replaces("resident_bytes")
def with_fractions(model, bytes_per_param=2):
    """an exact fraction, and an int where it is whole"""
    S, P, L, E = (model[key] for key in ("shared_params", "expert_params", "num_layers", "num_experts"))
    exact = Fraction(bytes_per_param) * (S + L * E * P)
    return int(exact) if exact.denominator == 1 else float(exact)


@dataclass
class Step:
    """The four numbers and names, as attributes."""

    bytes: float
    flops: float
    bandwidth: float
    peak: float

    @property
    def seconds(self):
        return sorted([self.bytes / self.bandwidth, self.flops / self.peak])[-1]

    @property
    def bound(self):
        """by arithmetic intensity: FLOPs per byte against those of the device"""
        return "compute" if self.flops / self.bytes > self.peak / self.bandwidth else "memory"


@replaces("decode_step")
def by_intensity(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """arithmetic intensity against the ridge point; a key more in the result"""
    S, P, L, E, k = (model[x] for x in ("shared_params", "expert_params", "num_layers", "num_experts", "k"))
    untouched = (1 - k / E) ** batch
    s = Step((S + L * E * P * (1 - untouched)) * bytes_per_param, 2.0 * batch * (S + L * k * P), bandwidth, peak_flops)
    return {"bound": s.bound, "bytes": s.bytes, "flops": s.flops, "seconds": s.seconds, "intensity": s.flops / s.bytes}


@replaces("decode_step")
def in_tensors(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """float64 tensors, unpacked at the end"""
    m = {key: torch.tensor(float(value), dtype=torch.float64) for key, value in model.items()}
    hit = expected_experts(model["num_experts"], model["k"], batch)
    experts = torch.tensor([hit, model["k"]], dtype=torch.float64) * m["num_layers"] * m["expert_params"]
    amount = (experts + m["shared_params"]) * torch.tensor([bytes_per_param, 2 * batch], dtype=torch.float64)
    times = amount / torch.tensor([bandwidth, peak_flops], dtype=torch.float64)
    slower = int(times[1] > times[0])
    read, flops = amount.tolist()
    return {"bytes": read, "flops": flops, "seconds": times[slower].item(), "bound": ("memory", "compute")[slower]}


@replaces("crossover_batch")
def counting_up(model, bandwidth, peak_flops, bytes_per_param=2):
    """asks for one batch after another"""
    batches = count(1)
    return next(
        b for b in batches if decode_step(model, b, bandwidth, peak_flops, bytes_per_param)["bound"] != "memory"
    )


@replaces("crossover_batch")
def fixed_point(model, bandwidth, peak_flops, bytes_per_param=2):
    """the batch whose work takes as long as what the last guess reads, from above, until it stays"""
    S, P, L, E, k = (model[x] for x in ("shared_params", "expert_params", "num_layers", "num_experts", "k"))
    ridge = bytes_per_param * peak_flops / (2 * bandwidth)
    batch = math.floor(ridge * (S + L * E * P) / (S + L * k * P)) + 1
    while batch > 1 and decode_step(model, batch - 1, bandwidth, peak_flops, bytes_per_param)["bound"] == "compute":
        hit = expected_experts(E, k, batch - 1)
        batch = min(batch - 1, math.floor(ridge * (S + L * hit * P) / (S + L * k * P)) + 1)
    return batch


@replaces("crossover_batch")
def bits_from_above(model, bandwidth, peak_flops, bytes_per_param=2):
    """the largest batch bound by memory, bit by bit, and the one after it"""
    memory = 0
    for bit in reversed(range(30)):
        tried = memory + (1 << bit)
        if decode_step(model, tried, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory":
            memory = tried
    return memory + 1
