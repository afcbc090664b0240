"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import OrderedDict

import numpy as np
import torch
from kv_cache import append_kv
from torch import Tensor, nn

from grader.testing import replaces


@replaces("append_kv")
def first_and_last(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """how many old entries remain, then views of those; copies"""
    T = k_new.size(2)
    if cache is None:
        cache = {"k": k_new[:, :, :0], "v": v_new[:, :, :0], "length": 0}
    total = cache["k"].size(2) + T
    drop = 0 if window is None else max(0, total - window)
    new = {}
    for name, added in (("k", k_new), ("v", v_new)):
        new[name] = torch.cat((cache[name], added), 2).narrow(2, drop, total - drop).clone()
    return {**new, "length": cache["length"] + T}


@replaces("append_kv")
def token_by_token(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """recursion over tokens; a list of entries; an OrderedDict"""
    ks = [] if cache is None else list(cache["k"].unbind(2))
    vs = [] if cache is None else list(cache["v"].unbind(2))
    length = 0 if cache is None else cache["length"]
    for k, v in zip(k_new.unbind(2), v_new.unbind(2), strict=True):
        ks.append(k)
        vs.append(v)
        length += 1
        while window is not None and len(ks) > window:
            ks.pop(0)
            vs.pop(0)
    return OrderedDict(length=length, v=torch.stack(vs, 2), k=torch.stack(ks, 2))


@replaces("append_kv")
def filled(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """both as one new tensor that is filled, then a view of it"""
    new = torch.stack([k_new, v_new])
    old = new[..., :0, :] if cache is None else torch.stack([cache["k"], cache["v"]])
    S, T = old.shape[-2], new.shape[-2]
    both = new.new_empty(*new.shape[:3], S + T, new.shape[-1])
    both[..., :S, :] = old
    both[..., S:, :] = new
    if window:
        both = both[..., max(0, S + T - window) :, :]
    return {"k": both[0], "v": both[1], "length": T if cache is None else T + cache["length"]}


@replaces("append_kv")
def gathered(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """a list of indices, computed by NumPy"""
    if cache is None:
        old, length = 0, 0
        k, v = k_new, v_new
    else:
        old, length = cache["k"].shape[2], cache["length"]
        k, v = torch.cat([cache["k"], k_new], -2), torch.cat([cache["v"], v_new], -2)
    rows = np.arange(old + k_new.shape[2])
    rows = torch.from_numpy(rows if window is None else rows[-window:].copy())
    return {"k": k.index_select(2, rows), "v": v.index_select(2, rows), "length": length + k_new.shape[2]}


def checked(D: int, H: int) -> int:
    K, rest = divmod(D, H)
    if rest or K % 2:
        raise ValueError("bad heads")
    return K


@replaces("CachedAttention")
class ComplexNumbers(nn.Module):
    """fused projections, complex rotation, an additive mask, softmax by hand"""

    def __init__(self, hidden_size, num_heads, rope_theta=10000.0, window=None):
        super().__init__()
        K = checked(hidden_size, num_heads)
        self.shape, self.window = (num_heads, K), math.inf if window is None else window
        self.o_proj, self.v_proj, self.k_proj, self.q_proj = (
            nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(4)
        )
        self.theta = torch.exp(torch.arange(0, K, 2).double() * (-math.log(rope_theta) / K))

    def forward(self, x, cache=None):
        B, T, D = x.shape
        W = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        q, k, v = (x @ W.T).view(B, T, 3, *self.shape).permute(2, 0, 3, 1, 4)
        before = 0 if cache is None else cache["length"]
        where = torch.arange(before, before + T)
        turn = torch.outer(where.double(), self.theta)
        turn = torch.polar(torch.ones_like(turn), turn)
        q, k = self.turn(q, turn), self.turn(k, turn)
        old = [] if cache is None else [(cache["k"], cache["v"])]
        keys = torch.cat([*(pair[0] for pair in old), k], dim=2)
        values = torch.cat([*(pair[1] for pair in old), v], dim=2)
        place = torch.arange(before + T - keys.shape[2], before + T)
        distance = where.unsqueeze(1) - place.unsqueeze(0)
        mask = torch.zeros(distance.shape, dtype=x.dtype)
        mask[(distance < 0) | (distance >= self.window)] = -math.inf
        weights = torch.softmax(q @ keys.mT / math.sqrt(q.shape[-1]) + mask, dim=-1)
        y = (weights @ values).permute(0, 2, 1, 3).reshape(B, T, D) @ self.o_proj.weight.T
        first = max(0, keys.shape[2] - self.window)
        return [y, {"k": keys[:, :, first:], "v": values[:, :, first:], "length": before + T}]

    @staticmethod
    def turn(y, turn):
        a, b = y.double().chunk(2, dim=-1)
        z = torch.complex(a, b) * turn
        return torch.cat([z.real, z.imag], dim=-1).to(y.dtype)


@replaces("CachedAttention")
class OneTokenAtATime(nn.Module):
    """a piece is fed token by token, each with the cache of the one before; no mask at all"""

    def __init__(self, hidden_size, num_heads, rope_theta=10000.0, window=None):
        super().__init__()
        self.K = checked(hidden_size, num_heads)
        self.base, self.window = rope_theta, window
        for name in "qkvo":
            self.add_module(f"{name}_proj", nn.Linear(hidden_size, hidden_size, bias=False))

    def turned(self, y, position):
        out = torch.zeros_like(y)
        half = self.K // 2
        for i in range(half):
            c, s = (f(position * self.base ** (-2 * i / self.K)) for f in (math.cos, math.sin))
            out[..., i] = y[..., i] * c - y[..., half + i] * s
            out[..., half + i] = y[..., half + i] * c + y[..., i] * s
        return out

    def forward(self, x, cache=None):
        rows = []
        for token in x.unbind(1):
            q, k, v = (w(token).view(len(x), -1, 1, self.K) for w in (self.q_proj, self.k_proj, self.v_proj))
            position = cache["length"] if cache is not None else 0
            cache = append_kv(cache, self.turned(k, position), v, self.window)
            scores = torch.einsum("bhtk,bhsk->bhts", self.turned(q, position), cache["k"]) / self.K**0.5
            head = torch.einsum("bhts,bhsk->bhtk", scores.softmax(-1), cache["v"])
            rows.append(self.o_proj(head.flatten(1)))
        return torch.stack(rows, dim=1), cache


@replaces("CachedAttention")
class AsInTransformers(nn.Module):
    """rotate_half, angles in a buffer that is not saved, masked_fill on the scores"""

    def __init__(self, hidden_size, num_heads, rope_theta=10000.0, window=None):
        super().__init__()
        self.head_dim, self.sliding_window = checked(hidden_size, num_heads), window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        inv_freq = 1.0 / rope_theta ** (torch.arange(0, self.head_dim, 2).double() / self.head_dim)
        self.register_buffer("inv_freq", inv_freq, persistent=False)

    def forward(self, x, cache=None):
        shape = (*x.shape[:-1], -1, self.head_dim)
        q = self.q_proj(x).view(shape).transpose(1, 2)
        k = self.k_proj(x).view(shape).transpose(1, 2)
        v = self.v_proj(x).view(shape).transpose(1, 2)
        position_ids = torch.arange(x.shape[1])
        if cache is not None:
            position_ids = position_ids + cache["length"]
        freqs = position_ids[:, None].double() * self.inv_freq.double()
        emb = torch.cat((freqs, freqs), dim=-1)
        cos, sin = emb.cos().to(x.dtype), emb.sin().to(x.dtype)
        q, k = (
            y * cos + torch.cat([-y[..., y.shape[-1] // 2 :], y[..., : y.shape[-1] // 2]], -1) * sin for y in (q, k)
        )
        whole = append_kv(cache, k, v, None)
        T, S = x.shape[1], whole["k"].shape[2]
        blocked = torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)
        if self.sliding_window is not None:
            blocked |= torch.ones(T, S, dtype=torch.bool).tril(S - T - self.sliding_window)
        scores = (q @ whole["k"].transpose(-1, -2)) * self.head_dim**-0.5
        weights = scores.masked_fill(blocked, float("-inf")).softmax(-1)
        out = self.o_proj((weights @ whole["v"]).transpose(1, 2).reshape(x.shape))
        return out, append_kv(cache, k, v, self.sliding_window)
