from collections import OrderedDict
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from base import feature_map
from torch import Tensor

from grader.testing import replaces


# ---- feature_map


@replaces("feature_map")
def map_clamp(x):
    """exp of what is below 0, plus what is above; at 0 the gradient is 1"""
    return torch.where(x > 0, x + 1, torch.exp(x.clamp(max=0)))


@replaces("feature_map")
def map_sum(x):
    """relu plus the exponential of the negative part"""
    return F.relu(x) + torch.exp(x.clamp(max=0))


class _Map(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        e = torch.exp(torch.minimum(x, torch.zeros_like(x)))
        ctx.save_for_backward(e)
        return torch.where(x > 0, x + 1, e)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0]


@replaces("feature_map")
def map_own_gradient(x):
    """an autograd.Function: the slope is exp(min(x, 0)) everywhere"""
    return _Map.apply(x)


@replaces("feature_map")
def map_masked_fill(x):
    """masked_fill before exp, boolean arithmetic after it"""
    up = x.gt(0)
    return up * (x + 1) + ~up * x.masked_fill(up, 0).exp()


@replaces("feature_map")
def map_minimum(x):
    """maximum and minimum, split once"""
    zero = torch.zeros((), dtype=x.dtype)
    low = torch.minimum(x, zero)
    return low.exp() + (x - low)


@replaces("feature_map")
def map_index(x):
    """boolean indexing"""
    flat = x.reshape(-1)
    up = flat > 0
    out = torch.zeros_like(flat)
    return out.index_put((up,), flat[up] + 1).index_put((~up,), flat[~up].exp()).view(x.shape)


@replaces("feature_map")
def map_log(x):
    """the exponential of one logarithm: x below 0, log1p(x) above"""
    return torch.exp(torch.where(x > 0, torch.log1p(x.clamp(min=0)), x))


@replaces("feature_map")
def map_inplace(x):
    """written into its own result"""
    result = x.clamp(max=0).exp()
    mask = x > 0
    return result.where(~mask, x + 1.0)


# ---- linear_attention_parallel


@replaces("linear_attention_parallel")
def parallel_einsum(q, k, v):
    """einsum and a mask of numbers"""
    t = q.shape[-2]
    w = torch.einsum("...tk,...sk->...ts", feature_map(q), feature_map(k)) * torch.ones(t, t, dtype=q.dtype).tril()
    return torch.einsum("...ts,...sv->...tv", w / w.sum(-1, keepdim=True), v)


@replaces("linear_attention_parallel")
def parallel_masked_fill(q, k, v):
    """masked_fill, weights normalised first"""
    t = q.shape[-2]
    later = torch.arange(t)[:, None] < torch.arange(t)
    w = torch.matmul(feature_map(q), feature_map(k).mT).masked_fill(later, 0.0)
    return torch.matmul(w.div(w.sum(dim=-1, keepdim=True)), v)


@replaces("linear_attention_parallel")
def parallel_rows(q, k, v):
    """row by row, the past of each token alone"""
    a, b = feature_map(q), feature_map(k)
    rows = []
    for t in range(q.shape[-2]):
        w = (b[..., : t + 1, :] @ a[..., t, :, None]).squeeze(-1)
        rows.append((w[..., None] * v[..., : t + 1, :]).sum(-2) / w.sum(-1, keepdim=True))
    return torch.stack(rows, -2)


@replaces("linear_attention_parallel")
def parallel_ones(q, k, v):
    """a column of ones beside v makes the denominator"""
    w = (feature_map(q) @ feature_map(k).transpose(-1, -2)).tril()
    y = w @ torch.cat([v, torch.ones_like(v[..., :1])], -1)
    return y[..., :-1] / y[..., -1:]


@replaces("linear_attention_parallel")
def parallel_cumsum(q, k, v):
    """the denominator from a running sum of features"""
    a, b = feature_map(q), feature_map(k)
    w = torch.tril(a @ b.mT)
    return (w @ v) / (a * b.cumsum(-2)).sum(-1, keepdim=True)


@replaces("linear_attention_parallel")
def parallel_logs(q, k, v):
    """a softmax over the logarithms of the weights"""
    t = q.shape[-2]
    w = (feature_map(q) @ feature_map(k).mT).log()
    w = w.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(1), -torch.inf)
    return w.softmax(-1) @ v


@replaces("linear_attention_parallel")
def parallel_heads(q, k, v):
    """flattened to (N, T, ·) and bmm"""
    lead = v.shape[:-2]
    flat = lambda z: z.reshape(-1, *z.shape[-2:])
    w = torch.bmm(feature_map(flat(q)), feature_map(flat(k)).transpose(1, 2))
    w = torch.where(torch.ones_like(w, dtype=torch.bool).tril(), w, torch.zeros_like(w))
    y = torch.bmm(w, flat(v)) / w.sum(2, keepdim=True)
    return y.reshape(*lead, *y.shape[-2:])


@replaces("linear_attention_parallel")
def parallel_scaled(q, k, v):
    """features divided by their largest first, which cancels"""
    a, b = feature_map(q), feature_map(k)
    a = a / a.detach().amax(-1, keepdim=True)
    b = b / b.detach().amax((-2, -1), keepdim=True)
    w = (a @ b.mT).tril()
    return (w @ v) * w.sum(-1, keepdim=True).reciprocal()


@replaces("linear_attention_parallel")
def parallel_transposed(q, k, v):
    """weights (S, T), triu; a transposed view as result"""
    w = (feature_map(k) @ feature_map(q).mT).triu()
    return (v.mT @ (w / w.sum(-2, keepdim=True))).mT


@replaces("linear_attention_parallel")
def parallel_double(q, k, v):
    """in float64"""
    w = (feature_map(q.double()) @ feature_map(k.double()).mT).tril()
    return (w @ v.double() / w.sum(-1, keepdim=True)).to(v.dtype)


@replaces("linear_attention_parallel")
def parallel_where(q, k, v):
    """expanded products, no matmul"""
    t = q.shape[-2]
    w = (feature_map(q).unsqueeze(-2) * feature_map(k).unsqueeze(-3)).sum(-1)
    w = w * (torch.arange(t).unsqueeze(1) >= torch.arange(t)).to(w.dtype)
    return (w.unsqueeze(-1) * v.unsqueeze(-3)).sum(-2) / w.sum(-1).unsqueeze(-1)


# ---- linear_attention_recurrent


def _start(k, v, state):
    if state is None:
        return torch.zeros(*k.shape[:-2], k.shape[-1], v.shape[-1], dtype=v.dtype), torch.zeros_like(k[..., 0, :])
    return state["S"], state["n"]


@replaces("linear_attention_recurrent")
def recurrent_einsum(q, k, v, state=None):
    """einsum in each step"""
    S, n = _start(k, v, state)
    out = []
    for a, b, u in zip(feature_map(q).unbind(-2), feature_map(k).unbind(-2), v.unbind(-2)):
        S, n = S + torch.einsum("...k,...v->...kv", b, u), n + b
        out.append(torch.einsum("...k,...kv->...v", a, S) / torch.einsum("...k,...k->...", a, n)[..., None])
    return torch.stack(out, -2), {"n": n, "S": S}


@replaces("linear_attention_recurrent")
def recurrent_cumsum(q, k, v, state=None):
    """running sums by cumsum"""
    S0, n0 = _start(k, v, state)
    a, b = feature_map(q), feature_map(k)
    S = S0.unsqueeze(-3) + (b.unsqueeze(-1) * v.unsqueeze(-2)).cumsum(-3)
    n = n0.unsqueeze(-2) + b.cumsum(-2)
    y = (a.unsqueeze(-2) @ S).squeeze(-2) / (a * n).sum(-1, keepdim=True)
    return y, {"S": S[..., -1, :, :], "n": n[..., -1, :]}


@replaces("linear_attention_recurrent")
def recurrent_joined(q, k, v, state=None):
    """S and n as one matrix of V + 1 columns"""
    S, n = _start(k, v, state)
    M = torch.cat([S, n.unsqueeze(-1)], -1)
    u = torch.cat([v, torch.ones_like(v[..., :1])], -1)
    a, b, rows = feature_map(q), feature_map(k), []
    for t in range(q.shape[-2]):
        M = M + b[..., t, :].unsqueeze(-1) @ u[..., t, :].unsqueeze(-2)
        y = (a[..., t, :].unsqueeze(-2) @ M).squeeze(-2)
        rows.append(y[..., :-1] / y[..., -1:])
    return torch.stack(rows, -2), {"S": M[..., :-1], "n": M[..., -1]}


@replaces("linear_attention_recurrent")
def recurrent_split(q, k, v, state=None):
    """slices of one token, matmul, cat"""
    S, n = _start(k, v, state)
    out = []
    for qt, kt, vt in zip(q.split(1, -2), k.split(1, -2), v.split(1, -2)):
        b = feature_map(kt)
        S, n = S + b.mT @ vt, n + b.squeeze(-2)
        a = feature_map(qt)
        out.append(a @ S / (a @ n.unsqueeze(-1)))
    return torch.cat(out, dim=-2), OrderedDict(S=S, n=n)


@dataclass
class _Memory:
    S: Tensor
    n: Tensor

    def write(self, key, value):
        return _Memory(self.S + key[..., :, None] * value[..., None, :], self.n + key)

    def read(self, query):
        return torch.matmul(self.S.mT, query[..., None])[..., 0] / (self.n * query).sum(-1)[..., None]


@replaces("linear_attention_recurrent")
def recurrent_class(q, k, v, state=None):
    """a memory object that is never changed"""
    memory, out = _Memory(*_start(k, v, state)), []
    for t in range(q.size(-2)):
        memory = memory.write(feature_map(k[..., t, :]), v[..., t, :])
        out.append(memory.read(feature_map(q[..., t, :])))
    return torch.stack(out, dim=-2), vars(memory)


@replaces("linear_attention_recurrent")
def recurrent_clone(q, k, v, state=None):
    """clones of the state; a result filled in place"""
    if state is None:
        S, n = torch.zeros(k.shape[:-2] + (k.shape[-1], v.shape[-1]), dtype=v.dtype), torch.zeros(k.shape[:-2] + k.shape[-1:], dtype=v.dtype)
    else:
        S, n = state["S"].clone(), state["n"].clone()
    y = torch.empty(v.shape, dtype=v.dtype)
    a, b = feature_map(q), feature_map(k)
    for t in range(v.shape[-2]):
        S = S.add(torch.mul(b[..., t, :].unsqueeze(-1), v[..., t, :].unsqueeze(-2)))
        n = n.add(b[..., t, :])
        y[..., t, :] = a[..., t, :].unsqueeze(-2).matmul(S).squeeze(-2).div(a[..., t, :].mul(n).sum(-1, keepdim=True))
    return y, {"S": S, "n": n}


@replaces("linear_attention_recurrent")
def recurrent_double(q, k, v, state=None):
    """in float64"""
    S, n = (z.double() for z in _start(k, v, state))
    a, b, u, out = feature_map(q.double()), feature_map(k.double()), v.double(), []
    for t in range(q.shape[-2]):
        S, n = S + b[..., t, :, None] * u[..., t, None, :], n + b[..., t, :]
        out.append((a[..., t, :, None] * S).sum(-2) / (a[..., t, :] * n).sum(-1, keepdim=True))
    return torch.stack(out, -2).to(v.dtype), {"S": S.to(v.dtype), "n": n.to(v.dtype)}


@replaces("linear_attention_recurrent")
def recurrent_flat(q, k, v, state=None):
    """leading dimensions flattened, bmm"""
    S, n = _start(k, v, state)
    lead = v.shape[:-2]
    S, n = S.reshape(-1, *S.shape[-2:]), n.reshape(-1, 1, n.shape[-1])
    a, b, u = (z.reshape(-1, *z.shape[-2:]) for z in (feature_map(q), feature_map(k), v))
    out = []
    for t in range(a.shape[1]):
        S = torch.baddbmm(S, b[:, t : t + 1].transpose(1, 2), u[:, t : t + 1])
        n = n + b[:, t : t + 1]
        out.append(torch.bmm(a[:, t : t + 1], S) / torch.bmm(a[:, t : t + 1], n.transpose(1, 2)))
    y = torch.cat(out, 1)
    return y.reshape(*lead, *y.shape[1:]), {"S": S.reshape(*lead, *S.shape[1:]), "n": n.reshape(*lead, n.shape[-1])}


@replaces("linear_attention_recurrent")
def recurrent_reduce(q, k, v, state=None):
    """functools.reduce"""
    a, b = feature_map(q), feature_map(k)

    def step(carry, t):
        S, n, out = carry
        S = S + b[..., t, :].unsqueeze(-1) * v[..., t, :].unsqueeze(-2)
        n = n + b[..., t, :]
        num, den = a[..., t, :].unsqueeze(-2) @ S, a[..., t, :].unsqueeze(-2) @ n.unsqueeze(-1)
        return S, n, out + [(num / den).squeeze(-2)]

    S, n, out = reduce(step, range(q.shape[-2]), (*_start(k, v, state), []))
    return torch.stack(out, -2), dict(S=S, n=n)


@replaces("linear_attention_recurrent")
def recurrent_transposed(q, k, v, state=None):
    """the state kept as (V, K); views as results"""
    S, n = _start(k, v, state)
    S = S.transpose(-1, -2)
    out = []
    for t in range(q.shape[-2]):
        a, b = feature_map(q[..., t, :]), feature_map(k[..., t, :])
        S = S + v[..., t, :, None] * b[..., None, :]
        n = n + b
        out.append((S * a[..., None, :]).sum(-1) / (a * n).sum(-1, keepdim=True))
    return torch.stack(out, dim=-1).transpose(-1, -2), {"S": S.transpose(-1, -2), "n": n}


@replaces("linear_attention_recurrent")
def recurrent_query_first(q, k, v, state=None):
    """the query divided by the denominator first"""
    S, n = _start(k, v, state)
    a, b, y = feature_map(q), feature_map(k), []
    for t in range(q.shape[-2]):
        S = torch.add(S, torch.einsum("...i,...j->...ij", b[..., t, :], v[..., t, :]))
        n = torch.add(n, b[..., t, :])
        w = a[..., t, :] / (a[..., t, :] * n).sum(-1, keepdim=True)
        y.append(torch.einsum("...i,...ij->...j", w, S))
    return torch.stack(y, -2), {"S": S, "n": n}
