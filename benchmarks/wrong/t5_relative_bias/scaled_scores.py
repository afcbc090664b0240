# TRUE CAUSE: The scores are divided by the root of K as usual; T5 does not do that.
import math

import torch
from torch import Tensor, nn


def relative_positions(T: int, S: int) -> Tensor:
    queries = torch.arange(S - T, S)
    keys = torch.arange(S)
    return keys[None, :] - queries[:, None]


def relative_position_bucket(
    relative_position: Tensor, bidirectional: bool = True, num_buckets: int = 32, max_distance: int = 128
) -> Tensor:
    r = relative_position
    if bidirectional:
        n = num_buckets // 2
        d = r.abs()
        offset = torch.where(r > 0, n, 0)
    else:
        n = num_buckets
        d = (-r).clamp(min=0)
        offset = torch.zeros_like(r)
    exact = n // 2
    ratio = torch.log(d.clamp(min=exact).double() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (n - exact)).long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


class T5RelativeBias(nn.Module):
    def __init__(
        self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True
    ) -> None:
        super().__init__()
        self.num_buckets, self.max_distance, self.bidirectional = num_buckets, max_distance, bidirectional
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)

    def forward(self, T: int, S: int | None = None) -> Tensor:
        S = T if S is None else S
        r = relative_positions(T, S)
        bucket = relative_position_bucket(r, self.bidirectional, self.num_buckets, self.max_distance)
        return self.relative_attention_bias(bucket).permute(2, 0, 1)[None]


def t5_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]) + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1) @ v
