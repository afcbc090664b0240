import bisect
import math
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from base import relative_position_bucket, relative_positions
from torch import nn

from grader.testing import replaces


# ---------------------------------------------------------------- relative_positions
@replaces("relative_positions")
def rp_loops(T, S):
    """lists"""
    return torch.tensor([[j - (i + S - T) for j in range(S)] for i in range(T)])


@replaces("relative_positions")
def rp_unfold(T, S):
    """windows over one row of distances, turned upside down; a view"""
    return torch.arange(-(S - 1), T).unfold(0, S, 1).flip(0)


@replaces("relative_positions")
def rp_strided(T, S):
    """as_strided: the numbers stand on diagonals"""
    row = torch.arange(1 - S, T)
    return torch.as_strided(row, (T, S), (1, 1)).flip(0)


@replaces("relative_positions")
def rp_last_rows(T, S):
    """the last T rows of S x S"""
    full = torch.arange(S).unsqueeze(0) - torch.arange(S).unsqueeze(1)
    return full[S - T :]


@replaces("relative_positions")
def rp_numpy(T, S):
    """NumPy"""
    return torch.from_numpy(np.subtract.outer(np.arange(S - T, S, dtype=np.int64), np.arange(S, dtype=np.int64)) * -1)


@replaces("relative_positions")
def rp_meshgrid(T, S):
    """meshgrid"""
    query, key = torch.meshgrid(torch.arange(S - T, S), torch.arange(S), indexing="ij")
    return key - query


@replaces("relative_positions")
def rp_cumsum(T, S):
    """from the first column on, by counting"""
    first = torch.arange(T - S, -S, -1).reshape(T, 1)
    return first + torch.ones(T, S, dtype=torch.int64).cumsum(1) - 1


@replaces("relative_positions")
def rp_expand(T, S):
    """expand and subtract; T - S - i + j"""
    j = torch.arange(S, dtype=torch.long).expand(T, S)
    i = torch.arange(T, dtype=torch.long).reshape(-1, 1).expand(T, S)
    return j - i + (T - S)


# ---------------------------------------------------------------- relative_position_bucket
@replaces("relative_position_bucket")
def bk_huggingface(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """as in transformers: float32, minimum, += on own tensors"""
    buckets = 0
    if bidirectional:
        num_buckets //= 2
        buckets = buckets + (relative_position > 0).to(torch.long) * num_buckets
        relative_position = torch.abs(relative_position)
    else:
        relative_position = -torch.min(relative_position, torch.zeros_like(relative_position))
    exact = num_buckets // 2
    large = exact + (
        torch.log(relative_position.clamp(min=1).float() / exact) / math.log(max_distance / exact) * (num_buckets - exact)
    ).to(torch.long)
    large = torch.min(large, torch.full_like(large, num_buckets - 1))
    buckets = buckets + torch.where(relative_position < exact, relative_position, large)
    return buckets


@replaces("relative_position_bucket")
def bk_python(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """number by number, math"""

    def bucket(r):
        n, offset, d = num_buckets, 0, max(-r, 0)
        if bidirectional:
            n, d = num_buckets // 2, abs(r)
            offset = n if r > 0 else 0
        exact = n // 2
        if d < exact:
            return offset + d
        return offset + min(exact + math.floor(math.log(d / exact) / math.log(max_distance / exact) * (n - exact)), n - 1)

    flat = [bucket(r) for r in relative_position.flatten().tolist()]
    return torch.tensor(flat, dtype=torch.int64).reshape(relative_position.shape)


@replaces("relative_position_bucket")
def bk_numpy(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """NumPy"""
    r = relative_position.numpy()
    n = num_buckets // 2 if bidirectional else num_buckets
    d = np.abs(r) if bidirectional else np.maximum(-r, 0)
    exact = n // 2
    far = exact + np.floor(np.log(np.maximum(d, exact) / exact) / np.log(max_distance / exact) * (n - exact)).astype(np.int64)
    out = np.where(d < exact, d, np.minimum(far, n - 1)) + (n * (r > 0) if bidirectional else 0)
    return torch.from_numpy(np.asarray(out, dtype=np.int64)).reshape(relative_position.shape)


@replaces("relative_position_bucket")
def bk_table(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """a table of the distances below max_distance"""
    n = num_buckets // (1 + bidirectional)
    exact = n // 2
    table = list(range(exact))
    for d in range(exact, max_distance):
        table.append(min(n - 1, exact + int(math.log(d / exact) / math.log(max_distance / exact) * (n - exact))))
    table.append(n - 1)
    d = relative_position.abs() if bidirectional else relative_position.clamp(max=0).neg()
    out = torch.tensor(table)[d.clamp(max=max_distance)]
    return out + n * (relative_position > 0).long() if bidirectional else out


@replaces("relative_position_bucket")
def bk_bounds(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """bucketize with the bounds exact * (max / exact)^(i / (n - exact))"""
    n = num_buckets // 2 if bidirectional else num_buckets
    exact = n // 2
    bounds = [float(d) for d in range(1, exact)]
    bounds += [exact * (max_distance / exact) ** (i / (n - exact)) for i in range(n - exact)]
    d = relative_position.abs() if bidirectional else F.relu(-relative_position)
    bucket = torch.bucketize(d.double(), torch.tensor(bounds, dtype=torch.float64), right=True)
    if bidirectional:
        bucket = torch.where(relative_position > 0, bucket + n, bucket)
    return bucket


@replaces("relative_position_bucket")
def bk_bisect(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """bisect over whole bounds"""
    n = num_buckets // 2 if bidirectional else num_buckets
    exact = n // 2
    bounds = [*range(1, exact + 1)]
    for i in range(1, n - exact):
        bounds.append(math.ceil(exact * (max_distance / exact) ** (i / (n - exact))))
    out = torch.empty_like(relative_position).contiguous().flatten()
    for place, r in enumerate(relative_position.reshape(-1).tolist()):
        d = abs(r) if bidirectional else max(0, -r)
        out[place] = bisect.bisect_right(bounds, d) + (n if bidirectional and r > 0 else 0)
    return out.reshape(relative_position.shape)


@replaces("relative_position_bucket")
def bk_index_put(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """masked writes into an own copy"""
    n = num_buckets // 2 if bidirectional else num_buckets
    d = relative_position.abs() if bidirectional else (-relative_position).clamp_min(0)
    exact, out = n // 2, d.clone()
    far = d >= exact
    steps = (torch.log(d[far].double()) - math.log(exact)) * ((n - exact) / (math.log(max_distance) - math.log(exact)))
    out[far] = torch.clamp(exact + torch.floor(steps + 1e-12).to(torch.int64), max=n - 1)
    if bidirectional:
        out[relative_position > 0] += n
    return out


@replaces("relative_position_bucket")
def bk_sum(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """counts the bounds that are reached"""
    n = num_buckets // 2 if bidirectional else num_buckets
    exact = n // 2
    d = relative_position.abs() if bidirectional else torch.maximum(-relative_position, torch.tensor(0))
    bucket = torch.zeros_like(relative_position)
    for b in range(1, exact + 1):
        bucket = bucket + (d >= b)
    for i in range(1, n - exact):
        bucket = bucket + (d.double() >= exact * (max_distance / exact) ** (i / (n - exact)))
    return bucket + (relative_position > 0) * n if bidirectional else bucket


@replaces("relative_position_bucket")
def bk_log2(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """log2; the offset as an integer product"""
    n = num_buckets >> 1 if bidirectional else num_buckets
    sign = (relative_position > 0).long() if bidirectional else torch.zeros_like(relative_position)
    d = relative_position.abs() if bidirectional else -relative_position.clamp(max=0)
    exact = n >> 1
    x = d.double().div(exact).clamp(min=1.0).log2() / math.log2(max_distance / exact)
    far = torch.floor(x * (n - exact)).long().add(exact).clamp(max=n - 1)
    near = (d < exact).long()
    return sign * n + near * d + (1 - near) * far


@replaces("relative_position_bucket")
def bk_recursive(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """bidirectional as two calls of the other kind"""
    if bidirectional:
        half = num_buckets // 2
        past = bk_recursive(relative_position, False, half, max_distance)
        future = bk_recursive(-relative_position, False, half, max_distance)
        return torch.where(relative_position > 0, half + future, past)
    exact = num_buckets // 2
    d = relative_position.neg().clamp(min=0)
    far = torch.log(d.clamp(min=exact) / exact) / math.log(max_distance / exact) * (num_buckets - exact)
    return torch.minimum(torch.where(d < exact, d, exact + far.floor().long()), torch.tensor(num_buckets - 1))


@replaces("relative_position_bucket")
def bk_unique(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """each different number once"""
    values, inverse = relative_position.unique(return_inverse=True)
    n = num_buckets // 2 if bidirectional else num_buckets
    exact = n // 2
    out = []
    for r in values.tolist():
        d = abs(r) if bidirectional else max(0, -r)
        b = d
        if d >= exact:
            b = exact + int((n - exact) * math.log(d / exact, max_distance / exact))
            b = n - 1 if b >= n else b
        out.append(b + n if bidirectional and r > 0 else b)
    return torch.tensor(out, dtype=torch.int64)[inverse]


# ---------------------------------------------------------------- T5RelativeBias
class BiasBase(nn.Module):
    def __init__(self, num_heads, num_buckets=32, max_distance=128, bidirectional=True):
        super().__init__()
        self.options = {"bidirectional": bidirectional, "num_buckets": num_buckets, "max_distance": max_distance}
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)
        nn.init.normal_(self.relative_attention_bias.weight, std=0.02)

    @property
    def weight(self):
        return self.relative_attention_bias.weight

    def buckets(self, T, S):
        return relative_position_bucket(relative_positions(T, S if S is not None else T), **self.options)


@replaces("T5RelativeBias")
class BiasIndex(BiasBase):
    """indexes the transposed weight"""

    def forward(self, T, S=None):
        return self.weight.T[:, self.buckets(T, S)][None]


@replaces("T5RelativeBias")
class BiasOneHot(BiasBase):
    """one-hot and einsum"""

    def forward(self, T, S=None):
        hot = F.one_hot(self.buckets(T, S), self.weight.shape[0]).to(self.weight.dtype)
        return torch.einsum("tsn,nh->hts", hot, self.weight).unsqueeze(0)


@replaces("T5RelativeBias")
class BiasParameter(nn.Module):
    """a module with a bare parameter of zeros; distances once for a row, then windows"""

    class Table(nn.Module):
        def __init__(self, rows, columns):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(rows, columns))

    def __init__(self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True):
        super().__init__()
        self.relative_attention_bias = self.Table(num_buckets, num_heads)
        self.how = (bidirectional, num_buckets, max_distance)

    def forward(self, T, S=None):
        S = T if S is None else S
        row = relative_position_bucket(torch.arange(1 - S, T), *self.how)  # of all relative positions there are
        values = self.relative_attention_bias.weight[row]  # (S + T - 1, H)
        return values.unfold(0, S, 1).flip(0).transpose(0, 1).unsqueeze(0)


@replaces("T5RelativeBias")
class BiasCached(BiasBase):
    """buckets from a buffer that is not persistent; grows when it has to"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("known", torch.zeros(0, 0, dtype=torch.int64), persistent=False)

    def forward(self, T, S=None):
        S = T if S is None else S
        if S > len(self.known):
            self.known = relative_position_bucket(relative_positions(S, S), **self.options)
        return self.relative_attention_bias(self.known[S - T : S, :S]).permute(2, 0, 1)[None]


@replaces("T5RelativeBias")
class BiasHeads(BiasBase):
    """head by head, take"""

    def forward(self, T, S=None):
        buckets = self.buckets(T, S)
        return torch.stack([column.take(buckets) for column in self.weight.unbind(1)]).unsqueeze(0)


@replaces("T5RelativeBias")
class BiasFunctional(BiasBase):
    """F.embedding, contiguous, keywords; refuses what is not allowed"""

    def forward(self, T, S=None):
        if S is None:
            S = T
        if not 1 <= T <= S:
            raise ValueError(f"{T} queries, {S} positions")
        out = F.embedding(self.buckets(T=T, S=S), self.weight)
        return out.movedim(-1, 0).contiguous().view(1, self.weight.size(1), T, S)


@replaces("T5RelativeBias")
class BiasGather(BiasBase):
    """gather"""

    @cached_property
    def heads(self):
        return self.weight.shape[1]

    def forward(self, T, S=None):
        b = self.buckets(T, S)
        flat = b.reshape(1, -1).expand(self.heads, -1)
        return self.weight.t().gather(1, flat).reshape(1, self.heads, *b.shape)


@replaces("T5RelativeBias")
class BiasSelect(BiasBase):
    """index_select and query by query"""

    def forward(self, T, S=None):
        rows = [self.weight.index_select(0, b).T for b in self.buckets(T, S)]
        return torch.stack(rows, dim=1).unsqueeze(0)


# ---------------------------------------------------------------- t5_attention
@replaces("t5_attention")
def ta_sdpa(q, k, v, bias, mask=None):
    """F.scaled_dot_product_attention with the scale 1"""
    if mask is not None:
        bias = torch.where(mask, bias, float("-inf"))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)


@replaces("t5_attention")
def ta_einsum(q, k, v, bias, mask=None):
    """einsum, torch.where"""
    s = torch.einsum("bhtk,bhsk->bhts", q, k).add(bias)
    if mask is not None:
        s = torch.where(mask, s, torch.finfo(s.dtype).min)
    return torch.einsum("bhts,bhsv->bhtv", F.softmax(s, dim=-1), v)


@replaces("t5_attention")
def ta_additive(q, k, v, bias, mask=None):
    """an additive mask"""
    s = q @ k.mT + bias
    if mask is not None:
        s = s + torch.zeros(mask.shape, dtype=s.dtype).masked_fill(~mask, -math.inf)
    return torch.softmax(s, -1) @ v


@replaces("t5_attention")
def ta_by_hand(q, k, v, bias, mask=None):
    """exp and sum, the maximum taken out"""
    s = torch.matmul(q, k.transpose(2, 3)) + bias
    if mask is not None:
        s = s.masked_fill(mask.logical_not(), -math.inf)
    e = torch.exp(s - s.detach().amax(-1, keepdim=True))
    return (e @ v) / e.sum(-1, keepdim=True)


@replaces("t5_attention")
def ta_bmm(q, k, v, bias, mask=None):
    """bmm and baddbmm"""
    B, H, T, K = q.shape
    S = k.shape[2]
    flat_bias = bias.expand(B, H, T, S).reshape(B * H, T, S)
    s = torch.baddbmm(flat_bias, q.reshape(B * H, T, K), k.reshape(B * H, S, K).transpose(1, 2))
    if mask is not None:
        s = s.masked_fill(~mask.expand(B, H, T, S).reshape(B * H, T, S), float("-inf"))
    return torch.bmm(s.softmax(2), v.reshape(B * H, S, v.shape[-1])).reshape(B, H, T, v.shape[-1])


@replaces("t5_attention")
def ta_heads(q, k, v, bias, mask=None):
    """head by head"""
    B, H, T, _ = q.shape
    full = None if mask is None else mask.expand(B, H, T, k.shape[2])
    outs = []
    for h in range(H):
        s = q[:, h] @ k[:, h].mT + bias[:, h]
        if full is not None:
            s = s.masked_fill(full[:, h] == False, -math.inf)  # noqa: E712
        outs.append(s.softmax(-1) @ v[:, h])
    return torch.stack(outs, 1)


@replaces("t5_attention")
def ta_queries(q, k, v, bias, mask=None):
    """query by query, log_softmax"""
    rows = []
    for t in range(q.shape[2]):
        s = (k @ q[:, :, t].unsqueeze(-1)).squeeze(-1) + bias[:, :, t]
        if mask is not None:
            s = s.masked_fill(~mask.broadcast_to(*q.shape[:3], k.shape[2])[:, :, t], -math.inf)
        rows.append((s.log_softmax(-1).exp().unsqueeze(-2) @ v).squeeze(-2))
    return torch.stack(rows, dim=2)


@replaces("t5_attention")
def ta_double(q, k, v, bias, mask=None):
    """float64 inside"""
    s = q.double() @ k.double().mT + bias.double()
    if mask is not None:
        s = s.masked_fill(~mask, -math.inf)
    return (s.softmax(-1) @ v.double()).to(q.dtype)


@replaces("t5_attention")
def ta_extended(q, k, v, bias, mask=None):
    """the bias as one more number of the product: heads' rows of the bias times unit vectors"""
    B, H, T, _ = q.shape
    S = k.shape[2]
    unit = torch.eye(S, dtype=k.dtype).expand(B, H, S, S)
    s = torch.cat([q, bias.expand(B, H, T, S)], -1) @ torch.cat([k, unit], -1).mT
    if mask is not None:
        s = s.masked_fill(mask.bitwise_not(), -math.inf)
    return s.softmax(dim=-1) @ v


@replaces("t5_attention")
def ta_transposed(q, k, v, bias, mask=None):
    """keys before queries; the result is a transposed view"""
    s = k @ q.mT + bias.mT  # (B, H, S, T)
    if mask is not None:
        s = s.masked_fill(~mask.expand(*q.shape[:3], k.shape[2]).mT, -math.inf)
    return (v.mT @ s.softmax(2)).mT


@replaces("t5_attention")
def ta_online(q, k, v, bias, mask=None):
    """keys in blocks of two"""
    B, H, T, _ = q.shape
    S = k.shape[2]
    seen = torch.ones(B, H, T, S, dtype=torch.bool) if mask is None else mask.expand(B, H, T, S)
    top = q.new_full((B, H, T, 1), -math.inf)
    total, acc = q.new_zeros(B, H, T, 1), q.new_zeros(B, H, T, v.shape[-1])
    for a in range(0, S, 2):
        s = (q @ k[:, :, a : a + 2].mT + bias[..., a : a + 2]).masked_fill(~seen[..., a : a + 2], -math.inf)
        new = torch.maximum(top, s.detach().amax(-1, keepdim=True))
        safe = new.masked_fill(new == -math.inf, 0)
        e, keep = (s - safe).exp(), (top - safe).exp()
        acc, total, top = acc * keep + e @ v[:, :, a : a + 2], total * keep + e.sum(-1, keepdim=True), new
    return acc / total
