"""What the heads of a trained model do: numbers that tell their kinds apart, and a cut that shows what one is good for.

In the first three functions weights is (L, B, H, T, T), float32 or float64: the attention weights of all L layers and H
heads on B texts of T tokens. weights[l, b, h, i, j] is how much query i takes from key j; each row sums to 1 and is 0
for j > i.
"""

import torch
from torch import Tensor


def previous_token_score(weights: Tensor) -> Tensor:
    """How much each head looks at the token just before: the mean weight that query i gives to key i - 1.

    weights: T >= 2. The mean goes over all texts and over the queries 1 to T - 1; query 0 has nothing before it.
    Returns: (L, H) in the dtype of weights, from 0 to 1.

    >>> weights = torch.tensor([[1.0, 0.0, 0.0], [0.75, 0.25, 0.0], [0.125, 0.25, 0.625]]).view(1, 1, 1, 3, 3)
    >>> previous_token_score(weights)
    tensor([[0.5000]])
    """
    raise NotImplementedError


def induction_score(weights: Tensor, period: int) -> Tensor:
    """How much each head looks at what came next when its token stood in the text before.

    weights: of texts that repeat: token i is the same as token i - P, for each i >= P. T > P.
    period: P >= 2. For a query i >= P the token that followed the last occurrence of its own is at i - P + 1.
    Returns: (L, H) in the dtype of weights, the mean weight that the queries P to T - 1 give to that token, over all
        texts.

    >>> rows = [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.1, 0.7, 0.2, 0.0], [0.0, 0.1, 0.9, 0.0]]
    >>> induction_score(torch.tensor(rows).view(1, 1, 1, 4, 4), period=2)
    tensor([[0.8000]])
    """
    raise NotImplementedError


def attention_entropy(weights: Tensor) -> Tensor:
    """How widely each head spreads its attention: the entropy -Σ_j w_j ln w_j of a query's weights, in nats.

    weights: may hold exact zeros; 0 ln 0 is 0.
    Returns: (L, H) in the dtype of weights, the mean over all texts and all T queries; 0 where each query looks at one
        key only.

    >>> weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]]).view(1, 1, 1, 2, 2)
    >>> attention_entropy(weights)  # (0 + ln 2) / 2
    tensor([[0.3466]])
    """
    raise NotImplementedError


def ablate_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """The output of one attention layer if some of its heads had found nothing: their part is zero, the others' stays.

    per_head: (B, H, T, K), what each head has read, weights · values, before the output matrix. It is not changed.
    w_o: (D, H*K), the weight of the output projection as nn.Linear has it; head h owns columns h*K to (h + 1)*K - 1.
    heads: different numbers from 0 to H - 1, in any order; [] cuts nothing.
    Returns: (B, T, D) in the dtype of per_head. Gradients flow to per_head and w_o; those of the cut heads are 0.

    >>> per_head = torch.tensor([1.0, 2.0, 10.0, 20.0]).view(1, 2, 1, 2)
    >>> w_o = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.5]])
    >>> ablate_heads(per_head, w_o, []), ablate_heads(per_head, w_o, [1])
    (tensor([[[33., 12.]]]), tensor([[[3., 2.]]]))
    """
    raise NotImplementedError
