"""Right solutions in other styles. None of them may lose a point."""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from speculative_decoding import residual
from torch import Tensor

from grader.testing import replaces


@replaces("acceptance_rate")
def one_minus_distance(p: Tensor, q: Tensor) -> Tensor:
    """1 less half the sum of |p - q|"""
    return 1 - torch.linalg.vector_norm(p - q, ord=1, dim=-1) / 2


@replaces("acceptance_rate")
def mean_of_the_ratio(p: Tensor, q: Tensor) -> Tensor:
    """by the definition, with a divisor that is never 0; einsum"""
    ratio = (p / torch.where(q > 0, q, torch.ones_like(q))).clamp(max=1.0)
    return torch.einsum("...v,...v->...", ratio, q)


@replaces("acceptance_rate")
def in_numpy(p: Tensor, q: Tensor) -> Tensor:
    """NumPy in float64"""
    rate = np.minimum(p.double().numpy(), q.double().numpy()).sum(axis=-1)
    return torch.as_tensor(np.asarray(rate)).to(p.dtype)


@replaces("residual")
def only_rows_that_differ(p: Tensor, q: Tensor) -> Tensor:
    """a copy of p, in which the other rows are written"""
    result = p.clone().reshape(-1, p.shape[-1])
    lacking = (torch.maximum(p, q) - q).reshape(result.shape)
    differs = lacking.sum(-1) > 0
    result[differs] = lacking[differs] / lacking[differs].sum(-1, keepdim=True)
    return result.view(p.shape)


@replaces("residual")
def row_after_row(p: Tensor, q: Tensor) -> Tensor:
    """Python numbers"""
    rows = []
    for a, b in zip(p.reshape(-1, p.shape[-1]).tolist(), q.reshape(-1, p.shape[-1]).tolist(), strict=True):
        lacking = [max(x - y, 0.0) for x, y in zip(a, b, strict=True)]
        rows.append([x / sum(lacking) for x in lacking] if any(lacking) else a)
    return torch.tensor(rows, dtype=p.dtype).reshape(p.shape)


@replaces("residual")
def norm_of_relu(p: Tensor, q: Tensor) -> Tensor:
    """relu and normalize in float64; the equal row is added at the end; tokens lie along the first axis inside"""
    p, q, dtype = p.double().movedim(-1, 0), q.double().movedim(-1, 0), p.dtype
    same = (p <= q).all(0)
    shares = torch.nn.functional.normalize(torch.relu(p - q), p=1.0, dim=0, eps=1e-300)
    return (shares + p * same).movedim(0, -1).to(dtype)


class Step(NamedTuple):
    tokens: Tensor
    accepted: Tensor


@replaces("verify")
def row_by_row(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> Step:
    """plain Python: one text after the other, and a walk along its last distribution"""
    rows, counts = [], []
    G = draft.shape[1]
    for xs, qs, ps, us, end in zip(*(t.tolist() for t in (draft, q, p, u, u_last)), strict=True):
        row = []
        weights = ps[G]
        for x, q_i, p_i, u_i in zip(xs, qs, ps, us, strict=False):
            if u_i < p_i[x] / q_i[x]:
                row.append(x)
                continue
            weights = [max(a - b, 0.0) for a, b in zip(p_i, q_i, strict=True)]
            whole = sum(weights)
            weights = [w / whole for w in weights]
            break
        counts.append(len(row))
        total, token = 0.0, None
        for candidate, weight in enumerate(weights):
            total += weight
            if weight > 0:
                token = candidate
            if total > end:
                break
        rows.append([*row, token] + [-1] * (G - len(row)))
    return Step(torch.tensor(rows), torch.tensor(counts))


@replaces("verify")
def place_by_place(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> list[Tensor]:
    """all rows at once, from left to right; rows that are still alive; weights that are not divided, u that is
    scaled"""
    (B, G), V = draft.shape, p.shape[-1]
    alive = torch.ones(B, dtype=torch.bool)
    accepted = torch.zeros(B, dtype=torch.int64)
    tokens = -torch.ones(B, G + 1, dtype=torch.int64)
    every = torch.arange(B)
    for i in range(G + 1):
        if i < G:
            x = draft[:, i]
            passes = u[:, i] * q[every, i, x] < p[every, i, x]
            weights = (p[:, i] - q[:, i]).relu()
        else:
            passes = torch.zeros(B, dtype=torch.bool)
            weights = p[:, G]
        stops = alive & ~passes
        cumulative = weights.cumsum(-1)
        exceeds = (cumulative > (u_last * cumulative[:, -1])[:, None]) & (weights > 0)
        first = torch.where(exceeds, torch.arange(V), V).amin(-1)
        last = torch.where(weights > 0, torch.arange(V), -1).amax(-1)
        tokens[stops, i] = torch.where(first < V, first, last)[stops]
        alive = alive & passes
        if i < G:
            tokens[alive, i] = draft[alive, i]
            accepted += alive
    return [tokens, accepted]


@replaces("verify")
def searched(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """float64, one-hot sums in the place of gathers, the first failure by argmax, searchsorted, scatter; turned
    results"""
    (B, G), V = draft.shape, p.shape[-1]
    hot = torch.nn.functional.one_hot(draft, V).double()
    ratio = (p[:, :-1].double() * hot).sum(-1) / (q.double() * hot).sum(-1)
    failed = torch.cat([u.double() >= ratio.clamp(max=1), torch.ones(B, 1, dtype=torch.bool)], dim=1)
    n = failed.int().argmax(-1)
    nothing = torch.zeros(B, 1, V, dtype=torch.float64)
    rest = residual(p.double(), torch.cat([q.double(), nothing], dim=1))  # where nothing was drafted p itself is left
    weights = rest.gather(1, n.view(B, 1, 1).expand(B, 1, V))[:, 0]
    top = V - 1 - weights.flip(-1).gt(0).int().argmax(-1)
    drawn = torch.searchsorted(weights.cumsum(-1), u_last.double().clone()[:, None], right=True)[:, 0]
    tokens = torch.cat([draft, draft[:, :1]], dim=1).T.contiguous()  # (G + 1, B)
    tokens.scatter_(0, n[None], torch.minimum(drawn, top)[None])
    return tokens.masked_fill(torch.arange(G + 1)[:, None] > n, -1).T, n.long()


@replaces("verify")
def in_arrays(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """NumPy, with take_along_axis and a triangle of logical ands"""
    x, qs, ps = draft.numpy(), q.numpy(), p.numpy()
    G = x.shape[1]
    at = x[:, :, None]
    ok = u.numpy() < np.minimum(1, np.take_along_axis(ps[:, :G], at, 2) / np.take_along_axis(qs, at, 2))[:, :, 0]
    n = np.array([next((i for i in range(G) if not row[i]), G) for row in ok])
    out = np.where(np.arange(G + 1) < n[:, None], np.pad(x, ((0, 0), (0, 1))), -1)
    for b, end in enumerate(u_last.numpy()):
        weights = ps[b, n[b]].astype(np.float64)
        if n[b] < G:
            weights = np.maximum(weights - qs[b, n[b]], 0)
            weights = weights / weights.sum()
        possible = np.flatnonzero(weights)
        found = np.searchsorted(np.cumsum(weights[possible]), end, side="right")
        out[b, n[b]] = possible[min(found, len(possible) - 1)]
    return torch.from_numpy(out), torch.from_numpy(n)


@replaces("expected_tokens")
def horner(alpha: float, gamma: int) -> float:
    """1 + α (1 + α (1 + ...))"""
    mean = 1.0
    for _ in range(gamma):
        mean = 1.0 + alpha * mean
    return mean


@replaces("expected_tokens")
def expm1(alpha: float, gamma: int) -> float:
    """the quotient, with functions that are exact near 0"""
    if alpha in (0.0, 1.0):
        return 1.0 if alpha == 0 else gamma + 1.0
    miss = 1.0 - alpha  # exact for α of ½ and more; below, log1p has no trouble
    return -math.expm1((gamma + 1) * math.log1p(-miss)) / miss


@replaces("expected_tokens")
def powers_of_torch(alpha: float, gamma: int) -> float:
    """a sum of powers in torch"""
    return torch.pow(torch.tensor(alpha, dtype=torch.float64), torch.arange(gamma + 1)).sum().item()


@replaces("expected_tokens")
def in_fractions(alpha: float, gamma: int) -> float:
    """the quotient, in exact fractions"""
    a = Fraction(alpha)
    return float(Fraction(gamma + 1) if a == 1 else (1 - a ** (gamma + 1)) / (1 - a))
