"""Right solutions in other styles. None of them may lose a point."""

import heapq
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


@replaces("mask_tokens")
def token_by_token(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """a copy that is written, place by place"""
    noisy = ids.clone()
    for b in range(ids.shape[0]):
        for i in range(ids.shape[1]):
            if u[b, i] < t[b]:
                noisy[b, i] = mask_id
    return noisy


@replaces("mask_tokens")
def turned(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """texts as columns: a view that is not contiguous"""
    return ids.T.masked_fill(torch.lt(u.T, t), mask_id).T


@replaces("mask_tokens")
def arithmetic(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """a product with zeros and ones, in NumPy"""
    hidden = np.less(u.numpy(), t.numpy().reshape(-1, 1)).astype(np.int64)
    return torch.from_numpy(ids.numpy() * (1 - hidden) + mask_id * hidden)


@replaces("diffusion_loss")
def by_cross_entropy(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """torch's cross-entropy of each place; what changed was masked"""
    is_mask = F.one_hot(torch.tensor(mask_id), logits.shape[-1]).bool()
    logits = torch.where(is_mask, -torch.inf, logits)
    nll = F.cross_entropy(logits.transpose(1, 2), ids, reduction="none")
    weight = (noisy != ids).to(logits.dtype) / t.unsqueeze(1)
    return torch.einsum("bt,bt->", nll, weight) / ids.numel()


@replaces("diffusion_loss")
def without_the_column(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """the mask's column is cut out, and tokens behind it move up; the mean of all places"""
    others = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1 :]], dim=-1)
    target = ids - (ids > mask_id).long()
    own = torch.take_along_dim(others, target.unsqueeze(-1), -1).squeeze(-1)
    nll = torch.logsumexp(others, dim=-1) - own
    return (nll * (noisy == mask_id) / t[:, None]).mean()


@replaces("diffusion_loss")
def text_by_text(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """loops over texts and places; a sum that begins with 0 times a logit"""
    B, T, V = logits.shape
    others = [v for v in range(V) if v != mask_id]
    total = logits[0, 0, 0] * 0
    for b in range(B):
        for i in range(T):
            if noisy[b, i] == mask_id:
                row = logits[b, i]
                total = total + (row[others].logsumexp(0) - row[ids[b, i]]) / t[b]
    return total / (B * T)


@replaces("diffusion_loss")
def in_float64(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """float64 inside, -1e300 for -inf, only the masked places of all texts"""
    wide = logits.double().index_fill(-1, torch.tensor(mask_id), -1e300)
    where = (noisy == mask_id).nonzero(as_tuple=True)
    log_p = wide[where].log_softmax(-1)[torch.arange(len(where[0])), ids[where]]
    return (-(log_p / t.double()[where[0]]).sum() / ids.numel()).to(logits.dtype)


@replaces("unmask_schedule")
def ceiling_of_what_is_left(num_masked: int, steps: int) -> list[int]:
    """each step takes an equal share of what is left, rounded up"""
    result = []
    for left in range(steps, 0, -1):
        result.append(math.ceil(num_masked / left))
        num_masked -= result[-1]
    return result


@replaces("unmask_schedule")
def dealt_out(num_masked: int, steps: int) -> list[int]:
    """one mask after the other is dealt to the steps"""
    result = [0] * steps
    for i in range(num_masked):
        result[i % steps] += 1
    return result


@replaces("unmask_schedule")
def split_by_numpy(num_masked: int, steps: int) -> list[int]:
    """the lengths of the pieces of an array"""
    return [len(piece) for piece in np.array_split(np.empty(num_masked), steps)]


@replaces("unmask_step")
def one_after_the_other(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """lists, and a heap"""
    result = []
    for row, places, n in zip(tokens.tolist(), logits.tolist(), counts.tolist(), strict=True):
        guesses = []
        for i, place in enumerate(places):
            if row[i] == mask_id:
                token = max((v for v in range(len(place)) if v != mask_id), key=place.__getitem__)
                weights = sum(math.exp(x - place[token]) for v, x in enumerate(place) if v != mask_id)
                guesses.append((1 / weights, i, token))
        for _, i, token in heapq.nlargest(n, guesses):
            row[i] = token
        result.append(row)
    return torch.tensor(result)


@replaces("unmask_step")
def greedily(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """the surest place of all texts at once, as often as the largest count says"""
    probs = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).softmax(-1)
    result, every = tokens.clone(), torch.arange(len(tokens))
    for n in range(min(int(counts.max()), tokens.shape[1])):
        sure = torch.where(result == mask_id, probs.amax(-1), -1.0)
        best, place = sure.max(-1)
        fill = (best > 0) & (counts > n)
        result[every[fill], place[fill]] = probs[every[fill], place[fill]].argmax(-1)
    return result


@replaces("unmask_step")
def counted(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """a place is filled if fewer than n masked places are surer: T by T comparisons, in float64; turned result"""
    others = torch.tensor([v for v in range(logits.shape[-1]) if v != mask_id])
    wide = logits.double()[..., others]
    sure = wide.amax(-1) - wide.logsumexp(-1)
    masked = tokens.eq(mask_id)
    surer = (sure[:, None, :] > sure[:, :, None]) & masked[:, None, :]
    fill = masked & (surer.sum(-1) < counts.unsqueeze(-1))
    return torch.where(fill.T, others[wide.argmax(-1)].T, tokens.T).T


@replaces("unmask_step")
def scattered(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """sort, cut in sorted order, scatter back"""
    T = tokens.shape[-1]
    low = torch.finfo(logits.dtype).min
    p, proposal = F.softmax(logits.index_fill(-1, torch.tensor(mask_id), low), dim=-1).max(dim=-1)
    masked = tokens == mask_id
    order = torch.sort(torch.where(masked, p, -p), dim=-1, descending=True).indices
    first = torch.arange(T).expand_as(order) < torch.minimum(counts, masked.sum(-1))[:, None]
    fill = torch.zeros_like(masked).scatter(-1, order, first)
    return proposal * fill + tokens * ~fill
