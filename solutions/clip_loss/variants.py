"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


@replaces("clip_logits")
def by_cosine_similarity(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """F.cosine_similarity of all pairs, the cap after exp"""
    cosines = F.cosine_similarity(image_emb[:, None], text_emb[None], dim=-1)
    return log_scale.exp().clamp(max=100.0) * cosines


@replaces("clip_logits")
def divided_by_lengths(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """dot products over the outer product of the lengths; torch.minimum"""
    lengths = torch.outer(torch.linalg.vector_norm(image_emb, dim=1), torch.linalg.vector_norm(text_emb, dim=1))
    cap = torch.tensor(100.0, dtype=log_scale.dtype).log()
    return torch.einsum("be,me->bm", image_emb, text_emb) / lengths * torch.minimum(log_scale, cap).exp()


@replaces("clip_logits")
def row_by_row(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """one text at a time; a transposed result"""
    scale = torch.where(log_scale < math.log(100), log_scale, math.log(100)).exp()
    columns = []
    for y in text_emb:
        products = image_emb @ y
        columns.append(scale * products / image_emb.square().sum(1).sqrt() / y.dot(y).sqrt())
    return torch.stack(columns).mT


class Cosines(torch.autograd.Function):
    """Not an entry: cosines in NumPy, with the derivative by hand."""

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor) -> Tensor:
        u, v = (a.numpy() / np.linalg.norm(a.numpy(), axis=1, keepdims=True) for a in (x, y))
        cos = torch.from_numpy(u @ v.T)
        ctx.save_for_backward(x, y, cos)
        return cos

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        x, y, cos = ctx.saved_tensors
        long_x, long_y = x.norm(dim=1, keepdim=True), y.norm(dim=1, keepdim=True)
        u, v = x / long_x, y / long_y
        to_x = (g @ v - (g * cos).sum(1, keepdim=True) * u) / long_x
        to_y = (g.T @ u - (g * cos).sum(0)[:, None] * v) / long_y
        return to_x, to_y


@replaces("clip_logits")
def own_backward(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """a custom autograd Function over NumPy"""
    return Cosines.apply(image_emb, text_emb) * log_scale.clamp_max(math.log(100)).exp()


def logits_of(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    u, v = (x / x.norm(dim=-1, keepdim=True) for x in (image_emb, text_emb))
    return log_scale.clamp(max=math.log(100)).exp() * (u @ v.T)


@replaces("clip_loss")
def diagonals(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """diagonals of two log-softmaxes"""
    logits = logits_of(image_emb, text_emb, log_scale)
    return -torch.diagonal(logits.log_softmax(0) + logits.log_softmax(1)).mean() / 2


@replaces("clip_loss")
def logsumexps(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """logsumexp of rows and columns less the trace"""
    z = logits_of(image_emb, text_emb, log_scale)
    return (z.logsumexp(0).sum() + z.logsumexp(1).sum() - 2 * z.trace()) / (2 * z.size(0))


@replaces("clip_loss")
def pair_by_pair(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """a loop over the pairs, both questions for each"""
    z = logits_of(image_emb, text_emb, log_scale)
    losses = []
    for i in range(len(z)):
        for row in (z[i], z[:, i]):
            top = row.max().detach()
            losses.append(top + (row - top).exp().sum().log() - z[i, i])
    return sum(losses) / len(losses)


@replaces("clip_loss")
def soft_targets(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """cross-entropy with the identity as target probabilities, both directions in one call"""
    z = logits_of(image_emb, text_emb, log_scale)
    one = torch.eye(len(z), dtype=z.dtype)
    return F.cross_entropy(torch.cat([z, z.mT]), torch.cat([one, one]))


@replaces("zero_shot")
def class_by_class(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """sum of unit prompts, one class after the other: the mean and the sum have one direction"""
    classes = torch.stack([F.normalize(prompts, dim=1).sum(0) for prompts in prompt_emb])
    return torch.softmax(logits_of(image_emb, classes, log_scale), dim=1)


@replaces("zero_shot")
def normalised_twice(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """einsum; a softmax by hand"""
    unit = prompt_emb / prompt_emb.square().sum(2, keepdim=True).sqrt()
    classes = torch.einsum("kme->ke", unit) / unit.shape[1]
    classes = classes / classes.square().sum(1, keepdim=True).sqrt()
    z = torch.einsum("be,ke->bk", F.normalize(image_emb), classes) * log_scale.exp().clamp(max=100)
    e = (z - z.max(dim=1, keepdim=True).values).exp()
    return e / e.sum(1, keepdim=True)


@replaces("zero_shot")
def in_numpy(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """NumPy from end to end"""
    x, p = image_emb.detach().numpy(), prompt_emb.detach().numpy()
    p = (p / np.linalg.norm(p, axis=-1, keepdims=True)).mean(1)
    cosines = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (p / np.linalg.norm(p, axis=1, keepdims=True)).T
    z = min(100.0, math.exp(min(5.0, float(log_scale)))) * cosines
    e = np.exp(z - z.max(1, keepdims=True))
    return torch.from_numpy((e / e.sum(1, keepdims=True)).astype(x.dtype))


@replaces("recall_at_k")
def by_topk(logits: Tensor, k: int) -> float:
    """topk"""
    best = logits.topk(k, dim=1).indices
    return float((best == torch.arange(len(logits))[:, None]).any(1).double().mean())


@replaces("recall_at_k")
def by_sorting(logits: Tensor, k: int) -> float:
    """sorted Python lists"""
    hits = 0
    for i, row in enumerate(logits.tolist()):
        hits += row[i] in sorted(row, reverse=True)[:k]
    return hits / len(logits)


@replaces("recall_at_k")
def by_rank(logits: Tensor, k: int) -> float:
    """NumPy, the rank of the diagonal"""
    z = logits.numpy()
    order = np.argsort(-z, axis=1)
    rank = np.argsort(order, axis=1)[np.arange(len(z)), np.arange(len(z))]
    return float(np.mean(rank < k))
