"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import OrderedDict
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from latent_attention import absorbed_attention
from torch import Tensor, nn

from grader.testing import replaces


class Matrices(NamedTuple):
    keys: Tensor
    values: Tensor


@replaces("equivalent_groups")
def exact_fraction(kv_rank, rope_dim, head_dim):
    """a fraction, then a float"""
    return float(Fraction(kv_rank + rope_dim, 2 * head_dim))


@replaces("split_up_projection")
def head_by_head(weight, num_heads, nope_dim):
    """a loop over heads; a named tuple of copies"""
    width = len(weight) // num_heads
    heads = [weight[h * width : h * width + width] for h in range(num_heads)]
    return Matrices(torch.stack([w[:nope_dim] for w in heads]), torch.stack([w[nope_dim:] for w in heads]))


@replaces("split_up_projection")
def by_row_numbers(weight, num_heads, nope_dim):
    """row numbers by NumPy"""
    rows = np.arange(weight.shape[0]).reshape(num_heads, -1)
    return [weight[torch.from_numpy(part.copy())] for part in (rows[:, :nope_dim], rows[:, nope_dim:])]


@replaces("absorbed_attention")
def by_einsum(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """three letters at a time; an additive mask; in float64"""
    dtype = latent.dtype
    q_nope, q_rope, latent, k_rope, w_k, w_v = (x.double() for x in (q_nope, q_rope, latent, k_rope, w_k, w_v))
    q = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    scores = torch.einsum("bhtc,bsc->bhts", q, latent) + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope)
    T, S = scores.shape[-2:]
    future = torch.full((T, S), -torch.inf, dtype=torch.float64).triu(S - T + 1)
    weights = torch.softmax(scores / math.sqrt(q_nope.shape[-1] + q_rope.shape[-1]) + future, dim=-1)
    return torch.einsum("bhtc,hvc->bhtv", torch.einsum("bhts,bsc->bhtc", weights, latent), w_v).to(dtype)


@replaces("absorbed_attention")
def one_head_after_another(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """a loop over heads; the result is a view that is not contiguous"""
    T, S = q_nope.shape[2], latent.shape[1]
    keep = torch.arange(S) <= torch.arange(S - T, S)[:, None]
    scale = 1 / math.sqrt(q_nope.shape[-1] + q_rope.shape[-1])
    heads = []
    for h, (to_latent, to_value) in enumerate(zip(w_k, w_v, strict=True)):
        scores = (q_nope[:, h] @ to_latent) @ latent.mT + q_rope[:, h] @ k_rope.mT
        weights = torch.where(keep, scores * scale, -torch.inf).softmax(-1)
        heads.append((weights @ latent) @ to_value.T)
    return torch.stack(heads, dim=2).transpose(1, 2)


@replaces("absorbed_attention")
def as_multi_query(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """F.scaled_dot_product_attention with one head and H * T queries"""
    (B, H, T, N), R, S = q_nope.shape, q_rope.shape[-1], latent.shape[1]
    q = torch.cat([q_nope @ w_k, q_rope], dim=-1).reshape(B, 1, H * T, -1)
    k = torch.cat([latent, k_rope], dim=-1).unsqueeze(1)
    keep = torch.ones(T, S, dtype=torch.bool).tril(S - T).repeat(H, 1)
    read = F.scaled_dot_product_attention(q, k, latent[:, None], attn_mask=keep, scale=(N + R) ** -0.5)
    return read.view(B, H, T, -1) @ w_v.transpose(1, 2)


@replaces("absorbed_attention")
def query_by_query(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """each query on the tokens before it, without a mask; the exponential by hand"""
    T, S, d = q_nope.shape[2], latent.shape[1], q_nope.shape[-1] + q_rope.shape[-1]
    rows = []
    for t in range(T):
        seen = slice(S - T + t + 1)
        q = torch.matmul(q_nope[:, :, t, None], w_k)[:, :, 0]  # (B, H, C)
        scores = (q @ latent[:, seen].mT + q_rope[:, :, t] @ k_rope[:, seen].mT) / d**0.5
        e = (scores - scores.detach().amax(-1, keepdim=True)).exp()
        read = (e @ latent[:, seen]) / e.sum(-1, keepdim=True)
        rows.append((w_v @ read[..., None])[..., 0])
    return torch.stack(rows, dim=2)


@replaces("absorbed_attention")
def in_pieces_of_the_cache(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """a softmax that is corrected as it goes on, 1000 tokens at a time"""
    T, S, scale = q_nope.shape[2], latent.shape[1], (q_nope.shape[-1] + q_rope.shape[-1]) ** -0.5
    q = torch.cat((torch.einsum("bhtn,hnc->bhtc", q_nope, w_k), q_rope), -1) * scale
    top = q.new_full(q.shape[:3], -torch.inf)
    total, read = torch.zeros_like(top), q.new_zeros(*q.shape[:3], latent.shape[-1])
    for start in range(0, S, 1000):
        tile = slice(start, min(S, start + 1000))
        scores = torch.einsum("bhtc,bsc->bhts", q, torch.cat((latent[:, tile], k_rope[:, tile]), -1))
        later = torch.arange(S)[tile] > torch.arange(S - T, S)[:, None]
        scores = scores.masked_fill(later, -torch.inf)
        new = torch.maximum(top, scores.amax(-1).detach())
        old, e = torch.exp(top - new), torch.exp(scores - new[..., None])
        total = total * old + e.sum(-1)
        read = read * old[..., None] + torch.einsum("bhts,bsc->bhtc", e, latent[:, tile])
        top = new
    return torch.einsum("bhtc,hvc->bhtv", read / total[..., None], w_v)


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        wide = x if x.dtype == torch.float64 else x.float()
        return (self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6))).to(x.dtype)


def spin(y, first, theta):
    """Pairs as complex numbers; y (B, T, R) or (B, H, T, R), its first token at position `first`."""
    T, R = y.shape[-2:]
    angle = torch.arange(first, first + T).double()[:, None] / theta ** (torch.arange(0, R, 2).double() / R)
    a, b = y.double().chunk(2, -1)
    z = torch.complex(a, b) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([z.real, z.imag], -1).to(y.dtype)


@replaces("LatentAttention")
class AlwaysAbsorbs(nn.Module):
    """one way for both values of absorb; norms by hand, complex rotation, an OrderedDict"""

    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        if rope_dim % 2 != 0:
            raise ValueError("odd")
        self.sizes = (num_heads, kv_rank, nope_dim, rope_dim, v_dim)
        self.theta = rope_theta
        rows = num_heads * (nope_dim + rope_dim)
        if q_rank is not None:
            self.q_b_proj = nn.Linear(q_rank, rows, bias=False)
            self.q_a_layernorm = Norm(q_rank)
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
        else:
            self.q_proj = nn.Linear(hidden_size, rows, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = Norm(kv_rank)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)

    def forward(self, x, cache=None, absorb=False):
        (B, T, _), (H, C, N, R, V) = x.shape, self.sizes
        q = self.q_proj(x) if hasattr(self, "q_proj") else self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        q = q.view(B, T, H, N + R).permute(0, 2, 1, 3)
        down = self.kv_a_proj_with_mqa(x)
        latent, k_rope = self.kv_a_layernorm(down[..., :C]), down[..., C:]
        P = cache["latent"].size(1) if cache else 0
        k_rope = spin(k_rope, P, self.theta)
        if cache:
            latent = torch.cat((cache["latent"], latent), 1)
            k_rope = torch.cat((cache["k_rope"], k_rope), 1)
        up = self.kv_b_proj.weight.view(H, N + V, C)
        heads = absorbed_attention(q[..., :N], spin(q[..., N:], P, self.theta), latent, k_rope, up[:, :N], up[:, N:])
        y = sum(F.linear(heads[:, h], self.o_proj.weight[:, h * V : h * V + V]) for h in range(H))
        return [y, OrderedDict(k_rope=k_rope, latent=latent)]


@replaces("LatentAttention")
class TokenByToken(nn.Module):
    """a piece is fed token by token; the shared key beside each head's own in one product; frequencies by Python"""

    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        half, odd = divmod(rope_dim, 2)
        if odd:
            raise ValueError(rope_dim)
        self.H, self.C, self.N, self.R, self.V = num_heads, kv_rank, nope_dim, rope_dim, v_dim
        self.frequencies = [rope_theta ** (-i / half) for i in range(half)]
        shapes = {"kv_a_proj_with_mqa": (hidden_size, kv_rank + rope_dim)}
        shapes |= {"kv_b_proj": (kv_rank, num_heads * (nope_dim + v_dim)), "o_proj": (num_heads * v_dim, hidden_size)}
        queries = num_heads * (nope_dim + rope_dim)
        if q_rank is None:
            shapes["q_proj"] = hidden_size, queries
        else:
            shapes |= {"q_a_proj": (hidden_size, q_rank), "q_b_proj": (q_rank, queries)}
            self.q_a_layernorm = Norm(q_rank)
        self.kv_a_layernorm = Norm(kv_rank)
        for name, (wide, high) in shapes.items():
            self.add_module(name, nn.Linear(wide, high, bias=False))

    def turned(self, y, m):
        a, b = y[..., : self.R // 2], y[..., self.R // 2 :]
        angles = torch.tensor([m * w for w in self.frequencies], dtype=torch.float64)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1).to(y.dtype)

    def forward(self, x, cache=None, absorb=False):
        up = self.kv_b_proj.weight.unflatten(0, (self.H, self.N + self.V))
        latents = [] if cache is None else list(cache["latent"].unbind(1))
        keys = [] if cache is None else list(cache["k_rope"].unbind(1))
        rows = []
        for token in x.unbind(1):
            m = len(keys)
            low = "q_a_proj" in self._modules
            q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(token))) if low else self.q_proj(token)
            q = q.unflatten(-1, (self.H, -1))[:, :, None]  # (B, H, 1, N + R)
            c, r = self.kv_a_proj_with_mqa(token).tensor_split([self.C], dim=-1)
            latents.append(self.kv_a_layernorm(c))
            keys.append(self.turned(r, m))
            if m and cache is not None and absorb:
                own = q[..., : self.N], self.turned(q[..., self.N :], m)
                past = torch.stack(latents, 1), torch.stack(keys, 1)
                y = absorbed_attention(*own, *past, up[:, : self.N], up[:, self.N :])
                rows.append(self.o_proj(y.flatten(1)))
                continue
            q = torch.cat([q[..., : self.N], self.turned(q[..., self.N :], m)], -1)
            c, r = torch.stack(latents, 1), torch.stack(keys, 1)
            k = torch.cat([F.linear(c, up[:, : self.N].flatten(0, 1)), r.repeat(1, 1, self.H)], -1)
            k = torch.cat(
                [
                    k[..., : self.H * self.N].unflatten(-1, (self.H, self.N)),
                    k[..., self.H * self.N :].unflatten(-1, (self.H, self.R)),
                ],
                dim=-1,
            )
            scores = torch.einsum("bhk,bshk->bhs", q[:, :, 0], k) / (self.N + self.R) ** 0.5
            v = torch.einsum("bsc,hvc->bshv", c, up[:, self.N :])
            rows.append(self.o_proj(torch.einsum("bhs,bshv->bhv", scores.softmax(-1), v).flatten(1)))
        return torch.stack(rows, 1), {"latent": torch.stack(latents, 1), "k_rope": torch.stack(keys, 1)}


@replaces("LatentAttention")
class AsInTransformers(nn.Module):
    """rotate_half, angles in a buffer, masked_fill on the scores, nn.RMSNorm"""

    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        if rope_dim & 1:
            raise ValueError("rope_dim must be even")
        super().__init__()
        self.num_heads, self.kv_lora_rank, self.q_lora_rank = num_heads, kv_rank, q_rank
        self.qk_nope_head_dim, self.qk_rope_head_dim, self.v_head_dim = nope_dim, rope_dim, v_dim
        self.qk_head_dim = nope_dim + rope_dim
        if q_rank is None:
            self.q_proj = nn.Linear(hidden_size, num_heads * self.qk_head_dim, bias=False)
        else:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
            self.q_a_layernorm = nn.RMSNorm(q_rank, 1e-6)
            self.q_b_proj = nn.Linear(q_rank, num_heads * self.qk_head_dim, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = nn.RMSNorm(kv_rank, 1e-6)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)
        inv_freq = 1.0 / rope_theta ** (torch.arange(0, rope_dim, 2).double() / rope_dim)
        self.register_buffer("inv_freq", inv_freq)

    def forward(self, hidden_states, past=None, absorb=False):
        batch, seq_length = hidden_states.shape[:-1]
        first = self.q_proj if self.q_lora_rank is None else self.q_a_proj
        q = first(hidden_states)
        if self.q_lora_rank is not None:
            q = self.q_b_proj(self.q_a_layernorm(q))
        q = q.view(batch, seq_length, -1, self.qk_head_dim).transpose(1, 2)
        q_pass, q_rot = torch.split(q, [self.qk_nope_head_dim, self.qk_rope_head_dim], dim=-1)
        compressed_kv = self.kv_a_proj_with_mqa(hidden_states)
        k_pass, k_rot = torch.split(compressed_kv, [self.kv_lora_rank, self.qk_rope_head_dim], dim=-1)
        k_pass = self.kv_a_layernorm(k_pass)
        start = 0 if past is None else past["latent"].shape[-2]
        freqs = torch.outer(torch.arange(start, start + seq_length).double(), self.inv_freq.double())
        emb = torch.cat((freqs, freqs), dim=-1)
        cos, sin = emb.cos().to(q.dtype), emb.sin().to(q.dtype)
        half = self.qk_rope_head_dim // 2
        q_rot, k_rot = (y * cos + torch.cat([-y[..., half:], y[..., :half]], -1) * sin for y in (q_rot, k_rot))
        if past is not None:
            k_pass, k_rot = torch.cat([past["latent"], k_pass], 1), torch.cat([past["k_rope"], k_rot], 1)
        new = {"latent": k_pass, "k_rope": k_rot}
        weight = self.kv_b_proj.weight.view(self.num_heads, -1, self.kv_lora_rank)
        if absorb:
            w_k, w_v = weight[:, : self.qk_nope_head_dim], weight[:, self.qk_nope_head_dim :]
            attn_output = absorbed_attention(q_pass, q_rot, k_pass, k_rot, w_k, w_v)
        else:
            kv = self.kv_b_proj(k_pass).view(batch, -1, self.num_heads, weight.shape[1]).transpose(1, 2)
            k_pass, value_states = torch.split(kv, [self.qk_nope_head_dim, self.v_head_dim], dim=-1)
            k_rot = k_rot.view(batch, 1, -1, self.qk_rope_head_dim).expand(*k_pass.shape[:-1], -1)
            query_states = torch.cat((q_pass, q_rot), dim=-1)
            key_states = torch.cat((k_pass, k_rot), dim=-1)
            scores = query_states @ key_states.transpose(2, 3) * self.qk_head_dim**-0.5
            future = torch.ones_like(scores, dtype=torch.bool).triu(scores.shape[-1] - seq_length + 1)
            attn_output = scores.masked_fill(future, float("-inf")).softmax(-1) @ value_states
        return self.o_proj(attn_output.transpose(1, 2).reshape(batch, seq_length, -1)), new
