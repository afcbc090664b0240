"""Turning the logits of a language model into its next token."""

import torch
from torch import Tensor


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """The logits, divided by the temperature: below 1 sharper, above 1 flatter.

    logits: float32 or float64 (..., V); -inf marks a removed token.
    Returns: (..., V) in the dtype of logits.
    Raises: ValueError unless temperature > 0.

    >>> apply_temperature(torch.tensor([2.0, 1.0, -1.0]), 0.5)
    tensor([ 4.,  2., -2.])
    """
    raise NotImplementedError


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """The logits, with -inf in place of all but the k largest of each row.

    logits: float32 or float64 (..., V); -inf marks a removed token. A logit equal to the k-th stays.
    k: above V it keeps all.
    Returns: (..., V) in the dtype of logits.
    Raises: ValueError if k < 1.

    >>> top_k_filter(torch.tensor([1.0, 3.0, 0.0, 2.0]), 2)
    tensor([-inf, 3., -inf, 2.])
    >>> top_k_filter(torch.tensor([3.0, 1.0, 3.0]), 1)  # both are the largest
    tensor([3., -inf, 3.])
    """
    raise NotImplementedError


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """The logits, with -inf outside the nucleus: the smallest set of most probable tokens with mass at least p.

    logits: float32 or float64 (..., V); -inf marks a removed token, at least one of a row is finite.
        Of equal logits the one with the lower index counts as more probable.
    p: the mass to reach; 1 keeps all tokens. Below 1 no sum of a row is so close to p that rounding decides.
    Returns: (..., V) in the dtype of logits. At least one token of each row is left.
    Raises: ValueError unless 0 < p <= 1.

    >>> top_p_filter(torch.tensor([0.125, 0.5, 0.25, 0.0625, 0.0625]).log(), 0.7)
    tensor([   -inf, -0.6931, -1.3863,    -inf,    -inf])
    """
    raise NotImplementedError


def next_token_distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The probabilities from which the next token is drawn: temperature, top-k, top-p, softmax, in this order.

    logits: float32 or float64 (..., V), at least one of a row finite.
    top_k, top_p: None leaves the filter out.
    Returns: (..., V) in the dtype of logits; each row sums to 1, removed tokens have exactly 0.
    Raises: ValueError as the three functions do, also for a top_k or top_p of 0.

    >>> next_token_distribution(torch.tensor([0.2, 0.4, 0.1, 0.3]).log(), temperature=2.0, top_k=3, top_p=0.42)
    tensor([0.0000, 0.5359, 0.0000, 0.4641])
    """
    raise NotImplementedError


def sample(probs: Tensor, u: Tensor) -> Tensor:
    """One token for each row: the first whose cumulative probability exceeds u.

    probs: float32 or float64 (..., V), at least 0; each row sums to 1 up to rounding.
    u: (...) in the dtype of probs, 0 <= u < 1, the random draw of each row.
    Returns: int64 (...). Never a token of probability 0: where rounding leaves the sum of a row at or below
        u, its last token of positive probability.

    >>> sample(torch.tensor([[0.25, 0.0, 0.75], [0.25, 0.0, 0.75]]), torch.tensor([0.0, 0.25]))
    tensor([0, 2])
    """
    raise NotImplementedError
