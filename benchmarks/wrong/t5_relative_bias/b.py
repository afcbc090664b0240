# TRUE CAUSE: t5_attention sets the forbidden weights to 0 after the softmax, so that the rest of a row sums to less
# than 1. The mask belongs in front of the softmax, as scores of −inf.
"""The relative position bias of T5."""

import math

import torch
from torch import Tensor, nn


def relative_positions(T: int, S: int) -> Tensor:
    queries = torch.arange(S - T, S)
    return torch.arange(S)[None, :] - queries[:, None]


def relative_position_bucket(
    relative_position: Tensor, bidirectional: bool = True, num_buckets: int = 32, max_distance: int = 128
) -> Tensor:
    if bidirectional:
        n = num_buckets // 2
        offset = torch.where(relative_position > 0, n, 0)
        d = relative_position.abs()
    else:
        n = num_buckets
        offset = torch.zeros_like(relative_position)
        d = (-relative_position).clamp(min=0)
    exact = n // 2
    share = torch.log(d.clamp(min=exact).double() / exact) / math.log(max_distance / exact)
    far = (exact + (share * (n - exact)).floor().long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


class T5RelativeBias(nn.Module):
    def __init__(
        self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True
    ) -> None:
        super().__init__()
        self.options = {"bidirectional": bidirectional, "num_buckets": num_buckets, "max_distance": max_distance}
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)

    def forward(self, T: int, S: int | None = None) -> Tensor:
        positions = relative_positions(T, T if S is None else S)
        buckets = relative_position_bucket(positions, **self.options)
        buckets = buckets.to(self.relative_attention_bias.weight.device)
        return self.relative_attention_bias(buckets).permute(2, 0, 1).unsqueeze(0)


def t5_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.matmul(q, k.transpose(-1, -2)) + bias
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return torch.matmul(weights, v)
