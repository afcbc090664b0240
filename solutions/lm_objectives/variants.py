"""Right solutions in other styles. None of them may lose a point."""

from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


class Corrupted(NamedTuple):
    input_ids: Tensor
    labels: Tensor


@replaces("mlm_corrupt")
def by_index(
    input_ids,
    special_mask,
    select_u,
    action_u,
    random_ids,
    mask_token_id,
    mlm_probability=0.15,
    ignore_index=-100,
):
    """writes into a clone, as the transformers library does; a named tuple"""
    labels, out = input_ids.clone(), input_ids.clone()
    chosen = torch.logical_and(select_u.lt(mlm_probability), special_mask.logical_not())
    labels[~chosen] = ignore_index
    masked = chosen & (action_u < 0.8)
    out[masked] = mask_token_id
    shuffled = chosen & ~masked & (action_u < 0.9)
    out[shuffled] = random_ids[shuffled]
    return Corrupted(out, labels)


@replaces("mlm_corrupt")
def token_by_token(
    input_ids,
    special_mask,
    select_u,
    action_u,
    random_ids,
    mask_token_id,
    mlm_probability=0.15,
    ignore_index=-100,
):
    """Python lists; a list of two tensors"""
    out, labels = input_ids.flatten().tolist(), []
    rows = zip(*(x.flatten().tolist() for x in (special_mask, select_u, action_u, random_ids)), strict=True)
    for i, (special, u, a, r) in enumerate(rows):
        if special or not u < mlm_probability:
            labels.append(ignore_index)
            continue
        labels.append(out[i])
        out[i] = mask_token_id if a < 0.8 else r if a < 0.9 else out[i]
    return [torch.tensor(x, dtype=torch.int64).view(input_ids.shape) for x in (out, labels)]


@replaces("mlm_corrupt")
def numpy_select(
    input_ids,
    special_mask,
    select_u,
    action_u,
    random_ids,
    mask_token_id,
    mlm_probability=0.15,
    ignore_index=-100,
):
    """np.select, whose first true condition wins"""
    ids, special, u, a, random = (x.numpy() for x in (input_ids, special_mask, select_u, action_u, random_ids))
    kept = special | (u >= mlm_probability)
    out = np.select([kept, a < 0.8, a < 0.9], [ids, np.int64(mask_token_id), random], ids)
    return torch.from_numpy(out), torch.from_numpy(np.where(kept, np.int64(ignore_index), ids))


@replaces("mlm_loss")
def torch_cross_entropy(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """torch's own sum, divided by the number of labels"""
    total = F.cross_entropy(logits.mT, labels, ignore_index=ignore_index, reduction="sum")
    return total / max(int((labels != ignore_index).sum()), 1)


@replaces("mlm_loss")
def selected_rows(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """keeps only the rows with a label; logsumexp minus the logit"""
    keep = labels.ne(ignore_index)
    rows, targets = logits[keep], labels[keep]  # (n, V), (n,)
    if len(targets) == 0:
        return logits.sum() * 0
    return (rows.logsumexp(-1) - rows[torch.arange(len(targets)), targets]).mean()


@replaces("mlm_loss")
def one_hot_einsum(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """einsum with a one-hot tensor, a maximum subtracted by hand"""
    V = logits.shape[-1]
    keep = labels != ignore_index
    hot = F.one_hot(torch.where(keep, labels, 0), V).to(logits.dtype) * keep[..., None]
    z = logits - logits.max(-1, keepdim=True).values.detach()
    log_p = z - z.exp().sum(-1, keepdim=True).log()
    return -torch.einsum("btv,btv->", hot, log_p) / torch.clamp_min(hot.sum().detach(), 1)


class CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        keep = (labels != ignore_index)[..., None]
        hot = torch.zeros_like(logits).scatter(-1, torch.where(keep[..., 0], labels, 0)[..., None], 1.0)
        n = keep.sum().clamp(min=1)
        ctx.save_for_backward((logits.softmax(-1) - hot) * keep / n)
        return -(logits.log_softmax(-1) * hot * keep).sum() / n

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None, None]:
        (d,) = ctx.saved_tensors
        return g * d, None, None


@replaces("mlm_loss")
def own_backward(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """a custom autograd Function with the derivative by hand"""
    return CrossEntropy.apply(logits, labels, ignore_index)


@replaces("clm_loss")
def padded_labels(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """shifts the labels and leaves the logits whole"""
    if labels.size(1) < 2:
        raise ValueError("too short")
    shifted = F.pad(labels[:, 1:], (0, 1), value=ignore_index)
    total = F.cross_entropy(logits.flatten(0, 1), shifted.flatten(), ignore_index=ignore_index, reduction="none")
    return total.sum() / shifted.ne(ignore_index).sum().clamp(min=1)


@replaces("clm_loss")
def step_by_step(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """a loop over time and batch"""
    B, T, _ = logits.shape
    if T <= 1:
        raise ValueError("too short")
    total, count = logits.sum() * 0, 0
    for t in range(T - 1):
        log_p = logits[:, t].log_softmax(-1)
        for b in range(B):
            label = int(labels[b, t + 1])
            if label != ignore_index:
                total, count = total - log_p[b, label], count + 1
    return total / count if count else total


@replaces("span_corruption")
def marks(ids, spans, first_sentinel_id):
    """marks every token with its span, then walks through the text"""
    owner = [None] * (len(ids) + 1)
    for n, (start, length) in enumerate(sorted(spans)):
        if length <= 0 or start < 0 or start + length > len(ids):
            raise ValueError("bad span")
        for t in range(start, start + length):
            if owner[t] is not None or (t and owner[t - 1] not in (None, n)):
                raise ValueError("spans meet")
            owner[t] = n
    text, target, last = [], [], None
    for token, n in zip(ids, owner, strict=False):
        if n is None:
            text.append(token)
        else:
            if n != last:
                text.append(first_sentinel_id - n)
                target.append(first_sentinel_id - n)
            target.append(token)
        last = n
    return text, [*target, first_sentinel_id - len(spans)]


@replaces("span_corruption")
def from_the_right(ids, spans, first_sentinel_id):
    """replaces slices from the last span to the first"""
    ordered = sorted(spans, key=lambda span: span[0])
    bounds = [(-2, -1), *((s, s + n) for s, n in ordered), (len(ids) + 1, None)]
    if any(n < 1 for _, n in ordered) or any(a[1] >= b[0] for a, b in pairwise(bounds)):
        raise ValueError("bad spans")
    text, target = list(ids), [first_sentinel_id - len(ordered)]
    for n in reversed(range(len(ordered))):
        start, length = ordered[n]
        sentinel = first_sentinel_id - n
        target[:0] = [sentinel, *ids[start : start + length]]
        text[start : start + length] = [sentinel]
    return text, target


@replaces("span_corruption")
def numpy_edges(ids, spans, first_sentinel_id):
    """edges of a bool array in NumPy; counts them to find each sentinel"""
    inside = np.zeros(len(ids) + 2, dtype=int)
    for start, length in spans:
        if length < 1 or start < 0 or start + length > len(ids) or inside[start : start + length + 2].any():
            raise ValueError("bad span")
        inside[start + 1 : start + length + 1] = 1
    hidden = inside[1:-1].astype(bool)
    first = hidden & ~inside[:-2].astype(bool)
    number = np.cumsum(first) - 1
    words = np.asarray(ids, dtype=np.int64)
    text = np.where(first, first_sentinel_id - number, words)[~hidden | first].tolist()
    pieces = [[first_sentinel_id - n, *words[hidden & (number == n)].tolist()] for n in range(int(first.sum()))]
    return text, [*chain(*pieces), first_sentinel_id - int(first.sum())]
