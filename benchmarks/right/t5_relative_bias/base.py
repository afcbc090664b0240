"""The relative position bias of T5."""

import math

import torch
from torch import Tensor, nn


def relative_positions(T, S):
    return torch.arange(S)[None, :] - torch.arange(S - T, S)[:, None]


def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    r = relative_position
    if bidirectional:
        n = num_buckets // 2
        offset = torch.where(r > 0, n, 0)
        d = r.abs()
    else:
        n = num_buckets
        offset = torch.zeros_like(r)
        d = (-r).clamp(min=0)
    exact = n // 2
    ratio = torch.log(d.clamp(min=exact).double() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (n - exact)).long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, num_buckets=32, max_distance=128, bidirectional=True):
        super().__init__()
        self.num_buckets, self.max_distance, self.bidirectional = num_buckets, max_distance, bidirectional
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)

    def forward(self, T, S=None):
        positions = relative_positions(T, T if S is None else S)
        buckets = relative_position_bucket(positions, self.bidirectional, self.num_buckets, self.max_distance)
        return self.relative_attention_bias(buckets).permute(2, 0, 1).unsqueeze(0)


def t5_attention(q, k, v, bias, mask=None):
    scores = q @ k.transpose(-1, -2) + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(-1) @ v
