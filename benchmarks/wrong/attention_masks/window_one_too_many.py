# TRUE CAUSE: The window is W + 1 keys wide: the comparison j >= m - window also lets in the key that is exactly
# W places back.
import torch
from torch import Tensor


def bidirectional_mask(T: int, S: int | None = None) -> Tensor:
    S = T if S is None else S
    return torch.ones(T, S, dtype=torch.bool)


def prefix_lm_mask(T: int, prefix_len: int) -> Tensor:
    q = torch.arange(T)[:, None]
    k = torch.arange(T)[None, :]
    return (k <= q) | (k < prefix_len)


def sliding_window_mask(T: int, window: int, S: int | None = None) -> Tensor:
    S = T if S is None else S
    m = torch.arange(T)[:, None] + S - T
    j = torch.arange(S)[None, :]
    return (j <= m) & (j >= m - window)


def with_padding(mask: Tensor, attention_mask: Tensor) -> Tensor:
    real = attention_mask.bool()[:, None, None, :]  # (B, 1, 1, S)
    return mask[None, None] & real


def variant_masks(
    variant: str, attention_mask: Tensor, target_mask: Tensor | None = None, prefix_len: int | None = None
) -> dict[str, Tensor]:
    S = attention_mask.shape[1]
    if variant == "encoder-only":
        return {"self": with_padding(bidirectional_mask(S), attention_mask)}
    if variant == "decoder-only":
        return {"self": with_padding(prefix_lm_mask(S, 0), attention_mask)}
    if variant == "prefix-lm":
        if prefix_len is None:
            raise ValueError("a prefix LM needs prefix_len")
        return {"self": with_padding(prefix_lm_mask(S, prefix_len), attention_mask)}
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("an encoder-decoder needs target_mask")
        T = target_mask.shape[1]
        return {
            "encoder": with_padding(bidirectional_mask(S), attention_mask),
            "decoder": with_padding(prefix_lm_mask(T, 0), target_mask),
            "cross": with_padding(bidirectional_mask(T, S), attention_mask),
        }
    raise ValueError(f"unknown variant {variant}")
