# TRUE CAUSE: ring_append takes the number of filled slots for the position of the next token. Once the ring has lost
# a token the two differ: the first new token stands one after the largest position in the ring.
import torch
from torch import Tensor


def layer_types(num_layers: int, period: int) -> list[str]:
    return ["full_attention" if n % period == 0 else "sliding_attention" for n in range(1, num_layers + 1)]


def layout_cost(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    full = types.count("full_attention")
    sliding = len(types) - full
    reach = seq_len if full else min(seq_len, 1 + sliding * (window - 1))
    return {"cached_tokens": full * seq_len + sliding * min(window, seq_len), "receptive_field": reach}


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
    G = k.shape[1]
    k, v = k.repeat_interleave(H // G, dim=1), v.repeat_interleave(H // G, dim=1)
    distance = query_positions[:, None] - key_positions[None, :]
    seen = (key_positions >= 0)[None, :] & (distance >= 0)
    if window is not None:
        seen &= distance < window
    logits = torch.einsum("bhtk,bhsk->bhts", q, k) / K**0.5
    logits = logits.masked_fill(~seen, float("-inf"))
    if sinks is not None:
        logits = torch.cat([logits, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    weights = logits.softmax(dim=-1)[..., : k.shape[2]]
    return torch.einsum("bhts,bhsk->bhtk", weights, v)


def ring_append(cache: dict[str, Tensor] | None, k_new: Tensor, v_new: Tensor, window: int) -> dict[str, Tensor]:
    B, G, T, K = k_new.shape
    if cache is None:
        cache = {
            "k": k_new.new_zeros(B, G, window, K),
            "v": v_new.new_zeros(B, G, window, v_new.shape[3]),
            "positions": torch.full((window,), -1),
        }
    start = int((cache["positions"] >= 0).sum())
    kept = min(T, window)
    positions = torch.arange(start + T - kept, start + T)
    slots = positions % window
    return {
        "k": cache["k"].index_copy(2, slots, k_new[:, :, T - kept :]),
        "v": cache["v"].index_copy(2, slots, v_new[:, :, T - kept :]),
        "positions": cache["positions"].index_copy(0, slots, positions),
    }
