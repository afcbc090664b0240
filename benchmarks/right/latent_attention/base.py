"""Multi-head latent attention."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def equivalent_groups(kv_rank, rope_dim, head_dim):
    return (kv_rank + rope_dim) / (2 * head_dim)


def split_up_projection(weight, num_heads, nope_dim):
    per_head = weight.reshape(num_heads, -1, weight.shape[1])
    return per_head[:, :nope_dim], per_head[:, nope_dim:]


def absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v):
    T, S = q_nope.shape[2], latent.shape[1]
    query = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    scores = torch.einsum("bhtc,bsc->bhts", query, latent) + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope)
    scores = scores / math.sqrt(q_nope.shape[-1] + q_rope.shape[-1])
    seen = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    weights = scores.masked_fill(~seen, float("-inf")).softmax(-1)
    mixed = torch.einsum("bhts,bsc->bhtc", weights, latent)
    return torch.einsum("bhtc,hvc->bhtv", mixed, w_v)


def _turn(x, positions, theta):
    """x (..., T, R); positions (T,)."""
    half = x.shape[-1] // 2
    angles = positions.double()[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class LatentAttention(nn.Module):
    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        if rope_dim % 2:
            raise ValueError("rope_dim is odd")
        self.num_heads, self.kv_rank, self.nope_dim, self.rope_dim = num_heads, kv_rank, nope_dim, rope_dim
        self.q_rank, self.rope_theta = q_rank, rope_theta
        q_size = num_heads * (nope_dim + rope_dim)
        if q_rank is None:
            self.q_proj = nn.Linear(hidden_size, q_size, bias=False)
        else:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
            self.q_a_layernorm = nn.RMSNorm(q_rank, eps=1e-6)
            self.q_b_proj = nn.Linear(q_rank, q_size, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = nn.RMSNorm(kv_rank, eps=1e-6)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)

    def forward(self, x, cache=None, absorb=False):
        B, T, _ = x.shape
        past = 0 if cache is None else cache["latent"].shape[1]
        positions = torch.arange(past, past + T)
        q = self.q_proj(x) if self.q_rank is None else self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        q = q.view(B, T, self.num_heads, -1).transpose(1, 2)
        q_nope, q_rope = q.split([self.nope_dim, self.rope_dim], dim=-1)
        q_rope = _turn(q_rope, positions, self.rope_theta)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split([self.kv_rank, self.rope_dim], dim=-1)
        latent, k_rope = self.kv_a_layernorm(latent), _turn(k_rope, positions, self.rope_theta)
        if cache is not None:
            latent = torch.cat([cache["latent"], latent], dim=1)
            k_rope = torch.cat([cache["k_rope"], k_rope], dim=1)
        w_k, w_v = split_up_projection(self.kv_b_proj.weight, self.num_heads, self.nope_dim)
        if absorb:
            out = absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v)
        else:
            S = past + T
            k = torch.einsum("bsc,hnc->bhsn", latent, w_k)
            v = torch.einsum("bsc,hvc->bhsv", latent, w_v)
            k = torch.cat([k, k_rope[:, None].expand(-1, self.num_heads, -1, -1)], dim=-1)
            mask = torch.ones(T, S, dtype=torch.bool).tril(past)
            out = F.scaled_dot_product_attention(torch.cat([q_nope, q_rope], -1), k, v, attn_mask=mask)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, -1)), {"latent": latent, "k_rope": k_rope}
