# TRUE CAUSE: variant_masks tests `not prefix_len` to find a missing prefix length, so that the allowed prefix_len = 0
# raises ValueError; only None is missing, and 0 must give the plain causal mask.
"""Masks for encoders, decoders and both. True = may attend."""

import torch
from torch import Tensor


def bidirectional_mask(T: int, S: int | None = None) -> Tensor:
    return torch.ones(T, T if S is None else S, dtype=torch.bool)


def prefix_lm_mask(T: int, prefix_len: int) -> Tensor:
    i = torch.arange(T).unsqueeze(1)
    j = torch.arange(T).unsqueeze(0)
    return (j <= i) | (j < prefix_len)


def sliding_window_mask(T: int, window: int, S: int | None = None) -> Tensor:
    S = T if S is None else S
    m = torch.arange(S - T, S).unsqueeze(1)  # where the queries stand in the whole text
    j = torch.arange(S).unsqueeze(0)
    return (j <= m) & (j > m - window)


def with_padding(mask: Tensor, attention_mask: Tensor) -> Tensor:
    is_token = attention_mask.bool()  # (B, S)
    return mask & is_token[:, None, None, :]


def variant_masks(
    variant: str, attention_mask: Tensor, target_mask: Tensor | None = None, prefix_len: int | None = None
) -> dict[str, Tensor]:
    S = attention_mask.shape[1]
    if variant == "encoder-only":
        return {"self": with_padding(bidirectional_mask(S), attention_mask)}
    if variant == "decoder-only":
        return {"self": with_padding(prefix_lm_mask(S, 0), attention_mask)}
    if variant == "prefix-lm":
        if not prefix_len:
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
    raise ValueError(f"unknown variant {variant!r}")
