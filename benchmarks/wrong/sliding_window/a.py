# TRUE CAUSE: ring_append takes the number of filled slots for the position of the next token; once the ring is full
# this stays W, and positions go wrong. The next position is the largest one in the ring plus 1.
import torch
from torch import Tensor


def layer_types(num_layers: int, period: int) -> list[str]:
    return [
        "full_attention" if number % period == 0 else "sliding_attention" for number in range(1, num_layers + 1)
    ]


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
    S = k.shape[2]
    share = H // k.shape[1]
    k = k.repeat_interleave(share, dim=1)
    v = v.repeat_interleave(share, dim=1)

    m, n = query_positions[:, None], key_positions[None, :]
    seen = (n >= 0) & (n <= m)
    if window is not None:
        seen = seen & (m - n < window)

    scores = (q @ k.mT) * K**-0.5
    scores = scores.masked_fill(~seen, float("-inf"))
    if sinks is not None:
        scores = torch.cat([scores, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    weights = scores.softmax(dim=-1)[..., :S]
    return weights @ v


def ring_append(cache: dict[str, Tensor] | None, k_new: Tensor, v_new: Tensor, window: int) -> dict[str, Tensor]:
    B, G, T, K = k_new.shape
    if cache is None:
        k = k_new.new_zeros(B, G, window, K)
        v = v_new.new_zeros(B, G, window, K)
        positions = torch.full((window,), -1, dtype=torch.int64, device=k_new.device)
    else:
        k, v, positions = cache["k"], cache["v"], cache["positions"]
    begin = int((positions >= 0).sum())
    new = torch.arange(begin, begin + T, device=k_new.device)[-window:]
    slots = new % window
    return {
        "k": k.index_copy(2, slots, k_new[:, :, -window:]),
        "v": v.index_copy(2, slots, v_new[:, :, -window:]),
        "positions": positions.index_copy(0, slots, new),
    }
