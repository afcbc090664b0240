"""Right solutions in other styles. None of them may lose a point."""

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("apply_temperature")
def by_reciprocal(logits: Tensor, temperature: float) -> Tensor:
    """a product with 1/τ, made in inference mode"""
    if temperature <= 0:
        raise ValueError("temperature")
    with torch.inference_mode():
        return logits * (1.0 / temperature)


@replaces("apply_temperature")
def numpy_divide(logits: Tensor, temperature: float) -> Tensor:
    """NumPy"""
    if temperature <= 0:
        raise ValueError("temperature")
    x = logits.numpy()
    return torch.from_numpy(np.asarray(np.divide(x, x.dtype.type(temperature))))


@replaces("top_k_filter")
def count_better(logits: Tensor, k: int) -> Tensor:
    """a token stays if fewer than k are better: V by V comparisons"""
    if k < 1:
        raise ValueError("k")
    better = (logits[..., None, :] > logits[..., :, None]).sum(-1)
    return torch.where(better < k, logits, -INF)


@replaces("top_k_filter")
def row_by_row(logits: Tensor, k: int) -> Tensor:
    """Python lists, all the better ones removed one after the other"""
    if k <= 0:
        raise ValueError("k")
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]).tolist():
        ordered = sorted(row, reverse=True)
        bar = ordered[k - 1] if k <= len(ordered) else -INF
        rows.append([x if x >= bar else -INF for x in row])
    return torch.tensor(rows, dtype=logits.dtype).view(logits.shape)


@replaces("top_k_filter")
def kth_value(logits: Tensor, k: int) -> Tensor:
    """kthvalue from below, and a mask that is added"""
    if k < 1:
        raise ValueError("k")
    V = logits.shape[-1]
    if k >= V:
        return logits.clone()
    bar = torch.kthvalue(logits, V - k + 1, dim=-1, keepdim=True).values
    return logits + torch.zeros_like(logits).masked_fill(logits < bar, -INF)


@replaces("top_p_filter")
def mass_of_better(logits: Tensor, p: float) -> Tensor:
    """the mass before each token as a matrix product, without sorting"""
    if p <= 0 or p > 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    V = logits.shape[-1]
    mine, other = logits[..., :, None], logits[..., None, :]
    earlier = torch.ones(V, V, dtype=torch.bool).tril(-1)
    before = (other > mine) | ((other == mine) & earlier)
    mass = torch.einsum("...ij,...j->...i", before.to(logits.dtype), logits.softmax(-1))
    return torch.where(mass < p, logits, -INF)


@replaces("top_p_filter")
def from_the_tail(logits: Tensor, p: float) -> Tensor:
    """rising order, as the transformers library has it: remove while the tail has at most 1 - p"""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits
    rising, order = logits.flip(-1).sort(dim=-1, stable=True)  # flipped: of equal ones the later index first
    drop = rising.softmax(-1).cumsum(-1) <= 1 - p
    drop[..., -1] = False
    return logits.flip(-1).masked_fill(drop.gather(-1, order.argsort(-1)), -INF).flip(-1)


@replaces("top_p_filter")
def numpy_rows(logits: Tensor, p: float) -> Tensor:
    """NumPy in float64, row by row, up to the first sum that reaches p"""
    if not 0 < p <= 1:
        raise ValueError("p")
    rows = logits.double().numpy().reshape(-1, logits.shape[-1])
    kept = np.full_like(rows, -np.inf)
    for row, out in zip(rows, kept, strict=True):
        order = np.argsort(-row, kind="stable")
        probs = np.exp(row[order] - row.max())
        size = len(row) if p == 1 else 1 + int(np.searchsorted(np.cumsum(probs / probs.sum()), p))
        out[order[:size]] = row[order[:size]]
    return torch.from_numpy(kept.reshape(logits.shape)).to(logits.dtype)


@replaces("next_token_distribution")
def all_in_one(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """everything in sorted order, with probabilities and no other function"""
    V = logits.shape[-1]
    if temperature <= 0:
        raise ValueError("temperature")
    if top_k is not None and top_k < 1:
        raise ValueError("top_k")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError("top_p")
    ordered, order = torch.sort(logits / temperature, dim=-1, descending=True, stable=True)
    probs = ordered.softmax(-1)
    if top_k is not None:
        probs = probs * (ordered >= ordered[..., [min(top_k, V) - 1]])
    if top_p is not None and top_p < 1:
        share = probs / probs.sum(-1, keepdim=True)
        probs = probs * (share.cumsum(-1) - share < top_p)
    probs = probs / probs.sum(-1, keepdim=True)
    return probs.gather(-1, order.argsort(-1))


@replaces("next_token_distribution")
def one_row_at_a_time(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """a list of the tokens that are left, in plain Python"""
    if temperature <= 0 or (top_k is not None and top_k <= 0) or (top_p is not None and not 0 < top_p <= 1):
        raise ValueError("bad setting")
    result = torch.zeros(logits.shape, dtype=torch.float64).flatten(0, -2) if logits.dim() > 1 else None
    rows = logits.double().reshape(-1, logits.shape[-1]) / temperature
    result = torch.zeros_like(rows) if result is None else result
    for row, out in zip(rows, result, strict=True):
        left = sorted(range(len(row)), key=lambda i: -row[i].item())
        if top_k is not None:
            left = [i for i in left if row[i] >= row[left[min(top_k, len(left)) - 1]]]
        share = row[left].softmax(0)
        if top_p is not None and top_p < 1:
            n = 1
            while share[:n].sum() < top_p:
                n += 1
            left = left[:n]
        out[left] = row[left].softmax(0)
    return result.view(logits.shape).to(logits.dtype)


@replaces("sample")
def search(probs: Tensor, u: Tensor) -> Tensor:
    """searchsorted on the cumulative sums of what is possible"""
    cdf = probs.cumsum(-1)
    token = torch.searchsorted(cdf, u[..., None], right=True)[..., 0]
    last = probs.shape[-1] - 1 - (probs > 0).flip(-1).long().argmax(-1)
    return torch.where(token > last, last, token)


@replaces("sample")
def walk(probs: Tensor, u: Tensor) -> Tensor:
    """token by token, subtracting from u, all rows at once"""
    token, total = torch.full(u.shape, -1), torch.zeros_like(u)
    done = torch.zeros(u.shape, dtype=torch.bool)
    for i, p in enumerate(probs.unbind(-1)):
        total = total + p
        token = torch.where(~done & (p > 0), i, token)
        done |= total > u
    return token


@replaces("sample")
def numpy_search(probs: Tensor, u: Tensor) -> Tensor:
    """numpy.searchsorted, row by row, over the possible tokens only"""
    tokens = []
    for row, draw in zip(probs.double().numpy().reshape(-1, probs.shape[-1]), u.double().flatten(), strict=True):
        possible = np.flatnonzero(row)
        place = np.searchsorted(np.cumsum(row[possible]), draw.item(), side="right")
        tokens.append(possible[min(place, len(possible) - 1)])
    return torch.from_numpy(np.array(tokens, dtype=np.int64)).view(u.shape)


@replaces("sample")
def argmax_of_first(probs: Tensor, u: Tensor) -> Tensor:
    """argmax finds the first True; the last possible sum counts as infinite"""
    possible = probs > 0
    later = possible.flip(-1).cumsum(-1).flip(-1) - possible.long()  # possible tokens after this one
    cdf = probs.cumsum(-1).masked_fill(possible & (later == 0), INF)
    return (cdf > u.unsqueeze(-1)).int().argmax(-1).to(torch.int64)
