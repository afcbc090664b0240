import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from base import masked_softmax
from torch import Tensor

from grader.testing import replaces


# ---- split_heads


@replaces("split_heads")
def split_unflatten(x, num_heads):
    """unflatten and permute"""
    return x.unflatten(-1, (num_heads, -1)).permute(0, 2, 1, 3) if x.numel() else x.reshape(x.shape[0], x.shape[1], num_heads, x.shape[2] // num_heads).permute(0, 2, 1, 3)


@replaces("split_heads")
def split_chunks(x, num_heads):
    """slices of columns, stacked"""
    k = x.shape[-1] // num_heads
    return torch.stack([x[:, :, h * k : (h + 1) * k] for h in range(num_heads)], dim=1)


@replaces("split_heads")
def split_split(x, num_heads):
    """Tensor.split, cat over a new axis"""
    return torch.cat([part.unsqueeze(1) for part in x.split(x.size(2) // num_heads, dim=2)], 1)


@replaces("split_heads")
def split_contiguous(x, num_heads):
    """contiguous at the end"""
    b, t, d = x.size()
    return x.contiguous().view(b, t, num_heads, d // num_heads).transpose(1, 2).contiguous()


@replaces("split_heads")
def split_gather(x, num_heads):
    """an index of columns"""
    k = x.shape[2] // num_heads
    columns = torch.arange(num_heads)[:, None] * k + torch.arange(k)
    return x[:, :, columns].movedim(2, 1)


@replaces("split_heads")
def split_loop(x, num_heads):
    """written into an own tensor, head by head"""
    b, t, d = x.shape
    k = d // num_heads
    out = x.new_zeros(b, num_heads, t, k)
    for h in range(num_heads):
        out[:, h] = x[..., h * k : h * k + k]
    return out


@replaces("split_heads")
def split_unfold(x, num_heads):
    """unfold: windows of K columns with step K"""
    k = x.shape[-1] // num_heads
    return x.unfold(2, k, k).swapaxes(1, 2)


@replaces("split_heads")
def split_tensor_split(x, num_heads):
    """tensor_split and a list"""
    heads = torch.tensor_split(x, num_heads, dim=-1)
    return torch.stack(list(heads)).transpose(0, 1)


# ---- merge_heads


@replaces("merge_heads")
def merge_flatten(x):
    """permute and flatten"""
    return x.permute(0, 2, 1, 3).flatten(2)


@replaces("merge_heads")
def merge_cat(x):
    """heads side by side with cat"""
    return torch.cat(x.unbind(1), dim=-1)


@replaces("merge_heads")
def merge_contiguous(x):
    """contiguous and view"""
    y = x.transpose(1, 2).contiguous()
    return y.view(y.size(0), y.size(1), x.size(1) * x.size(3))


@replaces("merge_heads")
def merge_loop(x):
    """written into an own tensor"""
    b, h, t, k = x.shape
    out = x.new_zeros(b, t, h * k)
    for i in range(h):
        out[..., i * k : (i + 1) * k] = x[:, i]
    return out


@replaces("merge_heads")
def merge_index(x):
    """index arithmetic over columns"""
    b, h, t, k = x.shape
    column = torch.arange(h * k)
    return x.movedim(2, 1)[:, :, column // k, column % k]


@replaces("merge_heads")
def merge_hstack(x):
    """text by text, hstack"""
    if x.shape[0] == 0:
        return x.reshape(0, x.shape[2], x.shape[1] * x.shape[3])
    return torch.stack([torch.hstack(list(text)) for text in x])


@replaces("merge_heads")
def merge_columns(x):
    """columns first; a transposed view as result"""
    return x.transpose(2, 3).flatten(1, 2).contiguous().transpose(1, 2)


@replaces("merge_heads")
def merge_recursive(x):
    """two heads at a time"""
    if x.shape[1] == 1:
        return x[:, 0].clone()
    m = x.shape[1] // 2
    return torch.cat([merge_recursive(x[:, :m]), merge_recursive(x[:, m:])], dim=2)


# ---- masked_softmax


def _split_mask(scores, mask):
    """(scores with finite numbers of the mask added, allowed or None)"""
    if mask is None:
        return scores, None
    if mask.dtype == torch.bool:
        return scores, mask
    allowed = torch.isfinite(mask)
    return scores + mask.masked_fill(~allowed, 0.0), allowed


@replaces("masked_softmax")
def softmax_by_hand(scores, mask=None):
    """maximum, exponential, sum"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        allowed = torch.ones((), dtype=torch.bool)
    allowed = allowed.broadcast_to(s.shape)
    top = s.masked_fill(~allowed, torch.finfo(s.dtype).min).amax(-1, keepdim=True).detach()
    e = torch.where(allowed, s - top, torch.full_like(s, -torch.inf)).exp()
    total = e.sum(-1, keepdim=True)
    return e / torch.where(total == 0, torch.ones_like(total), total)


@replaces("masked_softmax")
def softmax_lowest(scores, mask=None):
    """forbidden scores are the largest one, their exponentials multiplied by 0"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        return s.softmax(-1)
    keep = allowed.to(s.dtype).expand(s.shape)
    top = torch.where(allowed, s, torch.full_like(s, -torch.inf)).detach().amax(-1, keepdim=True)
    top = top.where(top > -torch.inf, torch.zeros_like(top))
    e = (torch.where(allowed, s, top) - top).exp() * keep
    return e / (e.sum(-1, keepdim=True) + (keep.amax(-1, keepdim=True) == 0))


@replaces("masked_softmax")
def softmax_safe_rows(scores, mask=None):
    """empty rows replaced by zeros before, and by zeros after"""
    if mask is not None:
        add = torch.zeros(mask.shape, dtype=scores.dtype).masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else mask
        s = scores + add
        empty = (s == -torch.inf).all(-1, keepdim=True)
        w = s.masked_fill(empty, 0.0).softmax(-1)
        return w.masked_fill(empty, 0.0)
    return F.softmax(scores, dim=-1)


@replaces("masked_softmax")
def softmax_sink(scores, mask=None):
    """one more key that only empty rows see"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        return torch.softmax(s, -1)
    allowed = allowed.expand(s.shape)
    sink = torch.where(allowed.any(-1, keepdim=True), -torch.inf, 0.0).to(s.dtype)
    return torch.cat([s.masked_fill(~allowed, -torch.inf), sink], dim=-1).softmax(-1)[..., :-1]


@replaces("masked_softmax")
def softmax_logs(scores, mask=None):
    """logsumexp"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        s = s - s.detach().amax(-1, keepdim=True)
        return (s - s.logsumexp(-1, keepdim=True)).exp()
    allowed = allowed.expand(s.shape)
    some = allowed.any(-1, keepdim=True)
    z = s.masked_fill(some & ~allowed, -torch.inf)
    z = z - z.detach().amax(-1, keepdim=True)
    return (z - z.logsumexp(-1, keepdim=True)).exp().masked_fill(~allowed, 0)


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, s):
        top = s.amax(-1, keepdim=True)
        e = torch.where(s == -torch.inf, torch.zeros_like(s), (s - top.clamp(min=torch.finfo(s.dtype).min)).exp())
        w = e / e.sum(-1, keepdim=True).clamp(min=torch.finfo(s.dtype).tiny)
        ctx.save_for_backward(w)
        return w

    @staticmethod
    def backward(ctx, grad):
        (w,) = ctx.saved_tensors
        return w * (grad - (w * grad).sum(-1, keepdim=True))


@replaces("masked_softmax")
def softmax_own_gradient(scores, mask=None):
    """an autograd.Function that knows empty rows"""
    if mask is None:
        return _Softmax.apply(scores)
    if mask.dtype == torch.bool:
        return _Softmax.apply(scores.masked_fill(~mask, -torch.inf))
    return _Softmax.apply(scores + mask)


@replaces("masked_softmax")
def softmax_rows(scores, mask=None):
    """row by row, the allowed entries alone"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None or s.numel() == 0:
        return s.softmax(-1)
    flat, keep = s.reshape(-1, s.shape[-1]), allowed.broadcast_to(s.shape).reshape(-1, s.shape[-1])
    rows = []
    for row, ok in zip(flat, keep):
        out = torch.zeros_like(row)
        rows.append(out.masked_scatter(ok, row[ok].softmax(0)) if ok.any() else out)
    return torch.stack(rows).view(s.shape)


@replaces("masked_softmax")
def softmax_double(scores, mask=None):
    """in float64, rounded at the end"""
    s, allowed = _split_mask(scores.double(), None if mask is None else mask if mask.dtype == torch.bool else mask.double())
    if allowed is None:
        return s.softmax(-1).to(scores.dtype)
    allowed = allowed.expand_as(s)
    hidden = ~allowed & allowed.any(-1, keepdim=True)
    w = s.masked_fill(hidden, -torch.inf).softmax(-1)
    return w.where(allowed, torch.zeros((), dtype=torch.float64)).to(scores.dtype)


@replaces("masked_softmax")
def softmax_where_both(scores, mask=None):
    """where before and after; a row is safe if something is allowed"""
    if mask is None:
        mask = torch.ones(scores.shape[-1:], dtype=torch.bool)
    bias = None if mask.dtype == torch.bool else mask
    allowed = mask if bias is None else mask > -torch.inf
    if bias is not None:
        scores = scores + torch.where(allowed, bias, 0.0)
    top = torch.where(allowed, scores.detach(), torch.tensor(-torch.inf, dtype=scores.dtype)).max(dim=-1, keepdim=True).values
    top = torch.where(torch.isfinite(top), top, torch.zeros_like(top))
    e = torch.exp(torch.where(allowed, scores - top, torch.zeros_like(scores))) * allowed
    total = e.sum(dim=-1, keepdim=True)
    return e * torch.where(total > 0, 1 / torch.where(total > 0, total, 1.0), 0.0)


@replaces("masked_softmax")
def softmax_gathered(scores, mask=None):
    """rows that are not empty picked out by index"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        return torch.nn.Softmax(dim=-1)(s)
    rows, allowed = s.reshape(-1, s.shape[-1]), allowed.expand(s.shape).reshape(-1, s.shape[-1])
    full = allowed.any(-1)
    picked = rows[full].masked_fill(~allowed[full], -torch.inf).softmax(-1)
    return torch.zeros_like(rows).index_put((full,), picked).view(s.shape)


@replaces("masked_softmax")
def softmax_transposed(scores, mask=None):
    """the last axis first; a view as result"""
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        return s.movedim(-1, 0).contiguous().softmax(0).movedim(0, -1)
    z, ok = s.movedim(-1, 0).contiguous(), allowed.expand(s.shape).movedim(-1, 0)
    empty = ~ok.any(0)
    return z.masked_fill(~ok & ~empty, -torch.inf).softmax(0).masked_fill(~ok, 0).movedim(0, -1)


# ---- attention


@replaces("attention")
def attention_einsum(q, k, v, mask=None, scale=None):
    """einsum, the queries scaled first"""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    w = masked_softmax(torch.einsum("...tk,...sk->...ts", q * scale, k), mask)
    return torch.einsum("...ts,...sv->...tv", w, v), w


@replaces("attention")
def attention_both_scaled(q, k, v, mask=None, scale=None):
    """1/√√K on both sides unless a scale is given"""
    if scale is None:
        r = q.shape[-1] ** -0.25
        scores = (q * r) @ (k * r).mT
    else:
        scores = (q @ k.mT) * scale
    w = masked_softmax(scores, mask)
    return torch.matmul(w, v), w


@replaces("attention")
def attention_queries(q, k, v, mask=None, scale=None):
    """query by query"""
    scale = 1 / math.sqrt(q.size(-1)) if scale is None else scale
    full = None if mask is None else mask.broadcast_to(*q.shape[:-1], k.shape[-2])
    outs, weights = [], []
    for t in range(q.shape[-2]):
        s = (k @ q[..., t, :, None]).squeeze(-1) * scale
        w = masked_softmax(s, None if full is None else full[..., t, :])
        outs.append((w[..., None] * v).sum(-2))
        weights.append(w)
    return torch.stack(outs, dim=-2), torch.stack(weights, dim=-2)


@replaces("attention")
def attention_flat(q, k, v, mask=None, scale=None):
    """leading dimensions flattened, bmm"""
    lead, t, s = q.shape[:-2], q.shape[-2], k.shape[-2]
    scale = scale if scale is not None else 1.0 / q.shape[-1] ** 0.5
    flat = lambda z: z.reshape(-1, *z.shape[-2:])
    scores = torch.bmm(flat(q), flat(k).transpose(1, 2)).mul(scale).reshape(*lead, t, s)
    w = masked_softmax(scores, mask)
    return torch.bmm(flat(w), flat(v)).reshape(*lead, t, v.shape[-1]), w


class Attended(NamedTuple):
    out: Tensor
    weights: Tensor


@replaces("attention")
def attention_named(q, k, v, mask=None, scale=None):
    """a NamedTuple; division by √K"""
    scores = q.matmul(k.transpose(-1, -2))
    scores = scores / math.sqrt(k.shape[-1]) if scale is None else scores * scale
    weights = masked_softmax(scores=scores, mask=mask)
    return Attended(weights.matmul(v), weights)


@replaces("attention")
def attention_transposed(q, k, v, mask=None, scale=None):
    """scores (S, T) transposed; views as results"""
    scale = 1 / q.shape[-1] ** 0.5 if scale is None else scale
    w = masked_softmax((k @ (q * scale).mT).mT, mask)
    return (v.mT @ w.mT).mT, w


@replaces("attention")
def attention_loop_keys(q, k, v, mask=None, scale=None):
    """values added up key by key"""
    scale = torch.rsqrt(torch.tensor(float(q.shape[-1]), dtype=torch.float64)).item() if scale is None else scale
    w = masked_softmax((q.unsqueeze(-2) * k.unsqueeze(-3)).sum(-1) * scale, mask)
    out = torch.zeros(*q.shape[:-1], v.shape[-1], dtype=v.dtype)
    for s in range(k.shape[-2]):
        out = out + w[..., s, None] * v[..., s, None, :]
    return out, w


@replaces("attention")
def attention_broadcast(q, k, v, mask=None, scale=None):
    """broadcast products, no matmul"""
    factor = scale if scale is not None else math.pow(q.shape[-1], -0.5)
    scores = (q[..., :, None, :] * k[..., None, :, :]).sum(dim=-1) * factor
    weights = masked_softmax(scores, mask)
    return (weights[..., None] * v[..., None, :, :]).sum(dim=-2), weights


@replaces("attention")
def attention_additive(q, k, v, mask=None, scale=None):
    """a bool mask turned into an additive one"""
    scale = scale if scale is not None else 1 / math.sqrt(q.shape[-1])
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(mask.logical_not(), float("-inf"))
    w = masked_softmax(torch.mul(q @ k.mT, scale), mask)
    return w @ v, w


@replaces("attention")
def attention_online(q, k, v, mask=None, scale=None):
    """the output from unnormalised blocks of two keys; the weights from masked_softmax"""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    w = masked_softmax(q @ k.mT * scale, mask)
    out = sum((a @ b for a, b in zip(w.split(2, -1), v.split(2, -2))), torch.zeros((), dtype=v.dtype))
    return out, w


@replaces("attention")
def attention_own_softmax(q, k, v, mask=None, scale=None):
    """no call of masked_softmax"""
    scores = torch.tensordot(q, k, dims=([1], [1])) if q.dim() == 2 else torch.matmul(q, k.mT)
    scores = scores * ((1 / math.sqrt(q.shape[-1])) if scale is None else scale)
    s, allowed = _split_mask(scores, mask)
    if allowed is None:
        w = s.softmax(-1)
    else:
        allowed = allowed.expand(s.shape)
        some = allowed.any(-1, keepdim=True)
        w = s.masked_fill(~allowed & some, -torch.inf).softmax(-1).masked_fill(~allowed, 0.0)
    return torch.matmul(w, v), w
