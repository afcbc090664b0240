import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


def _wide(logits):
    return logits if logits.dtype == torch.float64 else logits.float()


def _weights(logits, mask):
    """1 and 0 for each token, in the dtype of the result"""
    z = torch.ones(logits.shape[:-1], dtype=_wide(logits).dtype)
    return z if mask is None else z * mask.to(z.dtype)


# ---- load_balancing_loss


@replaces("load_balancing_loss")
def balance_weights(logits, k, mask=None):
    """weights of tokens, a denominator of at least 1"""
    z, w = _wide(logits), _weights(logits, mask)
    n = w.sum().clamp(min=1)
    hot = torch.zeros_like(z).scatter(-1, z.topk(k, -1).indices, 1.0)
    dims = tuple(range(z.dim() - 1))
    f = (hot * w[..., None]).sum(dims) / n
    p = (z.softmax(-1) * w[..., None]).sum(dims) / n
    return z.shape[-1] * torch.dot(f, p)


@replaces("load_balancing_loss")
def balance_einsum(logits, k, mask=None):
    """one_hot and einsum"""
    z = _wide(logits).flatten(0, -2)
    w = _weights(logits, mask).flatten()
    e = z.size(-1)
    counts = torch.einsum("nke,n->e", F.one_hot(z.topk(k).indices, e).to(z.dtype), w)
    total = torch.einsum("ne,n->e", torch.softmax(z, dim=1), w)
    n = torch.maximum(w.sum(), torch.ones((), dtype=w.dtype))
    return e * torch.einsum("e,e->", counts, total) / n**2


@replaces("load_balancing_loss")
def balance_sort(logits, k, mask=None):
    """argsort of the real tokens, experts counted one by one"""
    z = _wide(logits)
    if mask is not None:
        z = z[mask.bool().broadcast_to(z.shape[:-1])]
    z = z.reshape(-1, logits.shape[-1])
    if len(z) == 0:
        return z.sum()
    best = z.argsort(dim=-1, descending=True)[:, :k]
    p = torch.exp(z - z.logsumexp(-1, keepdim=True)).mean(0)
    loss = torch.zeros((), dtype=z.dtype)
    for e in range(z.shape[1]):
        loss = loss + (best == e).sum().item() / len(z) * p[e]
    return loss * z.shape[1]


@replaces("load_balancing_loss")
def balance_threshold(logits, k, mask=None):
    """chosen is who reaches the k-th largest logit"""
    z = _wide(logits)
    chosen = (z >= z.kthvalue(z.shape[-1] - k + 1, dim=-1, keepdim=True).values).detach()
    w = _weights(logits, mask).unsqueeze(-1)
    n = w.sum()
    if n == 0:
        return 0.0 * z.sum()
    f = (chosen * w).reshape(-1, z.shape[-1]).sum(0) / n
    p = (F.softmax(z, -1) * w).reshape(-1, z.shape[-1]).sum(0) / n
    return (f * p).sum() * z.shape[-1]


@replaces("load_balancing_loss")
def balance_loops(logits, k, mask=None):
    """a loop over tokens"""
    z = _wide(logits).reshape(-1, logits.shape[-1])
    real = [True] * len(z) if mask is None else (mask.expand(logits.shape[:-1]) == 1).flatten().tolist()
    e = z.shape[1]
    counts, total, n = [0] * e, torch.zeros(e, dtype=z.dtype), 0
    for row, is_real in zip(z, real):
        if is_real:
            n += 1
            total = total + row.softmax(0)
            for i in row.topk(k).indices.tolist():
                counts[i] += 1
    if n == 0:
        return (z * 0).sum()
    return e * (torch.tensor(counts, dtype=z.dtype) / n * total / n).sum()


@replaces("load_balancing_loss")
def balance_rank(logits, k, mask=None):
    """rank by comparison: chosen if fewer than k logits are larger"""
    z = _wide(logits)
    larger = (z.unsqueeze(-2) > z.unsqueeze(-1)).sum(-1)
    w = _weights(logits, mask)
    n = w.sum()
    safe = torch.where(n > 0, n, torch.ones_like(n))
    f = torch.einsum("...e,...->e", (larger < k).to(z.dtype), w) / safe
    p = torch.einsum("...e,...->e", z.softmax(-1), w) / safe
    return z.shape[-1] * f @ p


@replaces("load_balancing_loss")
def balance_detached_softmax(logits, k, mask=None):
    """the experts chosen by their probabilities' order, from the logits; the loss as a mean over tokens of Σ f_e softmax_e"""
    z, w = _wide(logits), _weights(logits, mask)
    with torch.no_grad():
        indices = torch.topk(z, k, dim=-1).indices
        f = torch.zeros(z.shape[-1], dtype=z.dtype).index_add(0, indices.flatten(), w.unsqueeze(-1).expand(indices.shape).flatten())
        f = f / w.sum().clamp_min(1)
    per_token = (z.softmax(-1) * f).sum(-1)
    return z.shape[-1] * (per_token * w).sum() / w.sum().clamp_min(1)


class _Balance(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, k, w):
        n = w.sum().clamp(min=1)
        p = torch.softmax(z, -1)
        hot = torch.zeros_like(z).scatter_(-1, z.topk(k, -1).indices, 1)
        f = (hot * w[:, None]).sum(0) / n
        ctx.save_for_backward(p, f, w / n)
        return z.shape[1] * (f * (p * w[:, None]).sum(0) / n).sum()

    @staticmethod
    def backward(ctx, grad):
        p, f, w = ctx.saved_tensors
        inner = p * (f - (p * f).sum(-1, keepdim=True))
        return grad * p.shape[1] * w[:, None] * inner, None, None


@replaces("load_balancing_loss")
def balance_own_gradient(logits, k, mask=None):
    """an autograd.Function"""
    return _Balance.apply(_wide(logits).flatten(0, -2), k, _weights(logits, mask).flatten())


@replaces("load_balancing_loss")
def balance_zeroed(logits, k, mask=None):
    """padding multiplied away after selection, the mean as a matmul"""
    z = _wide(logits).reshape(-1, logits.shape[-1])
    w = _weights(logits, mask).reshape(1, -1)
    hot = torch.stack([(z.topk(k, dim=1)[1] == e).any(1) for e in range(z.shape[1])], 1).to(z.dtype)
    n = max(int(w.sum().item()), 1)
    return (z.shape[1] * (w @ hot / n) * (w @ z.softmax(1) / n)).sum()


@replaces("load_balancing_loss")
def balance_select(logits, k, mask=None):
    """masked_select; gathered shares instead of a product over experts"""
    z = _wide(logits)
    real = torch.ones(z.shape[:-1], dtype=torch.bool) if mask is None else torch.broadcast_to(mask, z.shape[:-1]) > 0.5
    z = z.masked_select(real.unsqueeze(-1)).view(-1, z.shape[-1])
    n = z.shape[0]
    if not n:
        return _wide(logits).mul(0).sum()
    p = z.softmax(dim=-1).sum(dim=0) / n
    return p[z.topk(k).indices].sum() * z.shape[-1] / n


@replaces("load_balancing_loss")
def balance_nan_safe(logits, k, mask=None):
    """nanmean-like: a division, then where for the empty case"""
    z, w = _wide(logits), _weights(logits, mask)
    some = w.sum() > 0
    n = torch.where(some, w.sum(), 1.0)
    hot = F.one_hot(z.topk(k, dim=-1).indices, z.shape[-1]).sum(-2).to(z.dtype)
    f = (hot * w[..., None]).flatten(0, -2).sum(0) / n
    p = (z.log_softmax(-1).exp() * w[..., None]).flatten(0, -2).sum(0) / n
    return torch.where(some, z.shape[-1] * (f * p).sum(), 0 * z.sum())


# ---- router_z_loss


@replaces("router_z_loss")
def z_weights(logits, mask=None):
    """weights of tokens"""
    z, w = _wide(logits), _weights(logits, mask)
    return (torch.logsumexp(z, dim=-1).pow(2) * w).sum() / w.sum().clamp(min=1)


@replaces("router_z_loss")
def z_by_hand(logits, mask=None):
    """the maximum taken out by hand"""
    z, w = _wide(logits), _weights(logits, mask)
    top = z.amax(-1, keepdim=True).detach()
    lse = (z - top).exp().sum(-1).log() + top.squeeze(-1)
    n = w.sum()
    return (lse * lse * w).sum() / torch.where(n == 0, torch.ones_like(n), n)


@replaces("router_z_loss")
def z_select(logits, mask=None):
    """boolean indexing"""
    lse = _wide(logits).logsumexp(-1)
    if mask is not None:
        lse = lse[mask.expand(lse.shape).bool()]
    return (lse**2).sum() / max(lse.numel(), 1)


@replaces("router_z_loss")
def z_loop(logits, mask=None):
    """a loop over tokens"""
    z = _wide(logits).flatten(end_dim=-2)
    real = torch.ones(len(z)) if mask is None else mask.broadcast_to(logits.shape[:-1]).flatten()
    terms = [row.logsumexp(0) ** 2 for row, m in zip(z, real.tolist()) if m]
    return torch.stack(terms).mean() if terms else 0 * z.sum()


@replaces("router_z_loss")
def z_log_softmax(logits, mask=None):
    """logsumexp as a logit minus its log-probability"""
    z, w = _wide(logits), _weights(logits, mask)
    lse = (z - z.log_softmax(-1)).mean(-1)
    return (w * lse.square()).sum() / w.sum().clamp_min(1)


@replaces("router_z_loss")
def z_logaddexp(logits, mask=None):
    """logaddexp over the experts"""
    z, w = _wide(logits), _weights(logits, mask).flatten()
    lse = z[..., 0]
    for e in range(1, z.shape[-1]):
        lse = torch.logaddexp(lse, z[..., e])
    squares = lse.flatten() ** 2
    return torch.dot(squares, w) / max(w.sum().item(), 1.0)


class _Z(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, w):
        lse = z.logsumexp(-1)
        w = w / w.sum().clamp(min=1)
        ctx.save_for_backward(z, lse, w)
        return (lse**2 * w).sum()

    @staticmethod
    def backward(ctx, grad):
        z, lse, w = ctx.saved_tensors
        return grad * (2 * lse * w)[..., None] * (z - lse[..., None]).exp(), None


@replaces("router_z_loss")
def z_own_gradient(logits, mask=None):
    """an autograd.Function"""
    return _Z.apply(_wide(logits), _weights(logits, mask))


@replaces("router_z_loss")
def z_mse(logits, mask=None):
    """mse_loss against zeros"""
    z = _wide(logits)
    real = torch.ones(z.shape[:-1], dtype=torch.bool) if mask is None else mask.bool() & torch.ones(z.shape[:-1], dtype=torch.bool)
    lse = z.logsumexp(-1)[real]
    return F.mse_loss(lse, torch.zeros_like(lse), reduction="sum") / lse.numel() if real.any() else (z * 0.0).sum()


@replaces("router_z_loss")
def z_norm(logits, mask=None):
    """masked_fill with 0, a dot product with itself"""
    z, w = _wide(logits), _weights(logits, mask)
    lse = z.logsumexp(-1).masked_fill(w == 0, 0.0).flatten()
    return lse @ lse / w.count_nonzero().clamp(min=1)


@replaces("router_z_loss")
def z_double(logits, mask=None):
    """in float64, rounded at the end"""
    z, w = logits.double(), _weights(logits, mask).double()
    loss = torch.einsum("n,n->", z.logsumexp(-1).square().flatten(), w.flatten()) / w.sum().clamp(min=1)
    return loss.to(_wide(logits).dtype)


@replaces("router_z_loss")
def z_variance(logits, mask=None):
    """mean of squares as variance plus the square of the mean"""
    z, w = _wide(logits), _weights(logits, mask)
    w = w / w.sum().clamp(min=1)
    lse = z.logsumexp(-1)
    mean = (lse * w).sum()
    return ((lse - mean) ** 2 * w).sum() + mean**2 * w.sum()
