import math
from collections import Counter
from itertools import cycle, islice

import numpy as np
import torch
import torch.nn.functional as F

from grader.testing import replaces

FULL, SLIDING = "full_attention", "sliding_attention"


# ---------------------------------------------------------------- layer_types
@replaces("layer_types")
def lt_slice(num_layers, period):
    """slice assignment"""
    types = [SLIDING] * num_layers
    types[period - 1 :: period] = [FULL] * len(range(period - 1, num_layers, period))
    return types


@replaces("layer_types")
def lt_cycle(num_layers, period):
    """a cycle"""
    return list(islice(cycle([SLIDING] * (period - 1) + [FULL]), num_layers))


@replaces("layer_types")
def lt_loop(num_layers, period):
    """counts down"""
    types, left = [], period
    for _ in range(num_layers):
        left -= 1
        if left == 0:
            types.append("full_attention")
            left = period
        else:
            types.append("sliding_attention")
    return types


@replaces("layer_types")
def lt_index(num_layers, period):
    """one-based, indexed by a bool"""
    return [(FULL, SLIDING)[bool(i % period)] for i in range(1, num_layers + 1)]


@replaces("layer_types")
def lt_repeat(num_layers, period):
    """groups, cut"""
    group = [SLIDING] * (period - 1) + [FULL]
    return (group * (num_layers // period + 1))[:num_layers]


@replaces("layer_types")
def lt_set(num_layers, period):
    """a set of the full ones"""
    full = set(range(period, num_layers + 1, period))
    return [FULL if i in full else SLIDING for i in range(1, num_layers + 1)]


@replaces("layer_types")
def lt_divide(num_layers, period):
    """a layer is full where the quotient grows"""
    return ["full_attention" if (i + 1) // period > i // period else "sliding_attention" for i in range(num_layers)]


@replaces("layer_types")
def lt_format(num_layers, period):
    """texts put together"""

    def kind(i):
        return "full" if i % period == period - 1 else "sliding"

    return [f"{kind(i)}_attention" for i in range(num_layers)]


# ---------------------------------------------------------------- layout_cost
@replaces("layout_cost")
def lc_loop(types, window, seq_len):
    """layer by layer"""
    kept, field = 0, 1
    for kind in types:
        if kind == FULL:
            kept += seq_len
            field = seq_len
        else:
            kept += min(window, seq_len)
            field = min(seq_len, field + window - 1)
    return {"cached_tokens": kept, "receptive_field": field}


@replaces("layout_cost")
def lc_sum(types, window, seq_len):
    """sums"""
    kept = sum(seq_len if t == "full_attention" else min(window, seq_len) for t in types)
    reach = sum(seq_len if t == "full_attention" else window - 1 for t in types)
    return dict(cached_tokens=kept, receptive_field=min(reach + 1, seq_len))


@replaces("layout_cost")
def lc_counter(types, window, seq_len):
    """a Counter"""
    count = Counter(types)
    kept = count[FULL] * seq_len + count[SLIDING] * min(seq_len, window)
    field = seq_len if FULL in count else min(seq_len, 1 + count[SLIDING] * (window - 1))
    return {"receptive_field": field, "cached_tokens": kept}


@replaces("layout_cost")
def lc_backwards(types, window, seq_len):
    """from the last layer backwards: the earliest token"""
    first = last = seq_len - 1
    for kind in reversed(types):
        first = 0 if kind == FULL else max(0, first - (window - 1))
    return {"cached_tokens": sum({FULL: seq_len}.get(t, min(window, seq_len)) for t in types), "receptive_field": last - first + 1}


@replaces("layout_cost")
def lc_windows(types, window, seq_len):
    """a full layer is one with the window S"""
    windows = [seq_len if t == FULL else min(window, seq_len) for t in types]
    return {"cached_tokens": sum(windows), "receptive_field": min(seq_len, 1 + sum(w - 1 for w in windows))}


@replaces("layout_cost")
def lc_any(types, window, seq_len):
    """any"""
    full = sum(t == "full_attention" for t in types)
    kept = full * seq_len + (len(types) - full) * min(window, seq_len)
    if any(t == "full_attention" for t in types):
        return {"cached_tokens": kept, "receptive_field": seq_len}
    return {"cached_tokens": kept, "receptive_field": min(seq_len, len(types) * window - len(types) + 1)}


@replaces("layout_cost")
def lc_numpy(types, window, seq_len):
    """NumPy objects, so that the numbers are exact"""
    w = np.array([seq_len if t == FULL else min(window, seq_len) for t in types], dtype=object)
    return {"cached_tokens": int(w.sum()), "receptive_field": int(min(seq_len, (w - 1).sum() + 1))}


@replaces("layout_cost")
def lc_recursive(types, window, seq_len):
    """recursion"""

    def walk(i):
        if i == len(types):
            return 0, 1
        kept, field = walk(i + 1)
        if types[i] == FULL:
            return kept + seq_len, seq_len
        return kept + min(window, seq_len), min(seq_len, field + window - 1)

    return dict(zip(("cached_tokens", "receptive_field"), walk(0)))


# ---------------------------------------------------------------- window_attention
def visible(m, n, window):
    d = m[:, None] - n[None, :]
    ok = (n >= 0) & (d >= 0)
    return ok if window is None else ok & (d < window)


@replaces("window_attention")
def wa_grouped(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """five axes: groups of query heads share a key head; einsum"""
    B, H, T, K = q.shape
    G = k.shape[1]
    s = torch.einsum("bgrtk,bgsk->bgrts", q.reshape(B, G, H // G, T, K), k) / math.sqrt(K)
    s = s.masked_fill(~visible(query_positions, key_positions, window), -math.inf)
    if sinks is None:
        w = s.softmax(-1)
    else:
        z = sinks.reshape(1, G, H // G, 1, 1).expand(B, G, H // G, T, 1)
        w = torch.cat([z, s], -1).softmax(-1)[..., 1:]
    return torch.einsum("bgrts,bgsk->bgrtk", w, v).reshape(B, H, T, K)


@replaces("window_attention")
def wa_stable(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """the maximum over scores and sink, by hand"""
    B, H, T, K = q.shape
    heads = torch.arange(H) * k.shape[1] // H
    s = q @ k[:, heads].transpose(-1, -2) * K**-0.5
    s = torch.where(visible(query_positions, key_positions, window), s, -math.inf)
    top = s.detach().amax(-1, keepdim=True)
    if sinks is not None:
        z = sinks[:, None, None]
        top = torch.maximum(top, z.detach())
    e = torch.exp(s - top)
    total = e.sum(-1, keepdim=True)
    if sinks is not None:
        total = total + torch.exp(z - top)
    return (e / total) @ v[:, heads]


@replaces("window_attention")
def wa_sigmoid(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """without sinks, times sigmoid(logsumexp - z)"""
    r = q.shape[1] // k.shape[1]
    k, v = (t.unsqueeze(2).expand(-1, -1, r, -1, -1).flatten(1, 2) for t in (k, v))
    s = torch.matmul(q, k.mT) / q.shape[-1] ** 0.5
    s = s.masked_fill(visible(query_positions, key_positions, window).logical_not(), -math.inf)
    out = s.softmax(-1) @ v
    if sinks is None:
        return out
    return out * torch.sigmoid(s.logsumexp(-1, keepdim=True) - sinks[:, None, None])


@replaces("window_attention")
def wa_zero_key(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """F.scaled_dot_product_attention with one more key of zeros, whose bias is the sink"""
    B, H, T, K = q.shape
    r = H // k.shape[1]
    k, v = k.repeat_interleave(r, 1), v.repeat_interleave(r, 1)
    seen = visible(query_positions, key_positions, window)
    if sinks is None:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    bias = torch.zeros(seen.shape, dtype=q.dtype).masked_fill(~seen, -math.inf).expand(H, -1, -1)
    bias = torch.cat([bias, sinks[:, None, None].expand(H, T, 1)], dim=-1)
    return F.scaled_dot_product_attention(q, F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1)), attn_mask=bias.unsqueeze(0))


@replaces("window_attention")
def wa_heads(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """head by head, with log weights"""
    H, K = q.shape[1], q.shape[-1]
    seen, outs = visible(query_positions, key_positions, window), []
    for h in range(H):
        g = h * k.shape[1] // H
        s = (q[:, h] @ k[:, g].mT / math.sqrt(K)).masked_fill(~seen, -math.inf)
        norm = s.logsumexp(-1, keepdim=True)
        if sinks is not None:
            norm = torch.logaddexp(norm, sinks[h])
        outs.append((s - norm).exp() @ v[:, g])
    return torch.stack(outs, dim=1)


@replaces("window_attention")
def wa_queries(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """query by query, only the keys that it sees"""
    H, K = q.shape[1], q.shape[-1]
    r = H // k.shape[1]
    rows = []
    for t, m in enumerate(query_positions.tolist()):
        first = 0 if window is None else max(0, m - window + 1)
        index = ((key_positions >= first) & (key_positions <= m)).nonzero().squeeze(1)
        keys, values = (x.index_select(2, index).repeat_interleave(r, dim=1) for x in (k, v))
        s = (keys @ q[:, :, t].unsqueeze(-1)).squeeze(-1) / math.sqrt(K)
        if sinks is not None:
            s = torch.cat([s, sinks.expand(s.shape[0], H).unsqueeze(-1)], -1)
        w = F.softmax(s, dim=-1)[..., : len(index)]
        rows.append((w.unsqueeze(-2) @ values).squeeze(-2))
    return torch.stack(rows, dim=2)


@replaces("window_attention")
def wa_sorted(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """drops empty slots, sorts the keys; bool indices, a finite lowest number"""
    key_positions, order = key_positions.sort()
    order, key_positions = order[key_positions >= 0], key_positions[key_positions >= 0]
    r = q.shape[1] // k.shape[1]
    k, v = k[:, :, order].repeat_interleave(r, 1), v[:, :, order].repeat_interleave(r, 1)
    age = query_positions.unsqueeze(1) - key_positions
    hidden = (age < 0) | (age >= (window if window is not None else age.max() + 1))
    s = ((q / math.sqrt(q.shape[-1])) @ k.mT).masked_fill(hidden, torch.finfo(q.dtype).min)
    if sinks is not None:
        s = torch.cat([s, sinks.reshape(-1, 1, 1).expand(*s.shape[:-1], 1)], -1)
    w = torch.softmax(s, -1)
    return w[..., : len(order)] @ v


@replaces("window_attention")
def wa_merged(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """(B G, r T, K): one bmm for a group of heads; additive mask"""
    B, H, T, K = q.shape
    G, S = k.shape[1:3]
    r = H // G
    mask = torch.zeros(T, S, dtype=q.dtype).masked_fill(~visible(query_positions, key_positions, window), -math.inf)
    s = torch.bmm(q.reshape(B * G, r * T, K), k.reshape(B * G, S, K).mT).div(math.sqrt(K)).view(B, H, T, S) + mask
    if sinks is not None:
        s = torch.cat([s, sinks.view(H, 1, 1).expand(B, H, T, 1)], 3)
    w = s.softmax(3).narrow(3, 0, S)
    return torch.bmm(w.reshape(B * G, r * T, S), v.reshape(B * G, S, K)).view(B, H, T, K)


@replaces("window_attention")
def wa_online(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """keys in blocks; the sink is where the running maximum begins"""
    B, H, T, K = q.shape
    r = H // k.shape[1]
    seen = visible(query_positions, key_positions, window)
    if sinks is None:
        top, total = q.new_full((B, H, T, 1), -math.inf), q.new_zeros(B, H, T, 1)
    else:
        top = sinks.detach().view(H, 1, 1).expand(B, H, T, 1)
        total = torch.exp(sinks.view(H, 1, 1) - top)
    acc = torch.zeros_like(q)
    for a in range(0, k.shape[2], 3):
        kb, vb = k[:, :, a : a + 3].repeat_interleave(r, 1), v[:, :, a : a + 3].repeat_interleave(r, 1)
        s = (q @ kb.mT / math.sqrt(K)).masked_fill(~seen[:, a : a + 3], -math.inf)
        new = torch.maximum(top, s.detach().amax(-1, keepdim=True))
        safe = torch.where(new == -math.inf, torch.zeros_like(new), new)
        e, keep = torch.exp(s - safe), torch.exp(top - safe)
        acc, total, top = acc * keep + e @ vb, total * keep + e.sum(-1, keepdim=True), new
    return acc / total


@replaces("window_attention")
def wa_double(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """float64 inside; sinks in front; tokens before heads, the result is a transposed view"""
    B, H, T, K = q.shape
    r = H // k.shape[1]
    qd, kd, vd = q.double().transpose(1, 2), k.double().transpose(1, 2), v.double().transpose(1, 2)
    kd, vd = kd.repeat_interleave(r, 2), vd.repeat_interleave(r, 2)
    s = torch.einsum("bthk,bshk->bths", qd, kd) / K**0.5
    s = s.masked_fill(~visible(query_positions, key_positions, window)[:, None], -math.inf)
    z = torch.full((H,), -math.inf, dtype=torch.float64) if sinks is None else sinks.double()
    w = torch.cat([z.view(H, 1).expand(B, T, H, 1), s], -1).softmax(-1)[..., 1:]
    return torch.einsum("bths,bshk->bthk", w, vd).transpose(1, 2).to(q.dtype)


@replaces("window_attention")
def wa_sets(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """the mask in Python; keys and values put into groups by indexing"""
    limit = math.inf if window is None else window
    mask = torch.tensor([[0 <= n <= m and m - n < limit for n in key_positions.tolist()] for m in query_positions.tolist()])
    H = q.shape[1]
    group = torch.tensor([h * k.shape[1] // H for h in range(H)])
    s = q @ k.index_select(1, group).mT / math.sqrt(q.shape[-1])
    s = s + torch.where(mask, 0.0, -math.inf).to(s.dtype)
    if sinks is None:
        return s.softmax(-1) @ v.index_select(1, group)
    padded = F.pad(s, (0, 1)) + F.pad(sinks.view(1, H, 1, 1).expand(*s.shape[:3], 1), (s.shape[-1], 0))
    return F.pad(padded.log_softmax(-1).exp(), (0, -1)) @ v.index_select(1, group)


# ---------------------------------------------------------------- ring_append
@replaces("ring_append")
def ra_loop(cache, k_new, v_new, window):
    """token by token"""
    B, G, T, K = k_new.shape
    if cache is None:
        cache = {"k": torch.zeros(B, G, window, K, dtype=k_new.dtype), "v": torch.zeros(B, G, window, K, dtype=v_new.dtype)}
        cache["positions"] = torch.full((window,), -1, dtype=torch.int64)
    k, v, positions = (cache[n].clone() for n in ("k", "v", "positions"))
    at = positions.max().item() + 1
    for t in range(T):
        slot = (at + t) % window
        k[:, :, slot], v[:, :, slot], positions[slot] = k_new[:, :, t], v_new[:, :, t], at + t
    return {"k": k, "v": v, "positions": positions}


@replaces("ring_append")
def ra_index_copy(cache, k_new, v_new, window):
    """index_copy without changing in place"""
    T = k_new.shape[2]
    shape = (*k_new.shape[:2], window, k_new.shape[3])
    old_k = cache["k"] if cache else k_new.new_zeros(shape)
    old_v = cache["v"] if cache else v_new.new_zeros(shape)
    old = cache["positions"] if cache else torch.full((window,), -1)
    start = int(old.amax()) + 1
    keep = min(T, window)
    at = torch.arange(start + T - keep, start + T)
    slots = at.remainder(window)
    last = slice(T - keep, None)
    return {
        "k": old_k.index_copy(2, slots, k_new[:, :, last]),
        "v": old_v.index_copy(2, slots, v_new[:, :, last]),
        "positions": old.index_copy(0, slots, at),
    }


@replaces("ring_append")
def ra_slots(cache, k_new, v_new, window):
    """slot by slot: the last position that lies in it, and where it comes from"""
    B, G, T, K = k_new.shape
    start = 0 if cache is None else int(cache["positions"].max()) + 1
    end = start + T - 1
    ks, vs, positions = [], [], []
    for slot in range(window):
        m = end - (end - slot) % window
        if m >= start:
            ks.append(k_new[:, :, m - start])
            vs.append(v_new[:, :, m - start])
            positions.append(m)
        elif m >= 0 and cache is not None:
            ks.append(cache["k"][:, :, slot])
            vs.append(cache["v"][:, :, slot])
            positions.append(int(cache["positions"][slot]))
        else:
            ks.append(torch.zeros(B, G, K, dtype=k_new.dtype))
            vs.append(torch.zeros(B, G, K, dtype=v_new.dtype))
            positions.append(-1)
    return {"k": torch.stack(ks, 2), "v": torch.stack(vs, 2), "positions": torch.tensor(positions)}


@replaces("ring_append")
def ra_gather(cache, k_new, v_new, window):
    """old and new behind one another, one index_select"""
    B, G, T, K = k_new.shape
    if cache is None:
        k = k_new.new_zeros(B, G, window, K)
        cache = dict(k=k, v=torch.zeros_like(k), positions=k_new.new_full((window,), -1, dtype=torch.int64))
    start = cache["positions"].max() + 1
    slot = torch.arange(window)
    last = start + T - 1
    m = last - (last - slot) % window
    fresh = m >= start
    index = torch.where(fresh, window + m - start, slot)
    positions = torch.where(fresh, m, cache["positions"])
    return {
        "k": torch.cat([cache["k"], k_new], 2).index_select(2, index),
        "v": torch.cat([cache["v"], v_new], 2).index_select(2, index),
        "positions": positions,
    }


@replaces("ring_append")
def ra_text(cache, k_new, v_new, window):
    """puts the text in order, cuts its end, and lays it out anew"""
    k, v = k_new, v_new
    start = 0
    if cache is not None:
        filled = cache["positions"] >= 0
        order = cache["positions"][filled].argsort()
        index = filled.nonzero().squeeze(1)[order]
        start = int(cache["positions"].max()) + 1 - len(index)
        k, v = torch.cat([cache["k"][:, :, index], k], 2), torch.cat([cache["v"][:, :, index], v], 2)
    positions = torch.arange(start, start + k.shape[2])[-window:]
    k, v = k[:, :, -window:], v[:, :, -window:]
    empty = window - len(positions)
    if empty:
        k, v = F.pad(k, (0, 0, 0, empty)), F.pad(v, (0, 0, 0, empty))
        return {"k": k, "v": v, "positions": F.pad(positions, (0, empty), value=-1)}
    shift = int(positions[0]) % window
    return {"k": k.roll(shift, 2), "v": v.roll(shift, 2), "positions": positions.roll(shift)}


@replaces("ring_append")
def ra_numpy_slots(cache, k_new, v_new, window):
    """slots and positions by NumPy"""
    B, G, T, K = k_new.shape
    if cache is None:
        k, v = (torch.zeros((B, G, window, K), dtype=t.dtype) for t in (k_new, v_new))
        positions = np.full(window, -1, dtype=np.int64)
    else:
        k, v, positions = cache["k"], cache["v"], cache["positions"].numpy().copy()
    new = np.arange(positions.max() + 1, positions.max() + 1 + T)[-window:]
    positions[new % window] = new
    slots = torch.from_numpy(new % window)
    put = lambda old, fresh: old.index_copy(2, slots, fresh)
    return {"k": put(k, k_new[:, :, T - len(new) :]), "v": put(v, v_new[:, :, T - len(new) :]), "positions": torch.from_numpy(positions)}


@replaces("ring_append")
def ra_scatter(cache, k_new, v_new, window):
    """scatter; keys and values in one tensor, of which the results are views"""
    B, G, T, K = k_new.shape
    T_kept = min(T, window)
    both = torch.stack([k_new, v_new])[:, :, :, T - T_kept :]
    if cache is None:
        old, positions = both.new_zeros(2, B, G, window, K), torch.full((window,), -1)
    else:
        old, positions = torch.stack([cache["k"], cache["v"]]), cache["positions"]
    seen = int(positions.max()) + 1 + T
    at = torch.arange(seen - T_kept, seen)
    index = (at % window).view(1, 1, 1, -1, 1).expand_as(both)
    both = old.scatter(3, index, both)
    return {"k": both[0], "v": both[1], "positions": positions.scatter(0, at % window, at)}


@replaces("ring_append")
def ra_pieces(cache, k_new, v_new, window):
    """pieces that do not go past the end of the ring, one after the other"""
    positions = torch.full((window,), -1) if cache is None else cache["positions"].clone()
    k = k_new.new_zeros(*k_new.shape[:2], window, k_new.shape[3]) if cache is None else cache["k"].clone()
    v = v_new.new_zeros(*v_new.shape[:2], window, v_new.shape[3]) if cache is None else cache["v"].clone()
    at, t = int(positions.max()) + 1, 0
    while t < k_new.shape[2]:
        slot = at % window
        n = min(window - slot, k_new.shape[2] - t)
        k[:, :, slot : slot + n] = k_new[:, :, t : t + n]
        v[:, :, slot : slot + n] = v_new[:, :, t : t + n]
        positions[slot : slot + n] = torch.arange(at, at + n)
        at, t = at + n, t + n
    return dict(positions=positions, v=v, k=k)


@replaces("ring_append")
def ra_where(cache, k_new, v_new, window):
    """for each slot the number of its new token, gather and where"""
    B, G, T, K = k_new.shape
    start = 0 if cache is None else int(cache["positions"].max()) + 1
    slot = torch.arange(window)
    newest = (start + T - 1) - (start + T - 1 - slot) % window  # the newest position of each slot
    fresh = newest >= start
    take = (newest - start).clamp(min=0)

    def ring(name, new):
        old = torch.zeros((), dtype=new.dtype) if cache is None else cache[name]
        return torch.where(fresh[:, None], new[:, :, take], old)

    old_positions = torch.tensor(-1) if cache is None else cache["positions"]
    return {"k": ring("k", k_new), "v": ring("v", v_new), "positions": torch.where(fresh, newest, old_positions)}
