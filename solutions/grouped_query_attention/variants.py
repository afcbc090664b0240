"""Right solutions in other styles. None of them may lose a point."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.testing import replaces


@replaces("repeat_kv")
def interleaved(x, n_rep):
    """repeat_interleave"""
    return torch.repeat_interleave(x, n_rep, 1)


@replaces("repeat_kv")
def gathered(x, n_rep):
    """indexing by h // n_rep"""
    return x[:, torch.arange(x.shape[1] * n_rep) // n_rep]


@replaces("repeat_kv")
def head_list(x, n_rep):
    """a Python list of heads"""
    return torch.stack([head for head in x.unbind(1) for _ in range(n_rep)], dim=1)


@replaces("repeat_kv")
def copies_last(x, n_rep):
    """a matrix of zeros and ones; a result that is not contiguous"""
    G = x.shape[1]
    owner = torch.eye(G, dtype=x.dtype).repeat_interleave(n_rep, dim=0)  # (G n_rep, G)
    return torch.einsum("bgsk,hg->bskh", x, owner).permute(0, 3, 1, 2)


@replaces("grouped_attention")
def broadcast_groups(q, k, v, mask=None):
    """queries as (B, G, H/G, T, K); nothing is repeated"""
    B, H, T, K = q.shape
    G, S = k.shape[1], k.shape[2]
    if H % G != 0:
        raise ValueError("bad groups")
    scores = torch.einsum("bgrtk,bgsk->bgrts", q.reshape(B, G, H // G, T, K), k) / K**0.5
    if mask is not None:
        blocked = mask.logical_not().expand(B, H, T, S).reshape(B, G, H // G, T, S)
        scores = scores.masked_fill(blocked, -torch.inf)
    return torch.einsum("bgrts,bgsk->bgrtk", scores.softmax(-1), v).reshape(B, H, T, K)


@replaces("grouped_attention")
def torchs_own(q, k, v, mask=None):
    """F.scaled_dot_product_attention on repeated heads"""
    copies, rest = divmod(q.shape[1], k.shape[1])
    if rest or not copies:
        raise ValueError("bad groups")
    k, v = (x.repeat_interleave(copies, dim=1) for x in (k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@replaces("grouped_attention")
def long_queries(q, k, v, mask=None):
    """the queries of a group one after another along T: one matrix product per kv head"""
    (B, H, T, K), (_, G, S, _) = q.shape, k.shape
    if H // G * G != H:
        raise ValueError("bad groups")
    scores = torch.matmul(q.reshape(B, G, H // G * T, K), k.transpose(2, 3)) * K**-0.5
    if mask is not None:
        mask = mask.expand(B, H, T, S).reshape(B, G, -1, S)
        scores = torch.where(mask, scores, torch.tensor(-torch.inf, dtype=q.dtype))
    e = (scores - scores.max(-1, keepdim=True).values).exp()
    return (torch.matmul(e, v) / e.sum(-1, keepdim=True)).view(B, H, T, K)


@replaces("grouped_attention")
def head_loop(q, k, v, mask=None):
    """a loop over query heads and over sequences"""
    B, H, T, _ = q.shape
    G, S = k.shape[1:3]
    if H % G:
        raise ValueError("bad groups")
    keep = torch.ones(B, H, T, S, dtype=torch.bool) if mask is None else mask.expand(B, H, T, S)
    rows = []
    for b in range(B):
        for h in range(H):
            scores = q[b, h] @ k[b, h * G // H].T / q.shape[-1] ** 0.5
            rows.append(torch.where(keep[b, h], scores, -torch.inf).softmax(-1) @ v[b, h * G // H])
    return torch.stack(rows).view(B, H, T, -1)


class NumpyAttention(torch.autograd.Function):
    """In NumPy, with the derivative by hand: gradients of k and v are summed over each group."""

    @staticmethod
    def forward(ctx, q, k, v, keep):
        G = k.shape[1]
        grouped = q.detach().numpy().reshape(q.shape[0], G, -1, *q.shape[2:])  # (B, G, r, T, K)
        k, v = k.detach().numpy()[:, :, None], v.detach().numpy()[:, :, None]  # (B, G, 1, S, K)
        scores = grouped @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1], dtype=k.dtype)
        scores[~keep.numpy().reshape(scores.shape)] = -np.inf
        e = np.exp(scores - scores.max(-1, keepdims=True))
        p = e / e.sum(-1, keepdims=True)
        ctx.arrays = grouped, k, v, p
        return torch.from_numpy(p @ v).reshape(q.shape)

    @staticmethod
    def backward(ctx, g):
        q, k, v, p = ctx.arrays
        g = g.numpy().reshape(q.shape)
        dp = g @ np.swapaxes(v, -1, -2)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
        dq = (ds @ k).reshape(q.shape[0], -1, *q.shape[3:])
        dk = (np.swapaxes(ds, -1, -2) @ q).sum(2)
        dv = (np.swapaxes(p, -1, -2) @ g).sum(2)
        return torch.from_numpy(dq), torch.from_numpy(dk), torch.from_numpy(dv), None


@replaces("grouped_attention")
def numpy_round_trip(q, k, v, mask=None):
    """NumPy inside a custom autograd Function"""
    B, H, T, _ = q.shape
    if H % k.shape[1]:
        raise ValueError("bad groups")
    keep = torch.ones(B, H, T, k.shape[2], dtype=torch.bool) if mask is None else mask.expand(B, H, T, -1)
    return NumpyAttention.apply(q, k, v, keep)


@replaces("attention_parameters")
def from_a_module(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """counts the numbers of matrices without memory"""
    width = head_dim or hidden_size // num_heads
    shapes = [(num_heads, hidden_size), (num_kv_heads, hidden_size)] * 2
    return sum(torch.empty(heads * width, D, device="meta").numel() for heads, D in shapes)


@replaces("attention_parameters")
def factored(hidden_size, num_heads, num_kv_heads, head_dim=None):
    """the formula 2 D K (H + G)"""
    if head_dim is None:
        head_dim, _ = divmod(hidden_size, num_heads)
    return 2 * hidden_size * head_dim * (num_heads + num_kv_heads)


@replaces("GroupedQueryAttention")
class ComplexNumbers(nn.Module):
    """rotation by complex numbers, F.scaled_dot_product_attention, an additive mask"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        if num_heads % num_kv_heads:
            raise ValueError("bad groups")
        K = head_dim or hidden_size // num_heads
        self.sizes = num_heads, num_kv_heads, K
        self.theta = rope_theta
        self.o_proj = nn.Linear(num_heads * K, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * K, bias=False)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * K, bias=False)
        self.q_proj = nn.Linear(hidden_size, num_heads * K, bias=False)

    def turn(self, x, start):
        K = x.shape[-1]
        rate = torch.tensor([self.theta ** (-2 * i / K) for i in range(K // 2)], dtype=torch.float64)
        angle = torch.outer(torch.arange(start, start + x.shape[2]).double(), rate)
        turned = torch.complex(*x.double().chunk(2, dim=-1)) * torch.exp(1j * angle)
        return torch.cat([turned.real, turned.imag], -1).to(x.dtype)

    def forward(self, x, cache=None):
        (B, T, _), (H, G, K) = x.shape, self.sizes
        old = cache["k"].size(2) if cache else 0
        q = self.turn(self.q_proj(x).view(B, T, H, K).transpose(1, 2), old)
        k = self.turn(self.k_proj(x).view(B, T, G, K).transpose(1, 2), old)
        v = self.v_proj(x).view(B, T, G, K).transpose(1, 2)
        if cache:
            k, v = torch.cat((cache["k"], k), 2), torch.cat((cache["v"], v), 2)
        mask = torch.full((T, old + T), -torch.inf, dtype=x.dtype).triu(old + 1)
        attended = F.scaled_dot_product_attention(
            q, k.repeat_interleave(H // G, 1), v.repeat_interleave(H // G, 1), attn_mask=mask
        )
        return self.o_proj(attended.transpose(1, 2).reshape(B, T, H * K)), {"v": v, "k": k}


@replaces("GroupedQueryAttention")
class TokenByToken(nn.Module):
    """each token on its own against the cache so far: no mask at all; rotation by cos and rotate_half, from a buffer"""

    def __init__(
        self, hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: Any = None, rope_theta: float = 1e4
    ):
        super().__init__()
        if num_heads % num_kv_heads:
            raise ValueError("bad groups")
        self.head_dim = hidden_size // num_heads if head_dim is None else head_dim
        self.q_proj = nn.Linear(hidden_size, num_heads * self.head_dim, False)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * self.head_dim, False)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * self.head_dim, False)
        self.o_proj = nn.Linear(num_heads * self.head_dim, hidden_size, False)
        exponents = torch.arange(0, self.head_dim, 2, dtype=torch.float64) / self.head_dim
        self.register_buffer("rates", torch.cat([rope_theta**-exponents] * 2))

    def forward(self, x, cache=None):
        B, T, _ = x.shape
        K = self.head_dim
        start = torch.zeros(B, self.k_proj.out_features // K, 0, K, dtype=x.dtype)
        k, v = (start, start) if cache is None else (cache["k"], cache["v"])
        outputs = []
        for t in range(T):
            angle = k.shape[2] * self.rates
            q, new = (f(x[:, t]).view(B, -1, K) for f in (self.q_proj, self.k_proj))
            q, new = (
                y * angle.cos().to(y) + torch.cat([-y[..., K // 2 :], y[..., : K // 2]], -1) * angle.sin().to(y)
                for y in (q, new)
            )
            k = torch.cat([k, new[:, :, None]], dim=2)
            v = torch.cat([v, self.v_proj(x[:, t]).view(B, -1, 1, K)], dim=2)
            q = q.view(B, k.shape[1], -1, K)  # (B, G, H/G, K)
            weights = torch.softmax(q @ k.transpose(2, 3) * K**-0.5, dim=-1)
            outputs.append(self.o_proj((weights @ v).reshape(B, -1)))
        return torch.stack(outputs, dim=1), {"k": k, "v": v}
