import math
from collections import OrderedDict
from typing import TypedDict

import torch
import torch.nn.functional as F
from base import _rotate, append_kv
from torch import nn

from grader.testing import replaces


# ---------------------------------------------------------------- append_kv
@replaces("append_kv")
def app_narrow(cache, k_new, v_new, window=None):
    """narrow after cat"""
    if cache is None:
        k, v, seen = k_new, v_new, 0
    else:
        k, v, seen = torch.cat((cache["k"], k_new), 2), torch.cat((cache["v"], v_new), 2), cache["length"]
    keep = k.shape[2] if window is None else min(window, k.shape[2])
    return dict(k=k.narrow(2, k.shape[2] - keep, keep), v=v.narrow(2, v.shape[2] - keep, keep), length=seen + k_new.shape[2])


@replaces("append_kv")
def app_clone(cache, k_new, v_new, window=None):
    """nothing is shared"""
    old_k = k_new[:, :, :0] if cache is None else cache["k"]
    old_v = v_new[:, :, :0] if cache is None else cache["v"]
    length = (0 if cache is None else cache["length"]) + k_new.size(2)
    k, v = torch.cat([old_k, k_new], dim=-2), torch.cat([old_v, v_new], dim=-2)
    if window:
        k, v = k[..., -window:, :].clone(), v[..., -window:, :].clone()
    return {"k": k, "v": v, "length": length}


@replaces("append_kv")
def app_cut_first(cache, k_new, v_new, window=None):
    """cuts before it joins"""
    T = k_new.shape[2]
    out = {"length": T + (cache["length"] if cache else 0)}
    for name, new in (("k", k_new), ("v", v_new)):
        if window is not None and T >= window:
            out[name] = new[:, :, T - window :]
        elif cache is None:
            out[name] = new
        else:
            old = cache[name]
            if window is not None:
                old = old[:, :, max(0, old.shape[2] - (window - T)) :]
            out[name] = torch.cat([old, new], dim=2)
    return out


@replaces("append_kv")
def app_one_by_one(cache, k_new, v_new, window=None):
    """a list of entries, token by token"""
    ks = [] if cache is None else list(cache["k"].unbind(2))
    vs = [] if cache is None else list(cache["v"].unbind(2))
    length = 0 if cache is None else cache["length"]
    for t in range(k_new.shape[2]):
        ks.append(k_new[:, :, t])
        vs.append(v_new[:, :, t])
        length += 1
        if window is not None and len(ks) > window:
            ks, vs = ks[-window:], vs[-window:]
    return {"k": torch.stack(ks, 2), "v": torch.stack(vs, 2), "length": length}


@replaces("append_kv")
def app_stacked(cache, k_new, v_new, window=None):
    """keys and values in one tensor; the results are views of it"""
    new = torch.stack([k_new, v_new])
    length = new.shape[3]
    if cache is not None:
        new = torch.cat([torch.stack([cache["k"], cache["v"]]), new], dim=3)
        length = cache["length"] + length
    if window is not None:
        new = new[:, :, :, -window:]
    return {"k": new[0], "v": new[1], "length": length}


@replaces("append_kv")
def app_fill(cache, k_new, v_new, window=None):
    """writes into new tensors"""
    S, T = (0 if cache is None else cache["k"].shape[2]), k_new.shape[2]

    def join(old, new):
        out = new.new_empty(*new.shape[:2], S + T, new.shape[3])
        if S:
            out[:, :, :S] = old
        out[:, :, S:] = new
        return out if window is None else out[:, :, max(S + T - window, 0) :]

    return {
        "k": join(cache and cache["k"], k_new),
        "v": join(cache and cache["v"], v_new),
        "length": T if cache is None else int(cache["length"]) + T,
    }


@replaces("append_kv")
def app_gather(cache, k_new, v_new, window=None):
    """index_select of the last entries"""
    if cache is None:
        cache = {"k": k_new.narrow(2, 0, 0), "v": v_new.narrow(2, 0, 0), "length": 0}
    k, v = torch.cat([cache["k"], k_new], 2), torch.cat([cache["v"], v_new], 2)
    n = k.shape[2]
    index = torch.arange(max(0, n - (window or n)), n)
    return {"length": cache["length"] + k_new.shape[2], "v": v.index_select(2, index), "k": k.index_select(2, index)}


@replaces("append_kv")
def app_pad(cache, k_new, v_new, window=None):
    """pads the new entries in front, negative padding cuts"""
    if cache is not None:
        S, T = cache["k"].size(2), k_new.size(2)
        k = F.pad(cache["k"], (0, 0, 0, T)) + F.pad(k_new, (0, 0, S, 0))
        v = F.pad(cache["v"], (0, 0, 0, T)) + F.pad(v_new, (0, 0, S, 0))
    else:
        k, v = k_new, v_new
    length = k_new.size(2) + (cache["length"] if cache is not None else 0)
    if window is not None and k.size(2) > window:
        cut = window - k.size(2)
        k, v = F.pad(k, (0, 0, cut, 0)), F.pad(v, (0, 0, cut, 0))
    return {"k": k, "v": v, "length": length}


class KV(TypedDict):
    k: torch.Tensor
    v: torch.Tensor
    length: int


class Cache(dict):
    """a dict with attributes"""

    __getattr__ = dict.__getitem__


@replaces("append_kv")
def app_subclass(cache, k_new, v_new, window=None):
    """a subclass of dict"""
    last = slice(None) if window is None else slice(-window, None)
    joined = {n: torch.cat(([] if cache is None else [cache[n]]) + [t], 2)[:, :, last] for n, t in (("k", k_new), ("v", v_new))}
    return Cache(joined, length=k_new.shape[2] + (cache["length"] if cache is not None else 0))


@replaces("append_kv")
def app_transposed(cache, k_new, v_new, window=None):
    """tokens first: results are not contiguous"""
    parts = [(k_new, v_new)] if cache is None else [(cache["k"], cache["v"]), (k_new, v_new)]
    k, v = (torch.cat([t.movedim(2, 0) for t in ts]) for ts in zip(*parts))
    if window is not None:
        k, v = k[-window:], v[-window:]
    return KV(k=k.movedim(0, 2), v=v.movedim(0, 2), length=k_new.shape[2] + (cache["length"] if cache else 0))


@replaces("append_kv")
def app_split(cache, k_new, v_new, window=None):
    """split and an OrderedDict"""
    length = k_new.shape[2]
    k, v = k_new, v_new
    if cache is not None:
        length += cache["length"]
        k, v = (torch.concat([cache[n], t], dim=2) for n, t in (("k", k), ("v", v)))
    if window is not None and k.shape[2] > window:
        sizes = [k.shape[2] - window, window]
        k, v = k.split(sizes, dim=2)[1], v.split(sizes, dim=2)[1]
    return OrderedDict([("k", k), ("v", v), ("length", length)])


@replaces("append_kv")
def app_roll(cache, k_new, v_new, window=None):
    """dict union; the window by a loop that drops the oldest"""
    out = {"k": k_new, "v": v_new, "length": k_new.shape[-2]}
    if cache is not None:
        out |= {n: torch.hstack([cache[n].transpose(1, 2), out[n].transpose(1, 2)]).transpose(1, 2) for n in "kv"}
        out["length"] += cache["length"]
    while window is not None and out["k"].shape[2] > window:
        out |= {n: out[n][:, :, 1:] for n in "kv"}
    return out


# ---------------------------------------------------------------- CachedAttention
class Projections(nn.Module):
    """the four matrices"""

    def __init__(self, hidden_size, num_heads, rope_theta=10000.0, window=None):
        super().__init__()
        self.hidden_size, self.num_heads, self.rope_theta, self.window = hidden_size, num_heads, rope_theta, window
        self.head_dim = hidden_size // num_heads
        for name in ("o_proj", "v_proj", "k_proj", "q_proj"):
            self.add_module(name, nn.Linear(hidden_size, hidden_size, bias=False))

    def heads(self, x):
        return [p(x).unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)]


@replaces("CachedAttention")
class AttnByHand(Projections):
    """mask by -inf, softmax and matmul; the window is cut after"""

    def forward(self, x, cache=None):
        B, T, D = x.shape
        q, k, v = self.heads(x)
        past = cache["length"] if cache is not None else 0
        where = past + torch.arange(T)
        q = _rotate(q, where, self.rope_theta)
        new = append_kv(cache, _rotate(k, where, self.rope_theta), v)
        S = new["k"].shape[2]
        distance = where[:, None] - (past + T - S + torch.arange(S))
        hidden = distance < 0
        if self.window is not None:
            hidden = hidden | (distance >= self.window)
        scores = (q @ new["k"].mT / math.sqrt(self.head_dim)).masked_fill(hidden, -math.inf)
        y = self.o_proj((scores.softmax(-1) @ new["v"]).transpose(1, 2).flatten(2))
        if self.window is not None:
            new = {"k": new["k"][:, :, -self.window :], "v": new["v"][:, :, -self.window :], "length": new["length"]}
        return y, new


@replaces("CachedAttention")
class AttnTokens(Projections):
    """token by token through the cache: each sees what append_kv with the window leaves"""

    def forward(self, x, cache=None):
        q, k, v = self.heads(x)
        outs = []
        for t in range(x.shape[1]):
            at = torch.tensor([cache["length"] if cache else 0])
            qt = _rotate(q[:, :, t : t + 1], at, self.rope_theta)
            cache = append_kv(cache, _rotate(k[:, :, t : t + 1], at, self.rope_theta), v[:, :, t : t + 1], self.window)
            keys, values = cache["k"], cache["v"]
            if self.window is not None:
                keys, values = keys[:, :, -self.window :], values[:, :, -self.window :]
            outs.append(F.scaled_dot_product_attention(qt, keys, values))
        return self.o_proj(torch.cat(outs, dim=2).transpose(1, 2).reshape(x.shape)), cache


@replaces("CachedAttention")
class AttnHeads(nn.Module):
    """a loop over heads, bare weights, additive mask, complex rotation"""

    def __init__(self, hidden_size: int, num_heads: int, rope_theta: float = 10000.0, window: int | None = None):
        super().__init__()
        if hidden_size % (2 * num_heads):
            raise ValueError("even heads are needed")

        class Matrix(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.empty(hidden_size, hidden_size))
                nn.init.normal_(self.weight, std=hidden_size**-0.5)

        self.q_proj, self.k_proj, self.v_proj, self.o_proj = Matrix(), Matrix(), Matrix(), Matrix()
        self.h, self.theta, self.w = num_heads, float(rope_theta), window

    def turn(self, x, start):
        T, K = x.shape[-2:]
        freq = self.theta ** (-2 * torch.arange(K // 2, dtype=torch.float64) / K)
        z = torch.polar(torch.ones(T, K // 2, dtype=torch.float64), torch.outer(torch.arange(start, start + T).double(), freq))
        a, b = x.double().chunk(2, -1)
        z = torch.complex(a, b) * z
        return torch.cat([z.real, z.imag], -1).to(x.dtype)

    def forward(self, x, cache=None):
        T, D = x.shape[1:]
        K = D // self.h
        start = 0 if cache is None else cache["length"]
        queries, keys, values = [], [], []
        for h in range(self.h):
            rows = slice(h * K, h * K + K)
            queries.append(self.turn(x @ self.q_proj.weight[rows].T, start))
            keys.append(self.turn(x @ self.k_proj.weight[rows].T, start))
            values.append(x @ self.v_proj.weight[rows].T)
        everything = append_kv(cache, torch.stack(keys, 1), torch.stack(values, 1), None)
        S = everything["k"].shape[2]
        m = torch.arange(T)[:, None] + (S - T)
        n = torch.arange(S)[None]
        seen = n <= m if self.w is None else (n <= m) & (n > m - self.w)
        bias = torch.zeros(T, S, dtype=x.dtype).masked_fill(~seen, float("-inf"))
        y = 0
        for h, q in enumerate(queries):
            w = torch.softmax(q @ everything["k"][:, h].mT * K**-0.5 + bias, dim=-1)
            y = y + (w @ everything["v"][:, h]) @ self.o_proj.weight[:, h * K : (h + 1) * K].T
        if self.w is not None:
            everything = {n: t if n == "length" else t[:, :, -self.w :] for n, t in everything.items()}
        return y, everything


@replaces("CachedAttention")
class AttnEinsum(Projections):
    """einsum on (B, T, H, K), one product for q, k and v; own joining of the cache; tril and triu"""

    def forward(self, x, cache=None):
        T = x.shape[1]
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        q, k, v = (x @ weight.T).unflatten(-1, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        length = 0 if cache is None else cache["length"]
        positions = torch.arange(length, length + T)
        q, k = _rotate(torch.stack([q, k]), positions, self.rope_theta)
        if cache is not None:
            k, v = torch.cat([cache["k"], k], 2), torch.cat([cache["v"], v], 2)
        S = k.shape[2]
        seen = torch.ones(T, S, dtype=torch.bool).tril(S - T)
        if self.window is not None:
            seen = seen.triu(S - T - self.window + 1)
        scores = torch.einsum("bhik,bhjk->bhij", q, k) / self.head_dim**0.5
        w = torch.where(seen, scores, torch.finfo(x.dtype).min).softmax(-1)
        y = torch.einsum("bhij,bhjk->bihk", w, v).flatten(2) @ self.o_proj.weight.T
        if self.window is not None:
            k, v = k[:, :, -self.window :], v[:, :, -self.window :]
        return y, {"length": length + T, "k": k, "v": v}


@replaces("CachedAttention")
class AttnQueries(Projections):
    """each query with its own slice of the keys; no mask at all"""

    def forward(self, x, cache=None):
        B, T, D = x.shape
        q, k, v = self.heads(x)
        start = 0 if cache is None else cache["length"]
        at = torch.arange(T) + start
        q, k = _rotate(q, at, self.rope_theta), _rotate(k, at, self.rope_theta)
        full = append_kv(cache, k, v)
        S = full["length"] and full["k"].shape[2]
        rows = []
        for t in range(T):
            end = S - T + t + 1
            first = 0 if self.window is None else max(0, end - self.window)
            keys, values = full["k"][:, :, first:end], full["v"][:, :, first:end]
            s = (q[:, :, t, None] * keys).sum(-1) / math.sqrt(self.head_dim)
            rows.append((s.softmax(-1)[..., None] * values).sum(2).reshape(B, D))
        return self.o_proj(torch.stack(rows, 1)), append_kv(cache, k, v, window=self.window)


@replaces("CachedAttention")
class AttnCutFirst(Projections):
    """drops keys that no query sees before it computes; frequencies from a buffer of whole numbers"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("pairs", torch.arange(self.head_dim // 2), persistent=False)

    def rope(self, t, positions):
        freq = torch.exp(self.pairs.double() * (-2 / self.head_dim) * math.log(self.rope_theta))
        angles = (positions.double()[:, None] * freq).repeat(1, 2)
        a, b = t.tensor_split(2, dim=-1)
        return t * angles.cos().to(t.dtype) + torch.cat([-b, a], -1) * angles.sin().to(t.dtype)

    def forward(self, x, cache=None):
        T = x.shape[1]
        start = cache["length"] if cache else 0
        q, k, v = self.heads(x)
        q, k = (self.rope(t, torch.arange(start, start + T)) for t in (q, k))
        keep = None if self.window is None else self.window + T - 1
        seen = append_kv(cache, k, v, keep)
        S = seen["k"].shape[2]
        n, m = torch.arange(start + T - S, start + T), torch.arange(start, start + T).unsqueeze(1)
        mask = (n <= m) & (n > m - (self.window or start + T + 1))
        out = F.scaled_dot_product_attention(q.contiguous(), seen["k"].contiguous(), seen["v"].contiguous(), attn_mask=mask, scale=1 / math.sqrt(self.head_dim))
        y = F.linear(out.permute(0, 2, 1, 3).reshape(x.shape), self.o_proj.weight)
        return y, append_kv(seen, k[:, :, :0], v[:, :, :0], self.window)


@replaces("CachedAttention")
class AttnBlocks(Projections):
    """queries in blocks of two, keys with an online softmax over the old entries and the new ones"""

    def forward(self, x, cache=None):
        B, T, D = x.shape
        q, k, v = self.heads(x)
        start = cache["length"] if cache is not None else 0
        pos = torch.arange(start, start + T)
        q, k = _rotate(q, pos, self.rope_theta) / math.sqrt(self.head_dim), _rotate(k, pos, self.rope_theta)
        parts = [(k, v, pos)]
        if cache is not None:
            S = cache["k"].shape[2]
            parts.append((cache["k"], cache["v"], torch.arange(start - S, start)))
        num, den = torch.zeros_like(q), torch.zeros_like(q[..., :1])
        top = torch.full_like(q[..., :1], -math.inf)
        for keys, values, n in parts:
            if keys.shape[2] == 0:
                continue
            seen = n <= pos[:, None]
            if self.window is not None:
                seen = seen & (n > pos[:, None] - self.window)
            s = (q @ keys.mT).masked_fill(~seen, -math.inf)
            new = torch.maximum(top, s.detach().amax(-1, keepdim=True))
            e, scale = torch.exp(s - new), torch.exp(top - new)
            num, den, top = num * scale + e @ values, den * scale + e.sum(-1, keepdim=True), new
        y = self.o_proj((num / den).transpose(1, 2).reshape(B, T, D))
        return y, append_kv(cache, k, v, self.window)
