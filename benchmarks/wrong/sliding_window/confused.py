# TRUE CAUSE: believes that a sink is a key with the value zero AND that it takes the place of one key in the window: with
# sinks the window holds W - 1 keys beside it (m - n < W - 1). The sink is an additional logit; W keys stay visible.
import torch
from torch import Tensor


def layer_types(num_layers: int, period: int) -> list[str]:
    kinds = ["sliding_attention"] * num_layers
    for i in range(period - 1, num_layers, period):
        kinds[i] = "full_attention"
    return kinds


def layout_cost(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    tokens, reach = 0, 1
    for kind in types:
        if kind == "full_attention":
            tokens += seq_len
            reach = seq_len
        else:
            tokens += min(seq_len, window)
            reach += window - 1
    return {"cached_tokens": tokens, "receptive_field": min(reach, seq_len)}


def window_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    query_positions: Tensor,
    key_positions: Tensor,
    window: int | None = None,
    sinks: Tensor | None = None,
) -> Tensor:
    batch, heads, n_query, width = q.shape
    groups = k.shape[1]
    kv_head = torch.arange(heads) * groups // heads
    k, v = k[:, kv_head], v[:, kv_head]
    if sinks is not None:
        # one more key, whose score is the sink and whose value is zero; it is one of the W
        v = torch.cat([v, torch.zeros_like(v[:, :, :1])], dim=2)
        window = None if window is None else max(window - 1, 1)
    distance = query_positions.unsqueeze(1) - key_positions.unsqueeze(0)
    hidden = (distance < 0) | (key_positions < 0)
    if window is not None:
        hidden |= distance >= window
    logits = torch.einsum("bhtk,bhsk->bhts", q, k) / width**0.5
    logits = torch.where(hidden, -torch.inf, logits)
    if sinks is not None:
        extra = sinks[None, :, None, None].expand(batch, heads, n_query, 1)
        logits = torch.cat([logits, extra], dim=-1)
    return torch.softmax(logits, dim=-1) @ v


def ring_append(cache: dict[str, Tensor] | None, k_new: Tensor, v_new: Tensor, window: int) -> dict[str, Tensor]:
    batch, groups, count, width = k_new.shape
    if cache is None:
        zeros = torch.zeros(batch, groups, window, width, dtype=k_new.dtype)
        cache = {"k": zeros, "v": zeros, "positions": torch.full([window], -1)}
    ring = {name: tensor.clone() for name, tensor in cache.items()}
    position = int(cache["positions"].max())
    for i in range(count):
        position += 1
        slot = position % window
        ring["k"][:, :, slot] = k_new[:, :, i]
        ring["v"][:, :, slot] = v_new[:, :, i]
        ring["positions"][slot] = position
    return ring
