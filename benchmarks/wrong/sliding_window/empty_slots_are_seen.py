# TRUE CAUSE: Position -1 is not treated as empty: n <= m is true for it, so what lies in an empty slot gets
# weight (unless a window hides it).
import torch
from torch import Tensor


def layer_types(num_layers: int, period: int) -> list[str]:
    return ["full_attention" if (i + 1) % period == 0 else "sliding_attention" for i in range(num_layers)]


def layout_cost(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    sliding = types.count("sliding_attention")
    full = len(types) - sliding
    cached = full * seq_len + sliding * min(window, seq_len)
    field = seq_len if full else min(seq_len, 1 + sliding * (window - 1))
    return {"cached_tokens": cached, "receptive_field": field}


def window_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    query_positions: Tensor,
    key_positions: Tensor,
    window: int | None = None,
    sinks: Tensor | None = None,
) -> Tensor:
    B, H, T, K = q.shape
    rep = H // k.shape[1]
    k, v = k.repeat_interleave(rep, dim=1), v.repeat_interleave(rep, dim=1)
    m, n = query_positions[:, None], key_positions[None, :]
    seen = n <= m
    if window is not None:
        seen = seen & (m - n < window)
    scores = (q @ k.transpose(-2, -1) / K**0.5).masked_fill(~seen, float("-inf"))
    if sinks is None:
        return scores.softmax(-1) @ v
    sink = sinks.view(1, H, 1, 1).expand(B, H, T, 1)
    weights = torch.cat([scores, sink], dim=-1).softmax(-1)[..., :-1]
    return weights @ v


def ring_append(cache: dict[str, Tensor] | None, k_new: Tensor, v_new: Tensor, window: int) -> dict[str, Tensor]:
    B, G, T, K = k_new.shape
    if cache is None:
        k = k_new.new_zeros(B, G, window, K)
        v = v_new.new_zeros(B, G, window, v_new.shape[-1])
        positions = torch.full((window,), -1, dtype=torch.int64)
    else:
        k, v, positions = cache["k"].clone(), cache["v"].clone(), cache["positions"].clone()
    first = int(positions.max()) + 1
    new = torch.arange(first, first + T)
    kept = min(T, window)
    new = new[T - kept :]
    slots = new % window
    k[:, :, slots] = k_new[:, :, T - kept :]
    v[:, :, slots] = v_new[:, :, T - kept :]
    positions[slots] = new
    return {"k": k, "v": v, "positions": positions}
