# TRUE CAUSE: takes the bias for a factor: the scores are multiplied by it (q k^T * bias) instead of the bias being added.
# Everything else is right.
import math

import torch
from torch import nn


def relative_positions(T, S):
    i = torch.arange(T).unsqueeze(1) + (S - T)
    j = torch.arange(S).unsqueeze(0)
    return j - i


def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    result = torch.zeros_like(relative_position)
    if bidirectional:
        num_buckets //= 2
        result = result + (relative_position > 0) * num_buckets
        distance = torch.abs(relative_position)
    else:
        distance = -torch.minimum(relative_position, torch.zeros_like(relative_position))
    max_exact = num_buckets // 2
    near = distance < max_exact
    safe = torch.where(near, max_exact, distance).to(torch.float64)
    log_part = torch.log(safe / max_exact) / math.log(max_distance / max_exact) * (num_buckets - max_exact)
    large = max_exact + torch.floor(log_part).to(torch.int64)
    large = torch.minimum(large, torch.full_like(large, num_buckets - 1))
    return result + torch.where(near, distance, large)


class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, num_buckets=32, max_distance=128, bidirectional=True):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)

    def forward(self, T, S=None):
        positions = relative_positions(T, T if S is None else S)
        table = self.relative_attention_bias(relative_position_bucket(positions, *self.settings))
        return torch.einsum("tsh->hts", table).unsqueeze(0)


def t5_attention(q, k, v, bias, mask=None):
    scores = torch.einsum("bhtk,bhsk->bhts", q, k) * bias
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    return torch.einsum("bhts,bhsv->bhtv", torch.softmax(scores, -1), v)
