# TRUE CAUSE: rows and columns of the causal patterns are swapped: it builds every pattern with keys as rows and queries
# as columns, so prefix_lm_mask and sliding_window_mask are transposed (a query sees the later tokens instead of
# the earlier ones); with S > T the window has the last T columns as queries, transposed to the wrong triangle.
import torch
from torch import Tensor


def bidirectional_mask(T: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T
    return torch.full((T, S), True)


def prefix_lm_mask(T: int, prefix_len: int) -> Tensor:
    # row = key, column = query: a key is seen by itself and by later queries
    allowed = torch.ones(T, T).triu().bool()
    allowed[:prefix_len, :] = True
    return allowed


def sliding_window_mask(T: int, window: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T
    key = torch.arange(T).unsqueeze(1) + (S - T)
    query = torch.arange(S).unsqueeze(0)
    distance = query - key
    return (distance >= 0) & (distance < window)


def with_padding(mask: Tensor, attention_mask: Tensor) -> Tensor:
    tokens = attention_mask != 0
    batch, length = tokens.shape
    return mask.unsqueeze(0).unsqueeze(0) & tokens.view(batch, 1, 1, length)


def variant_masks(
    variant: str, attention_mask: Tensor, target_mask: Tensor | None = None, prefix_len: int | None = None
) -> dict[str, Tensor]:
    if variant not in ("encoder-only", "decoder-only", "prefix-lm", "encoder-decoder"):
        raise ValueError("variant")
    n = attention_mask.size(1)
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("target_mask")
        t = target_mask.size(1)
        return dict(
            encoder=with_padding(bidirectional_mask(n), attention_mask),
            decoder=with_padding(prefix_lm_mask(t, 0), target_mask),
            cross=with_padding(bidirectional_mask(t, n), attention_mask),
        )
    if variant == "encoder-only":
        pattern = bidirectional_mask(n)
    elif variant == "decoder-only":
        pattern = prefix_lm_mask(n, 0)
    else:
        if prefix_len is None:
            raise ValueError("prefix_len")
        pattern = prefix_lm_mask(n, prefix_len)
    return {"self": with_padding(pattern, attention_mask)}
