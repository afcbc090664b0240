import math
from collections import OrderedDict
from functools import reduce
from operator import mul

import numpy as np
import torch
import torch.nn.functional as F
from base import _rotate, grouped_attention, repeat_kv
from torch import nn

from grader.testing import replaces


# ------------------------------------------------------------------ repeat_kv
@replaces("repeat_kv")
def rep_expand(x, n_rep):
    """expand and reshape, as in Llama"""
    B, G, S, K = x.shape
    return x[:, :, None].expand(B, G, n_rep, S, K).reshape(B, G * n_rep, S, K)


@replaces("repeat_kv")
def rep_index(x, n_rep):
    """index with h // n_rep"""
    return x[:, torch.arange(x.shape[1] * n_rep) // n_rep]


@replaces("repeat_kv")
def rep_stack(x, n_rep):
    """stack and flatten"""
    return torch.stack([x] * n_rep, dim=2).flatten(1, 2)


@replaces("repeat_kv")
def rep_cat(x, n_rep):
    """head by head"""
    return torch.cat([x[:, g : g + 1] for g in range(x.size(1)) for _ in range(n_rep)], dim=1)


@replaces("repeat_kv")
def rep_repeat(x, n_rep):
    """repeat on a new axis"""
    return x.unsqueeze(2).repeat(1, 1, n_rep, 1, 1).flatten(1, 2)


@replaces("repeat_kv")
def rep_early(x, n_rep):
    """x itself where nothing is repeated"""
    if n_rep == 1:
        return x
    return torch.repeat_interleave(x, repeats=n_rep, dim=-3)


@replaces("repeat_kv")
def rep_select(x, n_rep):
    """index_select"""
    index = torch.tensor([h // n_rep for h in range(n_rep * x.shape[1])])
    return x.index_select(1, index)


@replaces("repeat_kv")
def rep_matrix(x, n_rep):
    """a matrix of zeros and ones"""
    G = x.shape[1]
    copies = torch.eye(G, dtype=x.dtype).repeat_interleave(n_rep, 0)
    return torch.einsum("hg,bgsk->bhsk", copies, x)


@replaces("repeat_kv")
def rep_gather(x, n_rep):
    """gather"""
    B, G, S, K = x.shape
    index = torch.arange(G * n_rep).div(n_rep, rounding_mode="floor").view(1, -1, 1, 1)
    return x.gather(1, index.expand(B, -1, S, K))


@replaces("repeat_kv")
def rep_zip(x, n_rep):
    """copies written into an own tensor"""
    B, G, S, K = x.shape
    out = x.new_empty(B, G * n_rep, S, K)
    for r in range(n_rep):
        out[:, r::n_rep] = x
    return out


@replaces("repeat_kv")
def rep_kron(x, n_rep):
    """moved axes: a result that is not contiguous"""
    return x.movedim(1, -1).repeat_interleave(n_rep, -1).movedim(-1, 1)


@replaces("repeat_kv")
def rep_broadcast(x, n_rep):
    """multiplied by ones"""
    ones = torch.ones(1, 1, n_rep, 1, 1, dtype=x.dtype)
    return (x.unsqueeze(2) * ones).flatten(start_dim=1, end_dim=2)


# ------------------------------------------------------------------ grouped_attention
def whole(mask, q, k):
    return mask.expand(*q.shape[:3], k.shape[2])


@replaces("grouped_attention")
def ga_sdpa(q, k, v, mask=None):
    """scaled_dot_product_attention with repeated heads"""
    n = q.shape[1] // k.shape[1]
    if mask is not None:
        mask = whole(mask, q, k)
    return F.scaled_dot_product_attention(q, k.repeat_interleave(n, 1), v.repeat_interleave(n, 1), attn_mask=mask)


@replaces("grouped_attention")
def ga_groups(q, k, v, mask=None):
    """queries in groups, nothing repeated"""
    B, H, T, K = q.shape
    G = k.shape[1]
    grouped = q.reshape(B, G, H // G, T, K)
    scores = grouped @ k.unsqueeze(2).transpose(-1, -2) / math.sqrt(K)
    if mask is not None:
        scores = scores.masked_fill(whole(mask, q, k).reshape(scores.shape).logical_not(), float("-inf"))
    return (scores.softmax(-1) @ v.unsqueeze(2)).reshape(B, H, T, K)


@replaces("grouped_attention")
def ga_einsum(q, k, v, mask=None):
    """einsum over groups"""
    B, H, T, K = q.shape
    G = k.shape[1]
    scores = torch.einsum("bgrtk,bgsk->bgrts", q.unflatten(1, (G, H // G)), k).flatten(1, 2) * K**-0.5
    if mask is not None:
        scores = torch.where(mask, scores, float("-inf"))
    w = torch.softmax(scores, dim=-1).unflatten(1, (G, H // G))
    return torch.einsum("bgrts,bgsk->bgrtk", w, v).flatten(1, 2)


@replaces("grouped_attention")
def ga_loop(q, k, v, mask=None):
    """heads in a loop"""
    H, G = q.shape[1], k.shape[1]
    allowed = None if mask is None else whole(mask, q, k)
    out = []
    for h in range(H):
        g = h * G // H
        s = q[:, h] @ k[:, g].transpose(1, 2) / q.shape[-1] ** 0.5
        if allowed is not None:
            s = s.masked_fill(~allowed[:, h], -math.inf)
        out.append(torch.softmax(s, -1) @ v[:, g])
    return torch.stack(out, 1)


@replaces("grouped_attention")
def ga_hand(q, k, v, mask=None):
    """softmax by hand; the divisor comes last"""
    n = q.shape[1] // k.shape[1]
    k, v = repeat_kv(k, n), repeat_kv(v, n)
    s = torch.matmul(q * (1 / math.sqrt(q.shape[-1])), k.transpose(-2, -1))
    if mask is not None:
        s = s.masked_fill(~mask, -torch.inf)
    e = torch.exp(s - s.amax(-1, keepdim=True).detach())
    return (e @ v) / e.sum(-1, keepdim=True)


@replaces("grouped_attention")
def ga_additive(q, k, v, mask=None):
    """an additive mask"""
    bias = 0 if mask is None else torch.zeros(mask.shape, dtype=q.dtype).masked_fill(mask.logical_not(), -torch.inf)
    n = q.size(1) // k.size(1)
    scores = q @ repeat_kv(k, n).mT / q.size(-1) ** 0.5 + bias
    return F.softmax(scores, dim=-1) @ repeat_kv(v, n)


@replaces("grouped_attention")
def ga_rows(q, k, v, mask=None):
    """the queries of a group one below the other: (B, G, r T, K)"""
    B, H, T, K = q.shape
    G, S = k.shape[1:3]
    rows = q.reshape(B, G, (H // G) * T, K)
    scores = (rows @ k.mT).view(B, H, T, S) / math.sqrt(K)
    if mask is not None:
        scores = scores.masked_fill(mask == False, float("-inf"))  # noqa: E712
    return (scores.softmax(-1).view(B, G, -1, S) @ v).view(B, H, T, K)


@replaces("grouped_attention")
def ga_gqa(q, k, v, mask=None):
    """torch's own groups"""
    if mask is not None:
        mask = whole(mask, q, k)
    return F.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)


@replaces("grouped_attention")
def ga_logs(q, k, v, mask=None):
    """log_softmax and exp; log of the mask"""
    index = torch.arange(q.shape[1]) * k.shape[1] // q.shape[1]
    scores = torch.einsum("bhtk,bhsk->bhts", q, k[:, index]) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + mask.to(q.dtype).log()
    return torch.einsum("bhts,bhsk->bhtk", scores.log_softmax(-1).exp(), v[:, index])


@replaces("grouped_attention")
def ga_double(q, k, v, mask=None):
    """float64 inside, another order of axes, a view"""
    H, G = q.shape[1], k.shape[1]
    q_, k_, v_ = (y.double().transpose(1, 2) for y in (q, k, v))  # (B, T, heads, K)
    k_, v_ = (y.repeat_interleave(H // G, dim=2) for y in (k_, v_))
    scores = torch.einsum("bthk,bshk->bhts", q_, k_) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores[whole(~mask, q, k)] = -math.inf
    return torch.einsum("bhts,bshk->bthk", scores.softmax(-1), v_).to(q.dtype).transpose(1, 2)


@replaces("grouped_attention")
def ga_bmm(q, k, v, mask=None):
    """bmm"""
    B, H, T, K = q.shape
    S, n = k.shape[2], H // k.shape[1]
    kk = k.repeat_interleave(n, 1).reshape(B * H, S, K)
    vv = v.repeat_interleave(n, 1).reshape(B * H, S, K)
    scores = torch.bmm(q.reshape(B * H, T, K), kk.permute(0, 2, 1)).div(math.sqrt(K))
    if mask is not None:
        scores.masked_fill_(~mask.expand(B, H, T, S).reshape(B * H, T, S), -torch.inf)
    return torch.bmm(torch.nn.functional.softmax(scores, 2), vv).reshape(B, H, T, K)


@replaces("grouped_attention")
def ga_chunks(q, k, v, mask=None):
    """a chunk of query heads for each kv head"""
    G = k.shape[1]
    masks = [None] * G if mask is None else whole(mask, q, k).chunk(G, dim=1)
    outs = [
        F.scaled_dot_product_attention(a, b.expand_as(b).repeat(1, a.shape[1], 1, 1), c.repeat(1, a.shape[1], 1, 1), attn_mask=m)
        for a, b, c, m in zip(q.chunk(G, 1), k.split(1, 1), v.split(1, 1), masks)
    ]
    return torch.cat(outs, 1)


# ------------------------------------------------------------------ attention_parameters
@replaces("attention_parameters")
def ap_sum(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """matrix by matrix"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    w_q = num_heads * K * hidden_size
    w_k = w_v = num_kv_heads * K * hidden_size
    w_o = hidden_size * num_heads * K
    return w_q + w_k + w_v + w_o


@replaces("attention_parameters")
def ap_or(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """or"""
    return 2 * hidden_size * (head_dim or hidden_size // num_heads) * (num_heads + num_kv_heads)


@replaces("attention_parameters")
def ap_prod(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """shapes and math.prod"""
    K = head_dim if head_dim is not None else hidden_size // num_heads
    shapes = [(num_heads * K, hidden_size), (num_kv_heads * K, hidden_size)] * 2
    return sum(map(math.prod, shapes))


@replaces("attention_parameters")
def ap_divmod(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """divmod with an assert"""
    if head_dim is None:
        head_dim, rest = divmod(hidden_size, num_heads)
        assert rest == 0
    return sum(2 * heads * head_dim * hidden_size for heads in (num_heads, num_kv_heads))


@replaces("attention_parameters")
def ap_numpy(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """NumPy with Python ints"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    rows = np.array([num_heads, num_kv_heads, num_kv_heads, num_heads], dtype=object) * K
    return int(rows.sum() * hidden_size)


@replaces("attention_parameters")
def ap_recursive(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """called again with the head_dim"""
    if head_dim is None:
        return ap_recursive(hidden_size, num_heads, num_kv_heads, hidden_size // num_heads)
    per_head = hidden_size * head_dim
    return per_head * num_heads * 2 + per_head * num_kv_heads * 2


@replaces("attention_parameters")
def ap_reduce(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """reduce"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return reduce(mul, (2, K, num_heads + num_kv_heads, hidden_size))


@replaces("attention_parameters")
def ap_meta(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """layers on the meta device"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    sizes = [torch.empty(h * K, hidden_size, device="meta").numel() for h in (num_heads, num_kv_heads)]
    return 2 * sum(sizes)


# ------------------------------------------------------------------ GroupedQueryAttention
@replaces("GroupedQueryAttention")
class SdpaAttention(nn.Module):
    """scaled_dot_product_attention with torch's groups"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        self.H, self.G = num_heads, num_kv_heads
        self.K = head_dim or hidden_size // num_heads
        self.rope_theta = rope_theta
        self.o_proj = nn.Linear(self.H * self.K, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, self.G * self.K, bias=False)
        self.k_proj = nn.Linear(hidden_size, self.G * self.K, bias=False)
        self.q_proj = nn.Linear(hidden_size, self.H * self.K, bias=False)

    def forward(self, x, cache=None):
        B, T, _ = x.shape
        past = cache["k"].size(2) if cache else 0
        q = self.q_proj(x).view(B, T, self.H, self.K).transpose(1, 2)
        k = self.k_proj(x).view(B, T, self.G, self.K).transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.G, self.K).transpose(1, 2)
        pos = torch.arange(T) + past
        q, k = _rotate(q, pos, self.rope_theta), _rotate(k, pos, self.rope_theta)
        if cache:
            k, v = torch.cat((cache["k"], k), 2), torch.cat((cache["v"], v), 2)
        allowed = torch.ones(T, past + T, dtype=torch.bool).tril(past)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, enable_gqa=True)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, -1)), {"k": k, "v": v}


class Weight(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) / math.sqrt(columns))


@replaces("GroupedQueryAttention")
class PlainAttention(nn.Module):
    """own weights, einsum over groups, a buffer for the new cache"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        K = head_dim if head_dim is not None else hidden_size // num_heads
        self.sizes = (num_heads, num_kv_heads, K)
        self.theta = float(rope_theta)
        self.q_proj = Weight(num_heads * K, hidden_size)
        self.k_proj = Weight(num_kv_heads * K, hidden_size)
        self.v_proj = Weight(num_kv_heads * K, hidden_size)
        self.o_proj = Weight(hidden_size, num_heads * K)

    def forward(self, x, cache=None):
        H, G, K = self.sizes
        B, T, D = x.shape
        P = 0 if cache is None else cache["v"].shape[-2]
        pos = torch.arange(P, P + T)
        q = torch.einsum("btd,grkd->bgrtk", x, self.q_proj.weight.view(G, H // G, K, D))
        k = torch.einsum("btd,gkd->bgtk", x, self.k_proj.weight.view(G, K, D))
        v = torch.einsum("btd,gkd->bgtk", x, self.v_proj.weight.view(G, K, D))
        keys = x.new_zeros(B, G, P + T, K)
        values = torch.zeros_like(keys)
        if P:
            keys[:, :, :P] = cache["k"]
            values[:, :, :P] = cache["v"]
        keys[:, :, P:] = _rotate(k, pos, self.theta)
        values[:, :, P:] = v
        scores = torch.einsum("bgrtk,bgsk->bgrts", _rotate(q, pos, self.theta), keys) / math.sqrt(K)
        scores = scores.masked_fill(torch.arange(P + T) > pos[:, None], -torch.inf)
        read = torch.einsum("bgrts,bgsk->bgrtk", scores.softmax(-1), values)
        out = torch.einsum("bgrtk,dgrk->btd", read, self.o_proj.weight.view(D, G, H // G, K))
        return out, {"k": keys, "v": values}


@replaces("GroupedQueryAttention")
class TokenAttention(nn.Module):
    """one token after the other; the cache grows within a call"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        self.K = hidden_size // num_heads if head_dim is None else head_dim
        self.theta = rope_theta
        for name, heads in dict(q_proj=num_heads, k_proj=num_kv_heads, v_proj=num_kv_heads).items():
            setattr(self, name, nn.Linear(hidden_size, heads * self.K, bias=False))
        self.o_proj = nn.Linear(num_heads * self.K, hidden_size, bias=False)

    def step(self, x, cache):
        position = torch.tensor([0 if cache is None else cache["k"].shape[2]])
        q, k, v = (layer(x).view(len(x), -1, 1, self.K) for layer in (self.q_proj, self.k_proj, self.v_proj))
        q, k = _rotate(q, position, self.theta), _rotate(k, position, self.theta)
        if cache is not None:
            k, v = torch.cat([cache["k"], k], -2), torch.cat([cache["v"], v], -2)
        return self.o_proj(grouped_attention(q, k, v).flatten(1)), {"k": k, "v": v}

    def forward(self, x, cache=None):
        outs = []
        for token in x.unbind(1):
            y, cache = self.step(token, cache)
            outs.append(y)
        return torch.stack(outs, dim=1), cache


@replaces("GroupedQueryAttention")
class ComplexAttention(nn.Module):
    """rotation by complex numbers; heads repeated; softmax by hand; an OrderedDict"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        self.head_dim = head_dim = hidden_size // num_heads if head_dim is None else head_dim
        self.rope_theta = rope_theta
        self.q_proj = nn.Linear(hidden_size, num_heads * head_dim, False)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * head_dim, False)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * head_dim, False)
        self.o_proj = nn.Linear(num_heads * head_dim, hidden_size, False)
        for p in self.parameters():
            nn.init.normal_(p, std=0.02)

    def turn(self, x, start):
        half = self.head_dim // 2
        angle = torch.outer(torch.arange(start, start + x.shape[2]).double(), self.rope_theta ** (-torch.arange(half).double() / half))
        z = torch.complex(*(y.contiguous() for y in x.double().chunk(2, -1))) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([z.real, z.imag], -1).to(x.dtype)

    def split(self, y, heads):
        return y.reshape(*y.shape[:2], heads, self.head_dim).permute(0, 2, 1, 3)

    def forward(self, x, cache=None):
        start = 0
        new = OrderedDict(k=self.split(self.k_proj(x), self.num_kv_heads), v=self.split(self.v_proj(x), self.num_kv_heads))
        if cache is not None:
            start = cache["k"].shape[2]
        new["k"] = self.turn(new["k"], start)
        if cache is not None:
            new = OrderedDict((name, torch.cat([cache[name], new[name]], dim=2)) for name in ("k", "v"))
        q = self.turn(self.split(self.q_proj(x), self.num_heads), start)
        n = self.num_heads // self.num_kv_heads
        scores = q @ repeat_kv(new["k"], n).mT * self.head_dim**-0.5
        T, S = scores.shape[-2:]
        scores = scores + torch.full((T, S), -torch.inf, dtype=x.dtype).triu(S - T + 1)
        e = (scores - scores.amax(-1, keepdim=True)).exp()
        read = (e / e.sum(-1, keepdim=True)) @ repeat_kv(new["v"], n)
        return self.o_proj(torch.cat(list(read.unbind(1)), dim=-1)), new


@replaces("GroupedQueryAttention")
class FusedAttention(nn.Module):
    """one product for q, k and v; heads in a loop; a cache of clones"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        self.H, self.G, self.K = num_heads, num_kv_heads, head_dim or hidden_size // num_heads
        self.base = rope_theta
        make = lambda a, b: nn.Linear(a, b, bias=False)  # noqa: E731
        self.q_proj, self.o_proj = make(hidden_size, self.H * self.K), make(self.H * self.K, hidden_size)
        self.k_proj, self.v_proj = make(hidden_size, self.G * self.K), make(hidden_size, self.G * self.K)

    def forward(self, x, cache=None):
        w = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        heads = F.linear(x, w).unflatten(-1, (self.H + 2 * self.G, self.K)).transpose(1, 2)
        q, k, v = heads.split([self.H, self.G, self.G], dim=1)
        P = cache["k"].shape[2] if cache is not None else 0
        where = torch.arange(P, P + x.shape[1])
        qk = _rotate(torch.cat([q, k], 1), where, self.base)
        q, k = qk[:, : self.H], qk[:, self.H :]
        if cache is not None:
            k = torch.cat([cache["k"].clone(), k], dim=2)
            v = torch.cat([cache["v"].clone(), v], dim=2)
        blocked = torch.arange(k.shape[2]).unsqueeze(0) > where.unsqueeze(1)
        y = 0
        for h in range(self.H):
            g = h // (self.H // self.G)
            s = (q[:, h] @ k[:, g].mT / math.sqrt(self.K)).masked_fill(blocked, -torch.inf)
            y = y + s.softmax(-1) @ v[:, g] @ self.o_proj.weight[:, h * self.K : (h + 1) * self.K].T
        return y, dict(k=k.clone(), v=v.clone())
