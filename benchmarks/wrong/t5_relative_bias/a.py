# TRUE CAUSE: the module does not hand its max_distance to relative_position_bucket, which then always uses the
# default of 128.
import math

import torch
from torch import Tensor, nn


def relative_positions(T: int, S: int) -> Tensor:
    queries = torch.arange(S - T, S).view(T, 1)
    keys = torch.arange(S).view(1, S)
    return keys - queries


def relative_position_bucket(
    relative_position: Tensor, bidirectional: bool = True, num_buckets: int = 32, max_distance: int = 128
) -> Tensor:
    if bidirectional:
        n = num_buckets // 2
        offset = n * (relative_position > 0).long()
        distance = relative_position.abs()
    else:
        n = num_buckets
        offset = torch.zeros_like(relative_position)
        distance = (-relative_position).clamp(min=0)
    exact = n // 2
    ratio = distance.clamp(min=exact).double() / exact
    far = exact + (ratio.log() / math.log(max_distance / exact) * (n - exact)).floor().long()
    return offset + torch.where(distance < exact, distance, far.clamp(max=n - 1))


class T5RelativeBias(nn.Module):
    def __init__(
        self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True
    ) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)

    def forward(self, T: int, S: int | None = None) -> Tensor:
        positions = relative_positions(T, T if S is None else S)
        weight = self.relative_attention_bias.weight
        buckets = relative_position_bucket(positions, self.bidirectional, self.num_buckets)
        return weight[buckets.to(weight.device)].permute(2, 0, 1).unsqueeze(0)


def t5_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = q @ k.mT + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1) @ v
