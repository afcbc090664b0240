# TRUE CAUSE: masked_softmax reads a float mask only as 0 or -inf: finite biases are not added to the scores, and no
# gradient reaches the mask. Any finite number in it has to be added.
import math

import torch
from torch import Tensor


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    B, T, D = x.shape
    return x.reshape(B, T, num_heads, D // num_heads).permute(0, 2, 1, 3)


def merge_heads(x: Tensor) -> Tensor:
    B, H, T, K = x.shape
    return x.permute(0, 2, 1, 3).reshape(B, T, H * K)


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    if mask is None:
        return torch.softmax(scores, dim=-1)
    if mask.dtype == torch.bool:
        keep = mask
    else:
        keep = mask != float("-inf")
    keep = keep.expand(scores.shape)
    nonempty = keep.any(dim=-1, keepdim=True)
    # rows without any key go through the softmax unmasked and are zeroed behind it
    weights = torch.softmax(scores.masked_fill(~keep & nonempty, float("-inf")), dim=-1)
    return weights.masked_fill(~keep, 0.0)


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    scores = scale * torch.einsum("...tk,...sk->...ts", q, k)
    weights = masked_softmax(scores, mask)
    return torch.einsum("...ts,...sv->...tv", weights, v), weights
