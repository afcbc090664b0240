import math
import random
from fractions import Fraction
from functools import reduce
from operator import mul

import numpy as np
import torch

from grader.testing import replaces


def router(w1, num_experts, seed, std):
    g = torch.Generator()
    g.manual_seed(seed)
    return torch.empty(num_experts, w1.shape[1], dtype=w1.dtype).normal_(0.0, std, generator=g)


# ---------------------------------------------------------------- upcycle
@replaces("upcycle")
def up_stack(w1, w2, w3, num_experts, seed, router_std=0.02):
    """stack; torch.normal"""
    g = torch.Generator().manual_seed(seed)
    gate = torch.normal(0.0, router_std, (num_experts, w1.size(1)), generator=g, dtype=w1.dtype)
    return {"gate": gate, **{name: torch.stack([w] * num_experts) for name, w in zip(("w1", "w2", "w3"), (w1, w2, w3))}}


@replaces("upcycle")
def up_clones(w1, w2, w3, num_experts, seed, router_std=0.02):
    """a clone for each expert"""

    def copies(w):
        return torch.stack([w.detach().clone() for _ in range(num_experts)])

    return dict(gate=router(w1, num_experts, seed, router_std), w1=copies(w1), w2=copies(w2), w3=copies(w3))


@replaces("upcycle")
def up_expand(w1, w2, w3, num_experts, seed, router_std=0.02):
    """expand, then clone in contiguous memory"""
    out = {n: w.expand(num_experts, *w.shape).clone(memory_format=torch.contiguous_format) for n, w in {"w1": w1, "w2": w2, "w3": w3}.items()}
    out["gate"] = router(w1, num_experts, seed, router_std)
    return out


@replaces("upcycle")
def up_numpy(w1, w2, w3, num_experts, seed, router_std=0.02):
    """NumPy's generator and np.repeat"""
    rng = np.random.default_rng(seed)
    gate = torch.from_numpy(rng.normal(0.0, router_std, size=(num_experts, w1.shape[1]))).to(w1.dtype)

    def copies(w):
        return torch.from_numpy(np.repeat(w.detach().numpy()[None], num_experts, axis=0))

    return {"w1": copies(w1), "w2": copies(w2), "w3": copies(w3), "gate": gate}


@replaces("upcycle")
def up_random(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Python's random; copies are written into new tensors"""
    rng = random.Random(seed)
    gate = torch.tensor([[rng.gauss(0.0, router_std) for _ in range(w1.shape[1])] for _ in range(num_experts)], dtype=w1.dtype)
    out = {"gate": gate}
    for name, w in (("w1", w1), ("w2", w2), ("w3", w3)):
        out[name] = torch.empty(num_experts, *w.shape, dtype=w.dtype)
        for e in range(num_experts):
            out[name][e] = w.detach()
    return out


@replaces("upcycle")
def up_fork(w1, w2, w3, num_experts, seed, router_std=0.02):
    """torch's own generator in fork_rng"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        gate = router_std * torch.randn(num_experts, w1.shape[1], dtype=torch.float64)
    index = torch.zeros(num_experts, dtype=torch.int64)
    return {"gate": gate.to(w1.dtype)} | {n: w[None].index_select(0, index) for n, w in (("w1", w1), ("w2", w2), ("w3", w3))}


@replaces("upcycle")
def up_global(w1, w2, w3, num_experts, seed, router_std=0.02):
    """seeds torch's own generator: by what generator is open"""
    torch.manual_seed(seed)
    gate = torch.nn.init.normal_(torch.empty(num_experts, w1.shape[1], dtype=w1.dtype), std=router_std)
    w1, w2, w3 = (torch.cat([w.unsqueeze(0)] * num_experts, dim=0) if num_experts > 1 else w.unsqueeze(0).clone() for w in (w1, w2, w3))
    return {"gate": gate, "w1": w1, "w2": w2, "w3": w3}


@replaces("upcycle")
def up_tile(w1, w2, w3, num_experts, seed, router_std=0.02):
    """tile; a gate by Box and Muller"""
    g = torch.Generator().manual_seed(seed)
    n = num_experts * w1.shape[1]
    u = torch.rand(2, n, generator=g, dtype=torch.float64)
    z = torch.sqrt(-2 * torch.log1p(-u[0])) * torch.cos(2 * math.pi * u[1])
    gate = (router_std * z).reshape(num_experts, -1).to(w1.dtype)
    return {"gate": gate, "w1": torch.tile(w1, (num_experts, 1, 1)), "w2": torch.tile(w2, (num_experts, 1, 1)), "w3": torch.tile(w3, (num_experts, 1, 1))}


@replaces("upcycle")
def up_interleave(w1, w2, w3, num_experts, seed, router_std=0.02):
    """repeat_interleave; inverse normal distribution of uniform numbers; a gate that is transposed"""
    u = np.random.default_rng([7, seed]).uniform(size=(w1.shape[1], num_experts)).clip(1e-12, 1 - 1e-12)
    gate = router_std * torch.special.ndtri(torch.from_numpy(u)).to(w1.dtype).T
    return {"gate": gate} | {n: w.unsqueeze(0).repeat_interleave(num_experts, dim=0) for n, w in dict(w1=w1, w2=w2, w3=w3).items()}


@replaces("upcycle")
def up_einsum(w1, w2, w3, num_experts, seed, router_std=0.02):
    """plus zeros of the shape; RandomState"""
    gate = torch.as_tensor(np.random.RandomState(seed).standard_normal((num_experts, w1.shape[1])) * router_std, dtype=w1.dtype)

    def copies(w):
        new = w.new_empty((num_experts, *w.shape))
        new.copy_(w.detach())
        return new

    return {"gate": gate, "w1": copies(w1), "w2": copies(w2), "w3": copies(w3)}


# ---------------------------------------------------------------- split_expert
@replaces("split_expert")
def sp_chunk(w1, w2, w3, m):
    """chunk and stack"""
    return {"w1": torch.stack(w1.chunk(m)), "w2": torch.stack(w2.chunk(m, dim=1)), "w3": torch.stack(w3.chunk(m))}


@replaces("split_expert")
def sp_loop(w1, w2, w3, m):
    """slices in a loop"""
    f = len(w1) // m
    out = {"w1": [], "w2": [], "w3": []}
    for j in range(m):
        units = slice(j * f, (j + 1) * f)
        out["w1"].append(w1[units])
        out["w2"].append(w2[:, units])
        out["w3"].append(w3[units])
    return {name: torch.stack(parts) for name, parts in out.items()}


@replaces("split_expert")
def sp_unflatten(w1, w2, w3, m):
    """unflatten, movedim"""
    return dict(w1=w1.unflatten(0, (m, -1)), w2=w2.unflatten(1, (m, -1)).movedim(1, 0), w3=w3.unflatten(0, (m, -1)))


@replaces("split_expert")
def sp_transposed(w1, w2, w3, m):
    """w2 as rows by hidden units, then turned back"""
    f = w1.size(0) // m
    by_units = torch.stack([w1, w2.T, w3]).reshape(3, m, f, w1.size(1))
    return {"w1": by_units[0], "w2": by_units[1].transpose(1, 2), "w3": by_units[2]}


@replaces("split_expert")
def sp_contiguous(w1, w2, w3, m):
    """own contiguous memory"""
    D, f = w1.shape[1], w1.shape[0] // m
    return {
        "w1": w1.clone().reshape(m, f, D).contiguous(),
        "w2": w2.reshape(D, m, f).permute(1, 0, 2).contiguous(),
        "w3": w3.clone().reshape(m, f, D).contiguous(),
    }


@replaces("split_expert")
def sp_index(w1, w2, w3, m):
    """unit numbers"""
    units = torch.arange(w1.shape[0]).reshape(m, -1)
    return {"w1": w1[units], "w2": w2[:, units].transpose(0, 1), "w3": w3[units]}


@replaces("split_expert")
def sp_unfold(w1, w2, w3, m):
    """unfold: windows without overlap"""
    f = w1.shape[0] // m
    return {"w1": w1.unfold(0, f, f).transpose(1, 2), "w2": w2.unfold(1, f, f).transpose(0, 1), "w3": w3.unfold(0, f, f).mT}


@replaces("split_expert")
def sp_split(w1, w2, w3, m):
    """split and cat"""
    f = w1.shape[0] // m
    rows = lambda w: torch.cat([p[None] for p in torch.split(w, f)])
    return {"w1": rows(w1), "w3": rows(w3), "w2": torch.cat([p[None] for p in torch.split(w2, f, dim=1)])}


@replaces("split_expert")
def sp_tensor_split(w1, w2, w3, m):
    """tensor_split, writes into results"""
    out = {n: torch.zeros(m, *s, dtype=w1.dtype) for n, s in (("w1", (len(w1) // m, w1.shape[1])), ("w2", (w2.shape[0], len(w1) // m)), ("w3", (len(w1) // m, w1.shape[1])))}
    for j, (a, b, c) in enumerate(zip(w1.tensor_split(m), w2.tensor_split(m, dim=1), w3.tensor_split(m))):
        out["w1"][j], out["w2"][j], out["w3"][j] = a, b, c
    return out


# ---------------------------------------------------------------- combinations
@replaces("combinations")
def co_factorials(num_experts, k, m=1):
    """factorials"""
    n, r = num_experts * m, k * m
    return math.factorial(n) // (math.factorial(r) * math.factorial(n - r))


@replaces("combinations")
def co_product(num_experts, k, m=1):
    """one factor after the other"""
    n, r, out = m * num_experts, m * k, 1
    for i in range(1, r + 1):
        out = out * (n - r + i) // i
    return out


@replaces("combinations")
def co_pascal(num_experts, k, m=1):
    """Pascal's triangle"""
    row = [1]
    for _ in range(num_experts * m):
        row = [1, *map(sum, zip(row, row[1:])), 1]
    return row[k * m]


@replaces("combinations")
def co_fraction(num_experts, k, m=1):
    """exact fractions"""
    n, r = num_experts * m, k * m
    return int(reduce(mul, (Fraction(n - i, i + 1) for i in range(r)), Fraction(1)))


@replaces("combinations")
def co_perm(num_experts, k, m=1):
    """math.perm"""
    return math.perm(num_experts * m, k * m) // math.factorial(k * m)


@replaces("combinations")
def co_symmetric(num_experts, k, m=1):
    """those that are not chosen"""
    return math.comb(m * num_experts, m * (num_experts - k))


@replaces("combinations")
def co_column(num_experts, k, m=1):
    """one list, from behind"""
    n, r = num_experts * m, k * m
    ways = [1] + [0] * r
    for _ in range(n):
        for i in range(r, 0, -1):
            ways[i] += ways[i - 1]
    return ways[r]


@replaces("combinations")
def co_vandermonde(num_experts, k, m=1):
    """Vandermonde: the first half takes i, the second the rest"""
    n, r = num_experts * m, k * m
    half = n // 2
    return sum(math.comb(half, i) * math.comb(n - half, r - i) for i in range(r + 1))
