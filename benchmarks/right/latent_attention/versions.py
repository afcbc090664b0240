import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from base import _turn, absorbed_attention, split_up_projection
from torch import nn

from grader.testing import replaces


# ---------------------------------------------------------------- equivalent_groups
@replaces("equivalent_groups")
def eq_half(kv_rank, rope_dim, head_dim):
    """halves first"""
    return 0.5 * (kv_rank + rope_dim) / head_dim


@replaces("equivalent_groups")
def eq_two_steps(kv_rank, rope_dim, head_dim):
    """names"""
    kept = kv_rank + rope_dim
    per_group = head_dim + head_dim
    return kept / per_group


@replaces("equivalent_groups")
def eq_sum(kv_rank, rope_dim, head_dim):
    """two fractions, added"""
    return kv_rank / (2 * head_dim) + rope_dim / (2 * head_dim)


@replaces("equivalent_groups")
def eq_fraction(kv_rank, rope_dim, head_dim):
    """exact"""
    return float(Fraction(kv_rank + rope_dim, 2 * head_dim))


@replaces("equivalent_groups")
def eq_numpy(kv_rank, rope_dim, head_dim):
    """NumPy"""
    return float(np.divide(np.sum([kv_rank, rope_dim]), 2 * head_dim))


@replaces("equivalent_groups")
def eq_bytes(kv_rank, rope_dim, head_dim):
    """bytes of both"""
    mla = 2.0 * (kv_rank + rope_dim)
    gqa = 2.0 * 2 * head_dim
    return mla / gqa


@replaces("equivalent_groups")
def eq_power(kv_rank, rope_dim, head_dim):
    """times an inverse"""
    return (kv_rank + rope_dim) * (2 * head_dim) ** -1


@replaces("equivalent_groups")
def eq_torch(kv_rank, rope_dim, head_dim):
    """a float64 tensor"""
    return torch.tensor([kv_rank, rope_dim], dtype=torch.float64).sum().div(2 * head_dim).item()


# ---------------------------------------------------------------- split_up_projection
@replaces("split_up_projection")
def split_split(weight, num_heads, nope_dim):
    """unflatten and split"""
    per_head = weight.unflatten(0, (num_heads, -1))
    return per_head.split([nope_dim, per_head.shape[1] - nope_dim], dim=1)


@replaces("split_up_projection")
def split_loop(weight, num_heads, nope_dim):
    """a loop over heads"""
    size = weight.shape[0] // num_heads
    keys, values = [], []
    for h in range(num_heads):
        rows = weight[h * size : (h + 1) * size]
        keys.append(rows[:nope_dim])
        values.append(rows[nope_dim:])
    return torch.stack(keys), torch.stack(values)


@replaces("split_up_projection")
def split_chunk(weight, num_heads, nope_dim):
    """chunk and stack"""
    heads = torch.stack(weight.chunk(num_heads, dim=0))
    return heads.narrow(1, 0, nope_dim).contiguous(), heads.narrow(1, nope_dim, heads.size(1) - nope_dim).contiguous()


@replaces("split_up_projection")
def split_index(weight, num_heads, nope_dim):
    """row numbers"""
    size = weight.shape[0] // num_heads
    first = torch.arange(num_heads)[:, None] * size
    return weight[first + torch.arange(nope_dim)], weight[first + torch.arange(nope_dim, size)]


@replaces("split_up_projection")
def split_mask(weight, num_heads, nope_dim):
    """a mask over the rows"""
    size = len(weight) // num_heads
    is_key = torch.arange(len(weight)) % size < nope_dim
    c = weight.shape[1]
    return weight[is_key].reshape(num_heads, nope_dim, c), weight[~is_key].reshape(num_heads, size - nope_dim, c)


@replaces("split_up_projection")
def split_select(weight, num_heads, nope_dim):
    """index_select with lists"""
    size = weight.size(0) // num_heads
    keys = [h * size + n for h in range(num_heads) for n in range(nope_dim)]
    values = [h * size + n for h in range(num_heads) for n in range(nope_dim, size)]

    def take(rows, n):
        return weight.index_select(0, torch.tensor(rows, dtype=torch.int64)).view(num_heads, n, weight.size(1))

    return take(keys, nope_dim), take(values, size - nope_dim)


@replaces("split_up_projection")
def split_tensor_split(weight, num_heads, nope_dim):
    """tensor_split, views"""
    heads = weight.reshape(num_heads, weight.shape[0] // num_heads, weight.shape[1])
    w_k, w_v = heads.tensor_split((nope_dim,), dim=1)
    return w_k, w_v


@replaces("split_up_projection")
def split_transposed(weight, num_heads, nope_dim):
    """by the columns; results are transposed views"""
    t = weight.T.reshape(weight.shape[1], num_heads, -1)  # (C, H, N + V)
    return t[..., :nope_dim].permute(1, 2, 0), t[..., nope_dim:].permute(1, 2, 0)


@replaces("split_up_projection")
def split_strided(weight, num_heads, nope_dim):
    """as_strided on a contiguous copy"""
    w = weight.contiguous()
    C, size = w.shape[1], w.shape[0] // num_heads
    k = torch.as_strided(w, (num_heads, nope_dim, C), (size * C, C, 1), w.storage_offset())
    v = torch.as_strided(w, (num_heads, size - nope_dim, C), (size * C, C, 1), w.storage_offset() + nope_dim * C)
    return k, v


# ---------------------------------------------------------------- absorbed_attention
def causal(T, S):
    return torch.arange(S) <= torch.arange(T)[:, None] + (S - T)


@replaces("absorbed_attention")
def abs_matmul(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """matmul with heads and queries on one axis"""
    H, T, S = *q_nope.shape[1:3], latent.shape[1]
    scale = (q_nope.shape[-1] + q_rope.shape[-1]) ** -0.5
    scores = (q_nope @ w_k).flatten(1, 2) @ latent.mT + q_rope.flatten(1, 2) @ k_rope.mT
    scores = scores.unflatten(1, (H, T))
    weights = torch.softmax((scores * scale).masked_fill(~causal(T, S), -math.inf), dim=-1)
    return (weights.flatten(1, 2) @ latent).unflatten(1, (H, T)) @ w_v.mT


@replaces("absorbed_attention")
def abs_joined(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """one query and one key of C + R numbers"""
    B, H, T, _ = q_nope.shape
    S, C = latent.shape[1:]
    query = torch.cat([torch.einsum("bhtn,hnc->bhtc", q_nope, w_k), q_rope], dim=-1)
    key = torch.cat([latent, k_rope], dim=-1)
    scores = torch.bmm(query.reshape(B, H * T, -1), key.transpose(1, 2)).view(B, H, T, S)
    scores = scores / math.sqrt(q_nope.shape[-1] + q_rope.shape[-1])
    scores = scores + torch.zeros(T, S, dtype=scores.dtype).masked_fill(~causal(T, S), -math.inf)
    mixed = torch.bmm(scores.softmax(-1).view(B, H * T, S), latent).view(B, H, T, C)
    return torch.einsum("bhtc,hvc->bhtv", mixed, w_v)


@replaces("absorbed_attention")
def abs_mqa(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """scaled_dot_product_attention with one key head: heads and queries share an axis, with a mask for both"""
    B, H, T, N = q_nope.shape
    S = latent.shape[1]
    query = torch.cat([q_nope @ w_k, q_rope], -1).reshape(B, H * T, -1)
    key = torch.cat([latent, k_rope], -1)
    mask = causal(T, S).repeat(H, 1)
    mixed = F.scaled_dot_product_attention(query, key, latent, attn_mask=mask, scale=1 / math.sqrt(N + q_rope.shape[-1]))
    return mixed.view(B, H, T, -1) @ w_v.transpose(1, 2)


@replaces("absorbed_attention")
def abs_heads(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """a loop over heads"""
    T, S = q_nope.shape[2], latent.shape[1]
    seen, outs = causal(T, S), []
    for h in range(w_k.shape[0]):
        s = (q_nope[:, h] @ w_k[h]) @ latent.mT + q_rope[:, h] @ k_rope.mT
        s = s / math.sqrt(w_k.shape[1] + k_rope.shape[2])
        w = s.where(seen, torch.tensor(-math.inf, dtype=s.dtype)).softmax(-1)
        outs.append((w @ latent) @ w_v[h].T)
    return torch.stack(outs, dim=1)


@replaces("absorbed_attention")
def abs_queries(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """each query with the tokens that it sees"""
    T, S = q_nope.shape[2], latent.shape[1]
    scale = math.sqrt(q_nope.shape[3] + q_rope.shape[3])
    outs = []
    for i in range(T):
        n = S - T + i + 1
        q = torch.einsum("bhn,hnc->bhc", q_nope[:, :, i], w_k)
        s = (q @ latent[:, :n].mT + q_rope[:, :, i] @ k_rope[:, :n].mT) / scale
        outs.append(torch.einsum("bhc,hvc->bhv", s.softmax(-1) @ latent[:, :n], w_v))
    return torch.stack(outs, dim=2)


@replaces("absorbed_attention")
def abs_texts(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """text by text"""
    T, S = q_nope.shape[2], latent.shape[1]
    scale = 1 / math.sqrt(w_k.shape[1] + q_rope.shape[-1])
    hidden = torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)
    out = []
    for q, qr, c, r in zip(q_nope, q_rope, latent, k_rope):
        s = torch.bmm(q, w_k) @ c.T + qr @ r.T
        w = F.softmax((s * scale).masked_fill(hidden, float("-inf")), dim=2)
        out.append(torch.bmm(w @ c, w_v.mT))
    return torch.stack(out)


@replaces("absorbed_attention")
def abs_scaled_first(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """queries are scaled first; softmax by hand, in place on own tensors where no gradient is needed"""
    T, S = q_nope.shape[2], latent.shape[1]
    root = (q_nope.size(-1) + q_rope.size(-1)) ** 0.5
    query = torch.einsum("bhtn,hnc->bhtc", q_nope / root, w_k)
    scores = torch.einsum("bhtc,bsc->bhts", query, latent)
    scores = scores + torch.einsum("bhtr,bsr->bhts", q_rope / root, k_rope)
    scores = scores.masked_fill(~causal(T, S), torch.finfo(scores.dtype).min)
    e = (scores - scores.detach().amax(-1, keepdim=True)).exp()
    mixed = torch.einsum("bhts,bsc->bhtc", e, latent) / e.sum(-1, keepdim=True)
    return torch.einsum("bhtc,hvc->bhtv", mixed, w_v)


@replaces("absorbed_attention")
def abs_online(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """the cache in blocks, online softmax"""
    T, S = q_nope.shape[2], latent.shape[1]
    q = torch.cat([q_nope @ w_k, q_rope], -1) / math.sqrt(q_nope.shape[-1] + q_rope.shape[-1])
    seen = causal(T, S)
    top = torch.full_like(q[..., :1], -math.inf).detach()
    den, num = torch.zeros_like(q[..., :1]), torch.zeros_like(q[..., : latent.shape[-1]])
    step = max(1, min(1024, (S + 1) // 2))
    for a in range(0, S, step):
        c, r = latent[:, a : a + step], k_rope[:, a : a + step]
        s = (q.flatten(1, 2) @ torch.cat([c, r], -1).mT).unflatten(1, q.shape[1:3]).masked_fill(~seen[:, a : a + step], -math.inf)
        new = torch.maximum(top, s.detach().amax(-1, keepdim=True))
        safe = new.masked_fill(new == -math.inf, 0.0)
        e, keep = (s - safe).exp(), (top - safe).exp()
        num, den, top = num * keep + (e.flatten(1, 2) @ c).unflatten(1, e.shape[1:3]), den * keep + e.sum(-1, keepdim=True), new
    return (num / den) @ w_v.mT


@replaces("absorbed_attention")
def abs_numbers_first(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """tokens before heads: (B, T, H, ·), the result is a transposed view"""
    T, S = q_nope.shape[2], latent.shape[1]
    q = torch.einsum("bhtn,hnc->bthc", q_nope, w_k)
    s = torch.einsum("bthc,bsc->bths", q, latent) + torch.einsum("bhtr,bsr->bths", q_rope, k_rope)
    s = s.div(math.sqrt(w_k.shape[1] + k_rope.shape[-1])).masked_fill(~causal(T, S)[:, None], -math.inf)
    out = torch.einsum("bths,bsc->bthc", s.log_softmax(-1).exp(), latent)
    return torch.einsum("bthc,hvc->bthv", out, w_v).transpose(1, 2)


@replaces("absorbed_attention")
def abs_flat(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """(B, H T) queries, baddbmm for the turned part, in place mask on an own tensor"""
    B, H, T, N = q_nope.shape
    S, C = latent.shape[1:]
    R = q_rope.shape[-1]
    q = torch.matmul(q_nope, w_k.unsqueeze(0)).reshape(B, H * T, C)
    s = torch.baddbmm(q_rope.reshape(B, H * T, R) @ k_rope.mT, q, latent.mT) * (1 / math.sqrt(N + R))
    s = s.view(B, H, T, S)
    if T > 1:
        s = s.masked_fill(torch.ones(T, S).triu(S - T + 1).bool(), -math.inf)
    mixed = torch.bmm(torch.softmax(s, -1).reshape(B, H * T, S), latent).reshape(B, H, T, C)
    return torch.matmul(mixed, w_v.transpose(-1, -2))


@replaces("absorbed_attention")
def abs_grouped_queries(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """blocks of queries, each with only the tokens that its last one sees"""
    T, S = q_nope.shape[2], latent.shape[1]
    scale = (q_nope.shape[-1] + q_rope.shape[-1]) ** 0.5
    outs = []
    for a in range(0, T, 2):
        b = min(a + 2, T)
        n = S - T + b
        c, r = latent[:, :n], k_rope[:, :n]
        s = (q_nope[:, :, a:b] @ w_k).flatten(1, 2) @ c.mT + q_rope[:, :, a:b].flatten(1, 2) @ r.mT
        s = s.unflatten(1, (-1, b - a)) / scale
        s = s.masked_fill(~causal(b - a, n), -math.inf)
        outs.append((s.softmax(-1).flatten(1, 2) @ c).unflatten(1, (-1, b - a)) @ w_v.mT)
    return torch.cat(outs, dim=2)


# ---------------------------------------------------------------- LatentAttention
class Weight(nn.Module):
    def __init__(self, *shape, one=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape) if one else torch.randn(shape) / math.sqrt(shape[-1]))


def rms(x, weight):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


@replaces("LatentAttention")
class LatentByHand(nn.Module):
    """bare weights, rebuilt keys with an explicit softmax"""

    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        if rope_dim % 2 != 0:
            raise ValueError(f"rope_dim must be even, not {rope_dim}")
        self.H, self.C, self.N, self.R, self.V, self.Q = num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank
        self.theta = rope_theta
        self.o_proj = Weight(hidden_size, num_heads * v_dim)
        self.kv_b_proj = Weight(num_heads * (nope_dim + v_dim), kv_rank)
        self.kv_a_layernorm = Weight(kv_rank, one=True)
        self.kv_a_proj_with_mqa = Weight(kv_rank + rope_dim, hidden_size)
        if q_rank is not None:
            self.q_b_proj = Weight(num_heads * (nope_dim + rope_dim), q_rank)
            self.q_a_layernorm = Weight(q_rank, one=True)
            self.q_a_proj = Weight(q_rank, hidden_size)
        else:
            self.q_proj = Weight(num_heads * (nope_dim + rope_dim), hidden_size)

    def query(self, x):
        if self.Q is None:
            return x @ self.q_proj.weight.T
        return rms(x @ self.q_a_proj.weight.T, self.q_a_layernorm.weight) @ self.q_b_proj.weight.T

    def forward(self, x, cache=None, absorb=False):
        B, T, D = x.shape
        P = cache["latent"].shape[1] if cache else 0
        where = torch.arange(P, P + T)
        q = self.query(x).reshape(B, T, self.H, self.N + self.R).permute(0, 2, 1, 3)
        q_nope, q_rope = q[..., : self.N], _turn(q[..., self.N :], where, self.theta)
        kv = x @ self.kv_a_proj_with_mqa.weight.T
        c, r = rms(kv[..., : self.C], self.kv_a_layernorm.weight), _turn(kv[..., self.C :], where, self.theta)
        if cache:
            c, r = torch.cat((cache["latent"], c), 1), torch.cat((cache["k_rope"], r), 1)
        if absorb:
            out = absorbed_attention(q_nope, q_rope, c, r, *split_up_projection(self.kv_b_proj.weight, self.H, self.N))
        else:
            up = (c @ self.kv_b_proj.weight.T).reshape(B, P + T, self.H, self.N + self.V).transpose(1, 2)
            k, v = up[..., : self.N], up[..., self.N :]
            s = (q_nope @ k.mT + q_rope @ r[:, None].mT) / math.sqrt(self.N + self.R)
            out = s.masked_fill(~causal(T, P + T), -math.inf).softmax(-1) @ v
        return out.transpose(1, 2).flatten(2) @ self.o_proj.weight.T, {"latent": c, "k_rope": r}


class LinearBase(nn.Module):
    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        if rope_dim & 1:
            raise ValueError("the turned part needs pairs")
        self.sizes = (num_heads, kv_rank, nope_dim, rope_dim, v_dim)
        self.low_rank, self.rope_theta = q_rank is not None, rope_theta
        width = num_heads * (nope_dim + rope_dim)
        layers = {"kv_a_proj_with_mqa": (hidden_size, kv_rank + rope_dim), "kv_b_proj": (kv_rank, num_heads * (nope_dim + v_dim))}
        layers |= {"q_a_proj": (hidden_size, q_rank), "q_b_proj": (q_rank, width)} if self.low_rank else {"q_proj": (hidden_size, width)}
        layers["o_proj"] = (num_heads * v_dim, hidden_size)
        for name, (i, o) in layers.items():
            self.add_module(name, nn.Linear(i, o, bias=False))
        for name, size in {"kv_a_layernorm": kv_rank, "q_a_layernorm": q_rank}.items():
            if size is not None:
                self.add_module(name, nn.RMSNorm(size, eps=1e-6))

    def queries(self, x):
        return self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.low_rank else self.q_proj(x)


@replaces("LatentAttention")
class LatentAlways(LinearBase):
    """absorbs always"""

    def forward(self, x, cache=None, absorb=False):
        H, C, N, R, V = self.sizes
        if cache is None:
            cache = {"latent": x.new_empty(x.shape[0], 0, C), "k_rope": x.new_empty(x.shape[0], 0, R)}
        start = cache["latent"].shape[1]
        at = torch.arange(start, start + x.shape[1])
        q_nope, q_rope = self.queries(x).unflatten(-1, (H, N + R)).transpose(1, 2).tensor_split([N], dim=-1)
        c, r = self.kv_a_proj_with_mqa(x).tensor_split([C], dim=-1)
        new = {
            "latent": torch.cat([cache["latent"], self.kv_a_layernorm(c)], 1),
            "k_rope": torch.cat([cache["k_rope"], _turn(r, at, self.rope_theta)], 1),
        }
        w_k, w_v = split_up_projection(self.kv_b_proj.weight, H, N)
        out = absorbed_attention(q_nope, _turn(q_rope, at, self.rope_theta), new["latent"], new["k_rope"], w_k, w_v)
        return self.o_proj(out.permute(0, 2, 1, 3).flatten(2)), new


@replaces("LatentAttention")
class LatentHeads(LinearBase):
    """a loop over heads, rebuilt, summed at the output; absorbed: projection of the values folded into o_proj"""

    def forward(self, x, cache=None, absorb=False):
        H, C, N, R, V = self.sizes
        T = x.size(1)
        P = 0 if cache is None else cache["k_rope"].size(1)
        at = torch.arange(P, P + T)
        q = self.queries(x)
        kv = self.kv_a_proj_with_mqa(x)
        latent = self.kv_a_layernorm(kv[:, :, :C])
        rope = _turn(kv[:, :, C:], at, self.rope_theta)
        if P:
            latent, rope = torch.cat([cache["latent"], latent], 1), torch.cat([cache["k_rope"], rope], 1)
        seen = causal(T, P + T)
        y = torch.zeros_like(x)
        for h in range(H):
            block = q[..., h * (N + R) : (h + 1) * (N + R)]
            qn, qr = block[..., :N], _turn(block[..., N:], at, self.rope_theta)
            rows = self.kv_b_proj.weight[h * (N + V) : (h + 1) * (N + V)]
            wk, wv = rows[:N], rows[N:]
            nope = (qn @ wk) @ latent.mT if absorb else qn @ (latent @ wk.T).mT
            s = (nope + qr @ rope.mT) * (N + R) ** -0.5
            w = torch.where(seen, s, -math.inf).softmax(-1)
            out = (w @ latent) @ wv.T if absorb else w @ (latent @ wv.T)
            y = y + out @ self.o_proj.weight[:, h * V : (h + 1) * V].T
        return y, {"k_rope": rope, "latent": latent}


@replaces("LatentAttention")
class LatentTokens(LinearBase):
    """token by token"""

    def forward(self, x, cache=None, absorb=False):
        H, C, N, R, V = self.sizes
        w_k, w_v = split_up_projection(self.kv_b_proj.weight, H, N)
        latents = [] if cache is None else [cache["latent"]]
        ropes = [] if cache is None else [cache["k_rope"]]
        at = 0 if cache is None else cache["latent"].shape[1]
        ys = []
        for token in x.split(1, dim=1):
            position = torch.tensor([at])
            q = self.queries(token).view(token.shape[0], 1, H, N + R).transpose(1, 2)
            c, r = self.kv_a_proj_with_mqa(token).split([C, R], -1)
            latents.append(self.kv_a_layernorm(c))
            ropes.append(_turn(r, position, self.rope_theta))
            args = q[..., :N], _turn(q[..., N:], position, self.rope_theta), torch.cat(latents, 1), torch.cat(ropes, 1)
            ys.append(self.o_proj(absorbed_attention(*args, w_k, w_v).reshape(token.shape[0], 1, H * V)))
            at += 1
        return torch.cat(ys, 1), dict(latent=torch.cat(latents, 1), k_rope=torch.cat(ropes, 1))


@replaces("LatentAttention")
class LatentComplex(LinearBase):
    """rotation by complex numbers, sdpa with expanded keys when it rebuilds, joined queries when it absorbs"""

    def turn(self, x, start):
        half = x.shape[-1] // 2
        m = torch.arange(start, start + x.shape[-2], dtype=torch.float64)
        freq = torch.exp(-math.log(self.rope_theta) * torch.arange(half, dtype=torch.float64) / max(half, 1))
        rot = torch.polar(torch.ones(len(m), half, dtype=torch.float64), torch.outer(m, freq))
        z = torch.complex(x[..., :half].double(), x[..., half:].double()) * rot
        return torch.cat([z.real, z.imag], -1).to(x.dtype)

    def forward(self, x, cache=None, absorb=False):
        H, C, N, R, V = self.sizes
        B, T = x.shape[:2]
        P = 0 if cache is None else cache["latent"].shape[1]
        q = self.queries(x).view(B, T, H, N + R).transpose(1, 2)
        q = torch.cat([q[..., :N], self.turn(q[..., N:], P)], -1)
        c, r = self.kv_a_proj_with_mqa(x).split((C, R), dim=2)
        c, r = self.kv_a_layernorm(c), self.turn(r, P)
        latent = c if cache is None else torch.cat([cache["latent"], c], 1)
        k_rope = r if cache is None else torch.cat([cache["k_rope"], r], 1)
        S = latent.shape[1]
        if absorb:
            out = absorbed_attention(q[..., :N], q[..., N:], latent, k_rope, *split_up_projection(self.kv_b_proj.weight, H, N))
        else:
            kv = self.kv_b_proj(latent).view(B, S, H, N + V)
            k = torch.cat([kv[..., :N], k_rope.unsqueeze(2).expand(B, S, H, R)], -1).transpose(1, 2)
            out = F.scaled_dot_product_attention(q, k, kv[..., N:].transpose(1, 2), attn_mask=causal(T, S), scale=(N + R) ** -0.5)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, H * V)), {"latent": latent, "k_rope": k_rope}


@replaces("LatentAttention")
class LatentOwnAbsorb(LinearBase):
    """its own absorbed path by matmul; matrices prepared in forward; a method per part"""

    def kv(self, x, at, cache):
        _, C, _, R, _ = self.sizes
        both = self.kv_a_proj_with_mqa(x)
        fresh = {"latent": self.kv_a_layernorm(both[..., :C]), "k_rope": _turn(both[..., C:], at, self.rope_theta)}
        return fresh if cache is None else {n: torch.cat([cache[n], t], dim=-2) for n, t in fresh.items()}

    def forward(self, x, cache=None, absorb=False):
        H, C, N, R, V = self.sizes
        B, T, _ = x.shape
        at = torch.arange(T) + (0 if cache is None else cache["latent"].shape[-2])
        new = self.kv(x, at, cache)
        S = new["latent"].shape[1]
        q = self.queries(x).unflatten(2, (H, N + R)).movedim(1, 2)
        up = self.kv_b_proj.weight.unflatten(0, (H, N + V))
        qr = _turn(q[..., N:], at, self.rope_theta)
        if absorb:
            scores = torch.matmul((q[..., :N] @ up[:, :N]).flatten(1, 2), new["latent"].mT).unflatten(1, (H, T))
        else:
            keys = torch.einsum("bsc,hnc->bhsn", new["latent"], up[:, :N])
            scores = torch.einsum("bhtn,bhsn->bhts", q[..., :N], keys)
        scores = (scores + (qr.flatten(1, 2) @ new["k_rope"].mT).unflatten(1, (H, T))) / math.sqrt(N + R)
        w = scores.masked_fill(~causal(T, S), -math.inf).softmax(-1)
        out = (w.flatten(1, 2) @ new["latent"]).unflatten(1, (H, T)) @ up[:, N:].mT
        return self.o_proj(out.movedim(1, 2).reshape(B, T, H * V)), new
