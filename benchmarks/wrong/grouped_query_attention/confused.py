# TRUE CAUSE: believes that the heads of a group are spread: query head h reads key/value head h mod G (0 1 0 1 ...)
# instead of floor(h G / H) (0 0 1 1 ...), and attends by that rule in grouped_attention. repeat_kv, which is
# specified by its own docstring, tiles the heads in the same way.
import torch
from torch import nn


def _rotate(x, positions, theta):
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def repeat_kv(x, n_rep):
    return torch.cat([x] * n_rep, dim=1)


def grouped_attention(q, k, v, mask=None):
    batch, n_query_heads, t, width = q.shape
    groups, s = k.shape[1], k.shape[2]
    per_group = n_query_heads // groups
    q = q.reshape(batch, per_group, groups, t, width)  # head = r * G + g
    scores = torch.einsum("brgtk,bgsk->brgts", q, k) * width**-0.5
    scores = scores.reshape(batch, n_query_heads, t, s)
    if mask is not None:
        scores = torch.where(mask, scores, float("-inf"))
    weights = torch.softmax(scores, dim=-1).reshape(batch, per_group, groups, t, s)
    out = torch.einsum("brgts,bgsk->brgtk", weights, v)
    return out.reshape(batch, n_query_heads, t, width)


def attention_parameters(hidden_size, num_heads, num_kv_heads, head_dim=None):
    width = head_dim or hidden_size // num_heads
    return hidden_size * width * (num_heads + num_kv_heads) * 2


class GroupedQueryAttention(nn.Module):
    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        self.head_dim = head_dim or hidden_size // num_heads
        self.rope_theta = rope_theta
        q_width, kv_width = num_heads * self.head_dim, num_kv_heads * self.head_dim
        self.q_proj = nn.Linear(hidden_size, q_width, bias=False)
        self.k_proj = nn.Linear(hidden_size, kv_width, bias=False)
        self.v_proj = nn.Linear(hidden_size, kv_width, bias=False)
        self.o_proj = nn.Linear(q_width, hidden_size, bias=False)

    def forward(self, x, cache=None):
        def heads(t):
            return t.unflatten(-1, (-1, self.head_dim)).permute(0, 2, 1, 3)

        q, k, v = heads(self.q_proj(x)), heads(self.k_proj(x)), heads(self.v_proj(x))
        start = cache["k"].size(-2) if cache else 0
        where = start + torch.arange(x.size(1))
        q = _rotate(q, where, self.rope_theta)
        k = _rotate(k, where, self.rope_theta)
        if cache:
            k, v = torch.cat((cache["k"], k), -2), torch.cat((cache["v"], v), -2)
        seen = torch.ones(x.size(1), k.size(-2)).tril(start).bool()
        out = grouped_attention(q, k, v, seen)
        return self.o_proj(out.permute(0, 2, 1, 3).flatten(2)), dict(k=k, v=v)
