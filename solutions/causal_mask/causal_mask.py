"""Who may look at whom: the causal mask of a decoder."""

import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    """Which keys each query may attend to: True = may attend.

    The T queries, at least one, are the last T of the S positions. S defaults to T.

    Returns: bool (T, S), [i, j] is True where key j is not later than query i.
    Raises: ValueError if T > S: some query would have no key at all.

    >>> causal_mask(3)
    tensor([[ True, False, False],
            [ True,  True, False],
            [ True,  True,  True]])
    >>> causal_mask(2, 5)
    tensor([[ True,  True,  True,  True, False],
            [ True,  True,  True,  True,  True]])
    """
    S = T if S is None else S
    if T > S:
        raise ValueError(f"{T} queries do not fit into {S} positions")
    query = torch.arange(T)[:, None] + (S - T)  # (T, 1): positions of the queries, the last T of S
    key = torch.arange(S)[None, :]  # (1, S)
    return key <= query  # (T, S)


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The same mask in the form that is added to the scores before the softmax.

    keep: a bool tensor of any shape and any pattern.
    Returns: `dtype`, the shape of keep, exactly 0 where keep is True and exactly -inf where it is False.

    >>> additive_mask(torch.tensor([[True, False], [True, True]]))
    tensor([[0., -inf],
            [0., 0.]])
    """
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(~keep, float("-inf"))  # (..., T, S)


def leaks_future(weights: Tensor) -> bool:
    """Whether attention weights give anything at all to a key in the future of its query.

    weights: floating point (..., T, S), T <= S, after the softmax; the queries are the last T of S positions.
    Returns: a Python bool: True if any weight on a future key, however small, in any head, is not zero.

    >>> leaks_future(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    False
    >>> leaks_future(torch.tensor([[0.9, 0.1], [0.5, 0.5]]))
    True
    >>> leaks_future(torch.tensor([[0.2, 0.8]]))  # the query is the second of two positions
    False
    """
    T, S = weights.shape[-2:]
    future = ~causal_mask(T, S)  # (T, S)
    return bool((weights[..., future] != 0).any())  # (..., number of future cells) -> one bool
