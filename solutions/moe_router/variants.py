"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


class Routing(NamedTuple):
    weights: Tensor
    indices: Tensor


@replaces("route")
def softmax_then_renormalise(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """the other order, as the transformers library has it"""
    if k < 1 or k > logits.size(-1):
        raise ValueError("bad k")
    p = torch.softmax(logits if logits.dtype == torch.float64 else logits.float(), dim=-1)
    weights, indices = p.topk(k, dim=-1)
    return (weights / weights.sum(dim=-1, keepdim=True)).to(logits.dtype), indices


@replaces("route")
def keep_top_k(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """-inf on the unchosen, then a softmax over all; a named tuple"""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("bad k")
    order = logits.argsort(dim=-1, descending=True)
    chosen = order[..., :k]
    kept = logits.double().scatter(-1, order[..., k:], float("-inf"))
    return Routing(torch.softmax(kept, dim=-1).gather(-1, chosen).to(logits.dtype), chosen)


@replaces("route")
def token_by_token(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Python loops over tokens and choices"""
    E = logits.shape[-1]
    if k not in range(1, E + 1):
        raise ValueError("bad k")
    weights, indices = [], []
    for row in logits.reshape(-1, E):
        left = list(range(E))
        values = row.tolist()
        chosen = []
        for _ in range(k):
            top = max(left, key=values.__getitem__)
            left.remove(top)
            chosen.append(top)
        scores = [row[e].double() - values[chosen[0]] for e in chosen]
        total = sum(s.exp() for s in scores)
        weights += [s.exp() / total for s in scores]
        indices += chosen
    shape = (*logits.shape[:-1], k)
    flat = torch.stack(weights) if weights else logits.flatten()
    return flat.to(logits.dtype).reshape(shape), torch.tensor(indices, dtype=torch.int64).reshape(shape)


@replaces("route")
def numpy_choice(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """NumPy chooses, torch weighs; returns a list"""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("bad k")
    order = np.argsort(-logits.detach().double().numpy(), axis=-1, kind="stable")
    indices = torch.from_numpy(np.ascontiguousarray(order[..., :k]))
    chosen = torch.take_along_dim(logits, indices, dim=-1)
    wide = chosen if chosen.dtype == torch.float64 else chosen.float()
    return [torch.exp(wide - wide.logsumexp(-1, keepdim=True)).to(logits.dtype), indices]


class TopKSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
        chosen, indices = logits.topk(k)
        e = (chosen.double() - chosen[..., :1].double()).exp()
        w = e / e.sum(-1, keepdim=True)
        ctx.save_for_backward(w, indices)
        ctx.like = logits.shape, logits.dtype
        ctx.mark_non_differentiable(indices)
        return w.to(logits.dtype), indices

    @staticmethod
    def backward(ctx, g: Tensor, _: Tensor) -> tuple[Tensor, None]:
        w, indices = ctx.saved_tensors
        shape, dtype = ctx.like
        d = w * (g - (w * g).sum(-1, keepdim=True))
        return torch.zeros(shape, dtype=w.dtype).scatter(-1, indices, d).to(dtype), None


@replaces("route")
def own_backward(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """a custom autograd Function with the derivative by hand"""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("bad k")
    return TopKSoftmax.apply(logits, k)


@replaces("combine_matrix")
def one_hot_einsum(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """einsum with a one-hot tensor"""
    hot = torch.nn.functional.one_hot(indices, num_experts).to(weights.dtype)
    return torch.einsum("...k,...ke->...e", weights, hot)


@replaces("combine_matrix")
def expert_by_expert(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """a loop over experts; a non-contiguous result"""
    columns = [(weights * (indices == e)).sum(-1) for e in range(num_experts)]  # each (...)
    return torch.stack(columns).movedim(0, -1)


@replaces("combine_matrix")
def flat_index_put(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """assignment by row and column into a flat matrix"""
    k = weights.shape[-1]
    flat = weights.reshape(-1, k)
    rows = torch.zeros(len(flat), num_experts, dtype=weights.dtype)
    rows[torch.arange(len(flat))[:, None], indices.reshape(-1, k)] = flat
    return rows.unflatten(0, weights.shape[:-1]) if weights.dim() > 1 else rows[0]


class NumpyScatter(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
        ctx.save_for_backward(indices)
        rows = np.zeros((*weights.shape[:-1], num_experts), dtype=weights.numpy().dtype)
        np.put_along_axis(rows, indices.numpy(), weights.numpy(), axis=-1)
        return torch.from_numpy(rows)

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None, None]:
        (indices,) = ctx.saved_tensors
        return torch.from_numpy(np.take_along_axis(g.numpy(), indices.numpy(), axis=-1)), None, None


@replaces("combine_matrix")
def numpy_round_trip(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """NumPy inside a custom autograd Function"""
    return NumpyScatter.apply(weights, indices, num_experts)
