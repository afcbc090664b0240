# TRUE CAUSE: caches the keys as they come from the projection and turns all of them at every step by their place in
# the cache (0 ... S - 1), and the queries by their place counted the same way. Keys have to be turned once, when they
# are made, by their position in the text, and stored turned. (Outputs are the same as long as positions only
# shift; the cache that is returned holds other keys.)
import torch
from torch import nn


def _rotate(x, positions, theta):
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def append_kv(cache, k_new, v_new, window=None):
    seen = k_new.shape[-2]
    if cache is not None:
        seen += cache["length"]
        k_new = torch.cat((cache["k"], k_new), -2)
        v_new = torch.cat((cache["v"], v_new), -2)
    first = 0 if window is None else max(0, k_new.shape[-2] - window)
    return dict(k=k_new[..., first:, :], v=v_new[..., first:, :], length=seen)


class CachedAttention(nn.Module):
    def __init__(self, hidden_size, num_heads, rope_theta=10000.0, window=None):
        super().__init__()
        self.heads = num_heads
        self.rope_theta = rope_theta
        self.window = window
        for name in ("q", "k", "v", "o"):
            setattr(self, name + "_proj", nn.Linear(hidden_size, hidden_size, bias=False))

    def forward(self, x, cache=None):
        q = self.q_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k = self.k_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        v = self.v_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        full = append_kv(cache, k, v)
        n_keys, n_new = full["k"].shape[2], x.shape[1]
        key_places = torch.arange(n_keys)
        query_places = key_places[n_keys - n_new :]
        turned_k = _rotate(full["k"], key_places, self.rope_theta)
        turned_q = _rotate(q, query_places, self.rope_theta)
        distance = query_places[:, None] - key_places[None, :]
        hidden = distance < 0
        if self.window is not None:
            hidden = hidden | (distance >= self.window)
        scores = turned_q @ turned_k.transpose(2, 3) / q.shape[-1] ** 0.5
        weights = scores.masked_fill(hidden, -torch.inf).softmax(dim=3)
        y = self.o_proj((weights @ full["v"]).transpose(1, 2).flatten(2))
        return y, append_kv(cache, k, v, self.window)
