"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import Counter
from itertools import cycle, islice

import numpy as np
import torch
import torch.nn.functional as F

from grader.testing import replaces


@replaces("layer_types")
def by_cycle(num_layers, period):
    """one pattern, repeated without end and cut off"""
    pattern = ["sliding_attention"] * (period - 1) + ["full_attention"]
    return list(islice(cycle(pattern), num_layers))


@replaces("layer_types")
def as_in_transformers(num_layers, period):
    """a tuple; bool as the index of a pair"""
    names = "full_attention", "sliding_attention"
    return tuple(names[bool((i + 1) % period)] for i in range(num_layers))


@replaces("layout_cost")
def layer_by_layer(types, window, seq_len):
    """the oldest token that is seen, from the last layer down"""
    cached, oldest = 0, seq_len - 1
    for kind in reversed(types):
        if kind == "full_attention":
            oldest, kept = 0, seq_len
        else:
            oldest, kept = max(0, oldest - (window - 1)), min(window, seq_len)
        cached += kept
    return dict(receptive_field=seq_len - oldest, cached_tokens=cached)  # noqa: C408 - a style too


@replaces("layout_cost")
def by_counter(types, window, seq_len):
    """a Counter"""
    number = Counter(types)
    kept = {"sliding_attention": min(window, seq_len), "full_attention": seq_len}
    field = min(seq_len, number["sliding_attention"] * (window - 1) + 1)
    return Counter(
        cached_tokens=sum(kept[kind] * count for kind, count in number.items()),
        receptive_field=field if not number["full_attention"] else seq_len,
    )


@replaces("window_attention")
def by_sigmoid(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """F.scaled_dot_product_attention, then times sigmoid(lse - z)"""
    (B, H, _, K), G = q.shape, k.shape[1]
    k = k[:, :, None].expand(-1, -1, H // G, -1, -1).reshape(B, H, -1, K)
    v = v[:, :, None].expand(-1, -1, H // G, -1, -1).reshape(B, H, -1, K)
    distance = query_positions.unsqueeze(1) - key_positions.unsqueeze(0)
    keep = (distance >= 0) & (key_positions >= 0) & (distance < (math.inf if window is None else window))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
    if sinks is None:
        return out
    lse = torch.where(keep, q @ k.mT / math.sqrt(K), -torch.inf).logsumexp(-1)
    return out * torch.sigmoid(lse - sinks[:, None])[..., None]


@replaces("window_attention")
def key_without_value(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """one key more, of zeros, and its value of zeros; grouped by einsum; in float64"""
    (B, H, T, K), G = q.shape, k.shape[1]
    dtype, neg = q.dtype, torch.tensor(-torch.inf, dtype=torch.float64)
    q = q.double().reshape(B, G, H // G, T, K)
    scores = torch.einsum("bgrtk,bgsk->bgrts", q, k.double()) / K**0.5
    m, n = torch.meshgrid(query_positions, key_positions, indexing="ij")
    scores = torch.where((n < 0) | (n > m), neg, scores)
    if window is not None:
        scores = torch.where(m - n >= window, neg, scores)
    extra = neg.expand(H) if sinks is None else sinks.double()
    scores = torch.cat([extra.view(1, G, H // G, 1, 1).expand(B, -1, -1, T, 1), scores], dim=-1)
    v = F.pad(v.double(), (0, 0, 1, 0))
    return torch.einsum("bgrts,bgsk->bgrtk", scores.softmax(-1), v).reshape(B, H, T, K).to(dtype)


@replaces("window_attention")
def query_by_query(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """each query picks its keys; the exponential by hand; the result is not contiguous"""
    H, G = q.shape[1], k.shape[1]
    own = torch.arange(H) * G // H
    rows = []
    for i, m in enumerate(query_positions):
        seen = (key_positions >= 0) & (key_positions <= m)
        if window is not None:
            seen &= key_positions > m - window
        places = seen.nonzero()[:, 0]
        scores = torch.einsum("bhk,bhsk->bhs", q[:, :, i], k[:, own][:, :, places]) * q.shape[-1] ** -0.5
        top = scores.amax(-1, keepdim=True)
        if sinks is not None:
            top = torch.maximum(top, sinks[:, None])
        e = (scores - top.detach()).exp()
        total = e.sum(-1, keepdim=True)
        if sinks is not None:
            total = total + (sinks[:, None] - top.detach()).exp()
        rows.append(torch.einsum("bhs,bhsk->bhk", e / total, v[:, own][:, :, places]))
    return torch.stack(rows, dim=-2)


@replaces("window_attention")
def keys_in_order_first(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """keys sorted and empty slots thrown away; heads in a loop; log-weights"""
    order = key_positions.argsort()
    order = order[key_positions[order] >= 0]
    n = key_positions[order]
    H, G = q.shape[1], k.shape[1]
    bias = torch.zeros(len(query_positions), len(n), dtype=q.dtype)
    bias[query_positions[:, None] < n] = -torch.inf
    if window is not None:
        bias[query_positions[:, None] >= n + window] = -torch.inf
    heads = []
    for h in range(H):
        g = h // (H // G)
        scores = q[:, h] @ k[:, g, order].transpose(1, 2) / math.sqrt(q.shape[-1]) + bias
        below = scores.logsumexp(-1, keepdim=True)
        if sinks is not None:
            below = torch.logaddexp(below, sinks[h])
        heads.append((scores - below).exp() @ v[:, g, order])
    return torch.stack(heads, 1)


@replaces("ring_append")
def token_by_token(cache, k_new, v_new, window):
    """each token is written, and overwritten where the piece is long"""
    B, G, T, K = k_new.shape
    if cache is None:
        k, v = k_new.new_zeros(B, G, window, K), v_new.new_zeros(B, G, window, K)
        positions = [-1] * window
    else:
        k, v, positions = cache["k"].clone(), cache["v"].clone(), cache["positions"].tolist()
    for t in range(T):
        m = max(positions) + 1
        k[:, :, m % window], v[:, :, m % window], positions[m % window] = k_new[:, :, t], v_new[:, :, t], m
    return {"positions": torch.tensor(positions), "v": v, "k": k}


@replaces("ring_append")
def gathered(cache, k_new, v_new, window):
    """where each slot's token comes from; nothing is written"""
    B, G, T, K = k_new.shape
    start = 0 if cache is None else cache["positions"].max().item() + 1
    last = start + T - 1
    slots = torch.arange(window)
    position = last - (last - slots) % window  # the newest token of this slot, if there is one
    position = torch.where(position < 0, -1, position)
    ring = {"positions": position}
    for name, new in (("k", k_new), ("v", v_new)):
        old = torch.zeros(B, G, window, K, dtype=new.dtype) if cache is None else cache[name]
        both = torch.cat([old, new], dim=2)
        ring[name] = both[:, :, torch.where(position >= start, window + position - start, slots)]
    return ring


@replaces("ring_append")
def in_numpy(cache, k_new, v_new, window):
    """arrays of NumPy, rolled so that the oldest comes first, and back"""
    T = k_new.shape[2]
    if cache is None:
        start = 0
        shape = (*k_new.shape[:2], window, k_new.shape[3])
        k, v = np.zeros(shape, k_new.detach().numpy().dtype), np.zeros(shape, v_new.detach().numpy().dtype)
        positions = np.full(window, -1, np.int64)
    else:
        k, v, positions = (cache[name].detach().numpy() for name in ("k", "v", "positions"))
        start = int(positions.max()) + 1
    shift = start % window
    k, v, positions = np.roll(k, -shift, 2), np.roll(v, -shift, 2), np.roll(positions, -shift)
    k = np.concatenate([k, k_new.detach().numpy()], 2)[:, :, -window:]
    v = np.concatenate([v, v_new.detach().numpy()], 2)[:, :, -window:]
    positions = np.concatenate([positions, np.arange(start, start + T)])[-window:]
    shift = (start + T) % window
    k, v, positions = np.roll(k, shift, 2), np.roll(v, shift, 2), np.roll(positions, shift)
    return {"k": torch.from_numpy(k), "v": torch.from_numpy(v), "positions": torch.from_numpy(positions)}
