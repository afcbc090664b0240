"""Right solutions in other styles. None of them may lose a point."""

import numpy as np
import torch
from attention_masks import prefix_lm_mask
from torch import Tensor

from grader.testing import replaces


@replaces("bidirectional_mask")
def expanded(T: int, S: int | None = None) -> Tensor:
    """one True, expanded"""
    return torch.tensor(True).expand(T, S if S is not None else T)


@replaces("bidirectional_mask")
def numpy_ones(T: int, S: int | None = None) -> Tensor:
    """NumPy"""
    return torch.from_numpy(np.ones((T, T if S is None else S), dtype=bool))


@replaces("prefix_lm_mask")
def filled_block(T: int, prefix_len: int) -> Tensor:
    """a triangle, then the first columns are set"""
    if prefix_len < 0 or prefix_len > T:
        raise ValueError("prefix_len")
    mask = torch.ones(T, T).tril().bool()
    mask[:, :prefix_len] = True
    return mask


@replaces("prefix_lm_mask")
def reach(T: int, prefix_len: int) -> Tensor:
    """the last key that each query sees, and one comparison; a transposed view"""
    if prefix_len not in range(T + 1):
        raise ValueError("prefix_len")
    last = torch.arange(T).clamp(min=prefix_len - 1)
    return (torch.arange(T)[:, None] <= last).T


@replaces("prefix_lm_mask")
def cell_by_cell(T: int, prefix_len: int) -> Tensor:
    """a scalar loop"""
    if not 0 <= prefix_len <= T:
        raise ValueError("prefix_len")
    return torch.tensor([[j < max(i + 1, prefix_len) for j in range(T)] for i in range(T)])


@replaces("sliding_window_mask")
def band(T: int, window: int, S: int | None = None) -> Tensor:
    """tril and triu with offsets"""
    if window <= 0:
        raise ValueError("window")
    S = T if S is None else S
    ones = torch.ones(T, S)
    return (ones.tril(S - T) * ones.triu(S - T - window + 1)).bool()


@replaces("sliding_window_mask")
def row_by_row(T: int, window: int, S: int | None = None) -> Tensor:
    """a slice in every row"""
    if window < 1:
        raise ValueError("window")
    S = S or T
    mask = torch.zeros(T, S, dtype=torch.bool)
    for i, row in enumerate(mask):
        end = i + S - T + 1
        row[max(0, end - window) : end] = True
    return mask


@replaces("sliding_window_mask")
def last_rows(T: int, window: int, S: int | None = None) -> Tensor:
    """the last rows of the square NumPy mask, by distance"""
    if window < 1:
        raise ValueError("window")
    S = T if S is None else S
    distance = np.subtract.outer(np.arange(S), np.arange(S))
    return torch.from_numpy((distance >= 0) & (distance < window))[S - T :]


@replaces("with_padding")
def einsum(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """a product of numbers"""
    return torch.einsum("ts,bs->bts", mask.float(), (attention_mask != 0).float()).gt(0.5).unsqueeze(1)


@replaces("with_padding")
def text_by_text(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """columns of padding are cleared in a copy for each text"""
    masks = []
    for text in attention_mask:
        copy = mask.clone()
        copy[:, text == 0] = False
        masks.append(copy[None])
    return torch.stack(masks)


@replaces("with_padding")
def numpy_and(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """NumPy"""
    joined = np.logical_and(mask.numpy()[None, None], attention_mask.numpy()[:, None, None])
    return torch.from_numpy(joined)


@replaces("variant_masks")
def one_general_mask(variant, attention_mask, target_mask=None, prefix_len=None):
    """a table of triples: queries, prefix, padding of the keys"""
    source, target = attention_mask, target_mask
    S = source.size(1)
    if (variant == "prefix-lm" and prefix_len is None) or (variant == "encoder-decoder" and target is None):
        raise ValueError("incomplete")
    if variant == "encoder-decoder":
        T = target.size(1)
        table = {"encoder": (S, S, source), "decoder": (T, 0, target), "cross": (T, S, source)}
    elif variant in ("encoder-only", "decoder-only", "prefix-lm"):
        table = {"self": (S, {"encoder-only": S, "decoder-only": 0}.get(variant, prefix_len), source)}
    else:
        raise ValueError("unknown")
    masks = {}
    for name, (queries, prefix, padding) in table.items():
        i, j = torch.arange(queries)[:, None], torch.arange(padding.size(1))
        masks[name] = ((j <= i) | (j < prefix)) & (padding > 0)[:, None, None]
    return masks


@replaces("variant_masks")
def matched(variant, attention_mask, target_mask=None, prefix_len=None):
    """match, and padding alone where the pattern is all True"""
    keys = attention_mask.ne(0)[:, None, None, :]
    B, S = attention_mask.shape

    def lower(tokens: Tensor) -> Tensor:
        T = tokens.shape[1]
        return tokens.ne(0)[:, None, None, :].repeat(1, 1, T, 1).tril()

    match variant:
        case "encoder-only":
            return dict(self=keys.expand(B, 1, S, S))  # noqa: C408
        case "decoder-only":
            return {"self": lower(attention_mask)}
        case "prefix-lm" if prefix_len is not None:
            return {"self": prefix_lm_mask(S, prefix_len) & keys}
        case "encoder-decoder" if target_mask is not None:
            T = target_mask.shape[1]
            return {
                "cross": keys.expand(B, 1, T, S),
                "decoder": lower(target_mask),
                "encoder": keys.expand(B, 1, S, S),
            }
    raise ValueError("unknown or incomplete")
