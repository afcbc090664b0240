"""Right solutions in other styles. None of them may lose a point."""

import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


@replaces("load_balancing_loss")
def weighted_sums(logits, k, mask=None):
    """a mask of numbers times one-hot tensors, as Hugging Face had it, and the choice by logits"""
    E = logits.shape[-1]
    mask = torch.ones(()) if mask is None else mask
    wide = logits if logits.dtype == torch.float64 else logits.float()
    real = mask.to(wide.dtype).expand(logits.shape[:-1]).reshape(-1)
    p = wide.view(-1, E).softmax(-1)
    hot = F.one_hot(wide.view(-1, E).topk(k, dim=-1).indices, E).to(wide.dtype)  # (N, k, E)
    n = real.sum().clamp(min=1.0)
    f = torch.einsum("nke,n->e", hot, real) / n
    return E * torch.dot(f, torch.einsum("ne,n->e", p, real) / n)


@replaces("load_balancing_loss")
def in_float64(logits, k, mask=None):
    """float64 inside, counting with bincount"""
    E = logits.size(-1)
    mask = torch.ones(logits.shape[:-1]) if mask is None else mask
    pool = logits.double()[torch.broadcast_to(mask != 0, logits.shape[:-1])]
    if not len(pool):
        return torch.zeros((), dtype=logits.dtype if logits.dtype == torch.float64 else torch.float32)
    order = pool.argsort(dim=-1, descending=True)
    f = torch.bincount(order[:, :k].flatten(), minlength=E) / len(pool)
    log_p = pool - pool.logsumexp(-1, keepdim=True)
    loss = E * (f * log_p.exp().mean(0)).sum()
    return loss if logits.dtype == torch.float64 else loss.float()


@replaces("load_balancing_loss")
def token_by_token(logits, k, mask=None):
    """loops, in the order of the formula"""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    E = logits.shape[-1]
    real = [True] * logits[..., 0].numel()
    if mask is not None:
        real = mask.expand(logits.shape[:-1]).flatten().tolist()
    counts, total, n = [0] * E, torch.zeros(E, dtype=dtype), 0
    for row, keep in zip(logits.reshape(-1, E), real, strict=True):
        if keep:
            n += 1
            for e in sorted(range(E), key=row.tolist().__getitem__)[-k:]:
                counts[e] += 1
            total = total + F.softmax(row, dim=0, dtype=dtype)
    return sum((E * counts[e] * total[e] / max(n, 1) ** 2 for e in range(E)), torch.zeros((), dtype=dtype))


class Balance(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, k: int, real: Tensor) -> Tensor:
        wide = torch.double if logits.dtype == torch.double else torch.float
        E, n = logits.shape[-1], int(real.sum())
        e = (logits.to(wide) - logits.amax(-1, keepdim=True).to(wide)).exp()
        p = e / e.sum(-1, keepdim=True)
        smallest = logits.sort(-1).values[..., -k, None]
        f = (logits >= smallest)[real].sum(0).to(wide) / max(n, 1)
        ctx.save_for_backward(p, f, real)
        ctx.out = logits.dtype
        return E * (p[real] * f).sum() / max(n, 1)

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None, None]:
        p, f, real = ctx.saved_tensors
        d = p.shape[-1] / real.sum().clamp(min=1) * p * (f - (p * f).sum(-1, keepdim=True)) * real[..., None]
        return (g * d).to(ctx.out), None, None


@replaces("load_balancing_loss")
def own_backward(logits, k, mask=None):
    """a custom autograd Function with the derivative by hand"""
    real = torch.ones(logits.shape[:-1], dtype=torch.bool) if mask is None else mask.bool().expand(logits.shape[:-1])
    return Balance.apply(logits, k, real)


@replaces("router_z_loss")
def by_the_maximum(logits, mask=None):
    """log of the sum of exp, after the largest is taken out"""
    x = logits.to(torch.promote_types(logits.dtype, torch.float32))
    m = x.detach().amax(-1, keepdim=True)
    z = (m + (x - m).exp().sum(-1, keepdim=True).log())[..., 0]
    if mask is None:
        return z.pow(2).mean()
    real = mask.expand(z.shape).to(z.dtype)
    return (real * z * z).sum() / real.sum().clamp_min(1)


@replaces("router_z_loss")
def running_logaddexp(logits, mask=None):
    """logaddexp over the experts; masked_select; returns an expanded view's element"""
    x = logits if logits.dtype is torch.float64 else logits.float()
    z = x[..., 0]
    for e in range(1, x.shape[-1]):
        z = torch.logaddexp(z, x[..., e])
    if mask is not None:
        z = torch.masked_select(z, mask != 0)
    return torch.nan_to_num((z**2).mean()) if z.numel() else x.sum() * 0.0


@replaces("router_z_loss")
def as_mse(logits, mask=None):
    """the mean square is the distance to 0; weights of 1 / n"""
    z = logits.to(torch.float64).logsumexp(dim=-1)
    real = torch.ones_like(z) if mask is None else mask.double().expand_as(z)
    loss = F.mse_loss(z, torch.zeros_like(z), reduction="none").mul(real).sum() / max(real.sum().item(), 1.0)
    return loss.to(torch.float64 if logits.dtype == torch.float64 else torch.float32)
