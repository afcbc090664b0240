"""Attention that looks back a fixed number of tokens."""

import math

import torch
from torch import Tensor


def layer_types(num_layers, period):
    return ["full_attention" if (i + 1) % period == 0 else "sliding_attention" for i in range(num_layers)]


def layout_cost(types, window, seq_len):
    full = types.count("full_attention")
    sliding = len(types) - full
    field = seq_len if full else min(seq_len, 1 + sliding * (window - 1))
    return {"cached_tokens": full * seq_len + sliding * min(window, seq_len), "receptive_field": field}


def window_attention(q, k, v, query_positions, key_positions, window=None, sinks=None):
    B, H, T, K = q.shape
    repeat = H // k.shape[1]
    k, v = k.repeat_interleave(repeat, dim=1), v.repeat_interleave(repeat, dim=1)
    m, n = query_positions[:, None], key_positions
    seen = (n >= 0) & (n <= m)
    if window is not None:
        seen &= m - n < window
    scores = (q @ k.mT / math.sqrt(K)).masked_fill(~seen, float("-inf"))
    if sinks is not None:
        scores = torch.cat([scores, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    weights = scores.softmax(-1)[..., : k.shape[2]]
    return weights @ v


def ring_append(cache, k_new, v_new, window):
    B, G, T, K = k_new.shape
    if cache is None:
        k, v = k_new.new_zeros(B, G, window, K), v_new.new_zeros(B, G, window, K)
        positions = torch.full((window,), -1)
    else:
        k, v, positions = cache["k"].clone(), cache["v"].clone(), cache["positions"].clone()
    start = int(positions.max()) + 1
    new = torch.arange(start, start + T)[-window:]
    slots = new % window
    k[:, :, slots] = k_new[:, :, -window:]
    v[:, :, slots] = v_new[:, :, -window:]
    positions[slots] = new
    return {"k": k, "v": v, "positions": positions}
