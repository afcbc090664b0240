"""The masks that make one Transformer an encoder, a decoder, or both. True = may attend."""

import torch
from torch import Tensor


def bidirectional_mask(T: int, S: int | None = None) -> Tensor:
    """Every query sees every key.

    S defaults to T; it may be larger or smaller.
    Returns: bool (T, S), all True.

    >>> bidirectional_mask(2, 3)
    tensor([[True, True, True],
            [True, True, True]])
    """
    return torch.ones(T, T if S is None else S, dtype=torch.bool)


def prefix_lm_mask(T: int, prefix_len: int) -> Tensor:
    """All to all inside the prefix, causal after it.

    prefix_len: 0 to T.
    Returns: bool (T, T), [i, j] is True where key j is not later than query i, or is one of the first
        prefix_len keys.

    >>> prefix_lm_mask(4, 2)
    tensor([[ True,  True, False, False],
            [ True,  True, False, False],
            [ True,  True,  True, False],
            [ True,  True,  True,  True]])
    """
    query = torch.arange(T)[:, None]  # (T, 1)
    key = torch.arange(T)[None, :]  # (1, T)
    return (key <= query) | (key < prefix_len)  # (T, T)


def sliding_window_mask(T: int, window: int, S: int | None = None) -> Tensor:
    """Every query sees the last `window` keys, its own among them.

    The T queries are the last T of the S positions. S defaults to T; T <= S. window: at least 1, without an upper
    bound.

    Returns: bool (T, S), [i, j] is True where m - window < j <= m, with m = i + S - T the position of query i.

    >>> sliding_window_mask(4, 2)
    tensor([[ True, False, False, False],
            [ True,  True, False, False],
            [False,  True,  True, False],
            [False, False,  True,  True]])
    >>> sliding_window_mask(2, 2, 5)
    tensor([[False, False,  True,  True, False],
            [False, False, False,  True,  True]])
    """
    S = T if S is None else S
    query = torch.arange(T)[:, None] + (S - T)  # (T, 1): p, the last T of S positions
    key = torch.arange(S)[None, :]  # (1, S)
    return (query - window < key) & (key <= query)  # (T, S)


def with_padding(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """A pattern joined with the padding of a batch: a key must be allowed by the pattern and be a token.

    mask: bool (T, S).
    attention_mask: (B, S), 1 = token, 0 = padding; bool or any integer dtype.
    Returns: bool (B, 1, T, S). Rows of padded queries are like any other, and a row may be all False.

    >>> with_padding(torch.tensor([[True, False, False], [True, True, False]]), torch.tensor([[0, 1, 1], [1, 1, 0]]))
    tensor([[[[False, False, False],
              [False,  True, False]]],
    <BLANKLINE>
    <BLANKLINE>
            [[[ True, False, False],
              [ True,  True, False]]]])
    """
    token = attention_mask.bool()[:, None, None, :]  # (B, 1, 1, S)
    return mask & token  # (B, 1, T, S)


def variant_masks(
    variant: str, attention_mask: Tensor, target_mask: Tensor | None = None, prefix_len: int | None = None
) -> dict[str, Tensor]:
    """All masks that a Transformer of this kind needs for a batch.

    variant: "encoder-only", "decoder-only", "prefix-lm" or "encoder-decoder".
    attention_mask: (B, S), 1 = token, 0 = padding, of the text; of the source in an encoder-decoder.
    target_mask: (B, T), the same of the target; an encoder-decoder needs it.
    prefix_len: columns in the prefix, 0 <= prefix_len <= S; a prefix LM needs it.
    Returns: bool masks as with_padding makes them. {"self": (B, 1, S, S)}, or for an encoder-decoder
        {"encoder": (B, 1, S, S), "decoder": (B, 1, T, T), "cross": (B, 1, T, S)}.
    Raises: ValueError for an unknown variant, and where what it needs is missing. No prefix_len
        outside 0 to S is given, and no argument that the variant does not need.

    >>> masks = variant_masks("encoder-decoder", torch.tensor([[1, 1, 0]]), target_mask=torch.tensor([[1, 1]]))
    >>> masks["decoder"]
    tensor([[[[ True, False],
              [ True,  True]]]])
    >>> masks["cross"]
    tensor([[[[ True,  True, False],
              [ True,  True, False]]]])
    """
    S = attention_mask.shape[1]
    if variant == "encoder-only":
        return {"self": with_padding(bidirectional_mask(S), attention_mask)}
    if variant == "decoder-only":
        return {"self": with_padding(prefix_lm_mask(S, 0), attention_mask)}  # without a prefix it is causal
    if variant == "prefix-lm":
        if prefix_len is None:
            raise ValueError("a prefix LM needs prefix_len")
        return {"self": with_padding(prefix_lm_mask(S, prefix_len), attention_mask)}
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("an encoder-decoder needs the target_mask as well")
        T = target_mask.shape[1]
        return {
            "encoder": with_padding(bidirectional_mask(S), attention_mask),  # (B, 1, S, S)
            "decoder": with_padding(prefix_lm_mask(T, 0), target_mask),  # (B, 1, T, T)
            "cross": with_padding(bidirectional_mask(T, S), attention_mask),  # (B, 1, T, S)
        }
    raise ValueError(f"no such variant: {variant!r}")
