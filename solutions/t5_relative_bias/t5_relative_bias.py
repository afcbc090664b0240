"""The relative position bias of T5: a number for each head and each bucket of distances."""

import math

import torch
from torch import Tensor, nn


def relative_positions(T: int, S: int) -> Tensor:
    """How far each key stands from each query: key position minus query position, so the past is negative.

    The T queries are the last T of the S positions, 1 <= T <= S.
    Returns: int64 (T, S).

    >>> relative_positions(2, 4)
    tensor([[-2, -1,  0,  1],
            [-3, -2, -1,  0]])
    """
    query = torch.arange(T)[:, None] + (S - T)  # (T, 1)
    key = torch.arange(S)[None, :]  # (1, S)
    return key - query  # (T, S)


def relative_position_bucket(
    relative_position: Tensor, bidirectional: bool = True, num_buckets: int = 32, max_distance: int = 128
) -> Tensor:
    """The bucket of each relative position: near distances have their own, far ones share one by their logarithm.

    relative_position: int64, any shape, key minus query.
    bidirectional: half of the buckets for either direction; else the future counts as distance 0.
    num_buckets: a multiple of 4.
    max_distance: larger than exact, the number of exact buckets. Of the n buckets of a direction the last, n - 1, holds
        all large distances; the logarithm alone would give bucket n from max_distance on.
    Returns: int64, the shape of relative_position, from 0 to num_buckets - 1.

    >>> relative_position_bucket(torch.tensor([-20, -8, -7, -1, 0, 1, 7, 20]))
    tensor([10,  8,  7,  1,  0, 17, 23, 26])
    >>> relative_position_bucket(torch.tensor([-20, -8, -7, -1, 0, 1, 7, 20]), bidirectional=False)
    tensor([17,  8,  7,  1,  0,  0,  0,  0])
    """
    if bidirectional:
        n = num_buckets // 2
        offset = n * (relative_position > 0).long()  # (...): the future has the upper half
        d = relative_position.abs()
    else:
        n = num_buckets
        offset = 0
        d = (-relative_position).clamp(min=0)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)  # 0 at exact, 1 at max_distance
    far = (exact + (log * (n - exact)).long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)  # (...)


class T5RelativeBias(nn.Module):
    """The bias that is added to the scores of every layer.

    num_heads: H. num_buckets, max_distance, bidirectional: as in relative_position_bucket.
    Parameter: relative_attention_bias.weight (num_buckets, H). No others.
    """

    def __init__(
        self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True
    ) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads)

    def forward(self, T: int, S: int | None = None) -> Tensor:
        """T, S: as in relative_positions; S defaults to T.
        Returns: (1, H, T, S) in the dtype of the weight: that of the bucket of every query and key.

        With one head, and in every bucket its own number:

        >>> bias = T5RelativeBias(num_heads=1)
        >>> _ = bias.load_state_dict({"relative_attention_bias.weight": torch.arange(32.0)[:, None]})
        >>> bias(2, 3).detach()
        tensor([[[[ 1.,  0., 17.],
                  [ 2.,  1.,  0.]]]])
        """
        r = relative_positions(T, T if S is None else S)  # (T, S)
        bucket = relative_position_bucket(r, self.bidirectional, self.num_buckets, self.max_distance)  # (T, S)
        return self.relative_attention_bias(bucket).permute(2, 0, 1)[None]  # (1, H, T, S)


def t5_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q kᵀ + bias) v, not divided by sqrt(K).

    q: floating point (B, H, T, K). k: (B, H, S, K). v: (B, H, S, V). bias: (1, H, T, S). All of one dtype.
    mask: bool, broadcasts to (B, H, T, S), True = may attend; no row is all False. None: all are allowed.
    Returns: (B, H, T, V). Gradients flow to q, k, v and bias.

    >>> q, k = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[2.0, 0.0], [0.0, 2.0]]]])
    >>> v = torch.tensor([[[[4.0, 0.0, 2.0], [0.0, 2.0, 8.0]]]])
    >>> t5_attention(q, k, v, bias=torch.tensor([[[[-1.0, 1.0]]]]))  # scores 2 - 1 and 0 + 1
    tensor([[[[2., 1., 5.]]]])
    """
    scores = q @ k.mT + bias  # (B, H, T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1) @ v  # (B, H, T, V)
