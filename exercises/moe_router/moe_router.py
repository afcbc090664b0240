"""The router of a mixture of experts: pick k experts for each token, then weigh them."""

import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best experts of every token, and the softmax over those k.

    logits: floating point (..., E), any number of leading dimensions, none and zero tokens included.
        An expert with logit -inf is switched off; at least k others are finite.
    Returns: weights (..., k) in the dtype of logits and indices (..., k) int64, both by falling logit.
        The softmax is computed in float32 for half precision; float64 stays float64.
        Gradients flow from the weights to the logits.
    Raises: ValueError unless 1 <= k <= E.

    >>> route(torch.tensor([[1.0, 3.0, 0.0, 2.0], [4.0, 1.0, 0.0, 2.0], [0.0, 1.0, 4.0, 2.5]]), k=2)
    (tensor([[0.7311, 0.2689],
            [0.8808, 0.1192],
            [0.8176, 0.1824]]), tensor([[1, 3],
            [0, 3],
            [2, 3]]))
    """
    raise NotImplementedError


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """The routing as one row per token: the weight of each expert, 0 for those not chosen.

    weights: floating point (..., k).
    indices: int64 (..., k), the expert that each weight belongs to; the k of a token differ.
    Returns: (..., num_experts) in the dtype of weights. Gradients flow to the weights.

    >>> combine_matrix(torch.tensor([0.7311, 0.2689]), torch.tensor([1, 3]), num_experts=4)
    tensor([0.0000, 0.7311, 0.0000, 0.2689])
    """
    raise NotImplementedError
