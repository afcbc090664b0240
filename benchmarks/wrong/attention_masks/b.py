# TRUE CAUSE: In an encoder-decoder the cross mask also removes the rows of padded target tokens, as if padding
# removed queries. Padding removes keys only: the rows of padded queries are like any other, and only the source's
# padding counts.
"""Masks of encoders, decoders, prefix LMs and encoder-decoders. True = may attend."""

import torch
from torch import Tensor


def bidirectional_mask(T: int, S: int | None = None) -> Tensor:
    return torch.ones(T, T if S is None else S, dtype=torch.bool)


def _causal(T: int) -> Tensor:
    return torch.ones(T, T, dtype=torch.bool).tril()


def prefix_lm_mask(T: int, prefix_len: int) -> Tensor:
    mask = _causal(T)
    mask[:, :prefix_len] = True
    return mask


def sliding_window_mask(T: int, window: int, S: int | None = None) -> Tensor:
    S = T if S is None else S
    m = torch.arange(S - T, S)[:, None]
    j = torch.arange(S)[None, :]
    return (j <= m) & (j > m - window)


def with_padding(mask: Tensor, attention_mask: Tensor) -> Tensor:
    tokens = attention_mask.bool()[:, None, None, :]
    return mask[None, None].to(tokens.device) & tokens


def variant_masks(
    variant: str, attention_mask: Tensor, target_mask: Tensor | None = None, prefix_len: int | None = None
) -> dict[str, Tensor]:
    S = attention_mask.shape[1]
    if variant == "encoder-only":
        return {"self": with_padding(bidirectional_mask(S), attention_mask)}
    if variant == "decoder-only":
        return {"self": with_padding(_causal(S), attention_mask)}
    if variant == "prefix-lm":
        if prefix_len is None:
            raise ValueError("a prefix LM needs prefix_len")
        return {"self": with_padding(prefix_lm_mask(S, prefix_len), attention_mask)}
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("an encoder-decoder needs target_mask")
        T = target_mask.shape[1]
        written = target_mask.bool()[:, None, :, None]
        return {
            "encoder": with_padding(bidirectional_mask(S), attention_mask),
            "decoder": with_padding(_causal(T), target_mask),
            "cross": with_padding(bidirectional_mask(T, S), attention_mask) & written,
        }
    raise ValueError(f"unknown variant {variant!r}")
