# TRUE CAUSE: takes the i of the turn for the number of a pair without the 2: pair i is turned by m * rope_theta^(-i/R) in
# place of m * rope_theta^(-2i/R), for queries and keys alike. (Both values of absorb use the absorbed form, which is right.)
import math

import torch
from torch import nn


def equivalent_groups(kv_rank, rope_dim, head_dim):
    kept = kv_rank + rope_dim
    return kept / head_dim / 2


def split_up_projection(weight, num_heads, nope_dim):
    per_head = weight.size(0) // num_heads
    w = weight.unflatten(0, (num_heads, per_head))
    return w[:, :nope_dim, :], w[:, nope_dim:, :]


def _mask(T, S):
    q = torch.arange(S - T, S).unsqueeze(1)
    return torch.arange(S).unsqueeze(0) <= q


def absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v):
    q_lat = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    s = torch.einsum("bhtc,bsc->bhts", q_lat, latent) + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope)
    s = s / math.sqrt(q_nope.size(-1) + q_rope.size(-1))
    s = s.masked_fill(~_mask(s.size(2), s.size(3)), -torch.inf)
    ctx = torch.einsum("bhts,bsc->bhtc", torch.softmax(s, -1), latent)
    return torch.einsum("bhtc,hvc->bhtv", ctx, w_v)


class Norm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return self.weight * (x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6))


class LatentAttention(nn.Module):
    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        if rope_dim % 2 != 0:
            raise ValueError("rope_dim must be even")
        self.H, self.C, self.N, self.R, self.V = num_heads, kv_rank, nope_dim, rope_dim, v_dim
        self.rope_theta = rope_theta
        self.low_rank = q_rank is not None
        q_out = num_heads * (nope_dim + rope_dim)
        if self.low_rank:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
            self.q_a_layernorm = Norm(q_rank)
            self.q_b_proj = nn.Linear(q_rank, q_out, bias=False)
        else:
            self.q_proj = nn.Linear(hidden_size, q_out, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = Norm(kv_rank)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)

    def rope(self, x, pos):
        i = torch.arange(self.R // 2, dtype=torch.float64)
        freq = self.rope_theta ** (-i / self.R)
        ang = torch.outer(pos.double(), freq)
        c = torch.cat([ang, ang], -1).cos().to(x.dtype)
        s = torch.cat([ang, ang], -1).sin().to(x.dtype)
        half = self.R // 2
        rotated = torch.cat([-x[..., half:], x[..., :half]], -1)
        return x * c + rotated * s

    def forward(self, x, cache=None, absorb=False):
        B, T, _ = x.shape
        P = cache["latent"].size(1) if cache else 0
        pos = torch.arange(P, P + T)
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.low_rank else self.q_proj(x)
        q = q.reshape(B, T, self.H, self.N + self.R).permute(0, 2, 1, 3)
        qn, qr = q[..., : self.N], self.rope(q[..., self.N :], pos)
        kv = self.kv_a_proj_with_mqa(x)
        c = self.kv_a_layernorm(kv[..., : self.C])
        r = self.rope(kv[..., self.C :], pos)
        if cache:
            c, r = torch.cat((cache["latent"], c), 1), torch.cat((cache["k_rope"], r), 1)
        wk, wv = split_up_projection(self.kv_b_proj.weight, self.H, self.N)
        # the absorbed form gives the same numbers, so it serves both cases
        o = absorbed_attention(qn, qr, c, r, wk, wv)
        o = o.permute(0, 2, 1, 3).reshape(B, T, self.H * self.V)
        return self.o_proj(o), dict(latent=c, k_rope=r)
