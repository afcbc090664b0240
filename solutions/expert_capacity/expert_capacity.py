"""Experts with buffers of fixed size: who gets a slot, the way into the buffers, and the way back."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def expert_capacity(num_tokens: int, num_experts: int, k: int, capacity_factor: float) -> int:
    """The slots of each expert: T k c / E, rounded up.

    num_tokens: T. num_experts: E. k: choices of each token. All are at least 1.
    capacity_factor: c > 0, an int or a float; a multiple of 1/4, so that nothing is rounded before the end.
    Returns: an int.

    >>> expert_capacity(10, 8, k=2, capacity_factor=1.25)  # 25 / 8
    4
    """
    return math.ceil(num_tokens * k * capacity_factor / num_experts)


def assign_slots(indices: Tensor, num_experts: int, capacity: int) -> Tensor:
    """The slot that each choice gets in the buffer of its expert: 0, 1, ... as they come, and -1 once it is full.

    First come all first choices in token order, then all second ones in token order, and so on.

    indices: int64 (T, k), the experts that each token chose, best first; those of a token differ.
    num_experts: E, all indices are below it. capacity: at least 1; it may be larger than T.
    Returns: int64 (T, k), each number from -1 to capacity - 1.

    >>> assign_slots(torch.tensor([[0, 1], [0, 1], [1, 3], [1, 0]]), num_experts=4, capacity=2)
    tensor([[ 0, -1],
            [ 1, -1],
            [ 0,  0],
            [ 1, -1]])
    """
    T, k = indices.shape
    queue = indices.T.flatten()  # (k * T,): the first choices of all tokens, then the second ones
    come = F.one_hot(queue, num_experts).cumsum(0)  # (k * T, E): how many came to each expert so far
    slots = come.gather(1, queue[:, None]).squeeze(1) - 1  # (k * T,): without the choice itself
    slots = slots.masked_fill(slots >= capacity, -1)
    return slots.view(k, T).T  # (T, k)


def dispatch(x: Tensor, indices: Tensor, slots: Tensor, num_experts: int, capacity: int) -> Tensor:
    """The buffers of all experts: each token in the slots that its choices got.

    x: (T, D), float32 or float64. indices: int64 (T, k). num_experts: E.
    slots: int64 (T, k), from -1 to capacity - 1; -1 is a dropped choice. No slot of an expert is given twice. Slots may
        lie in any order and leave gaps, not only as assign_slots gives them.
    Returns: (E, capacity, D) in the dtype of x; a slot that nobody got is 0. Gradients flow to x.

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> dispatch(x, torch.tensor([[2, 0], [2, 1]]), torch.tensor([[0, 1], [-1, 0]]), num_experts=3, capacity=2)
    tensor([[[0., 0.],
             [1., 2.]],
    <BLANKLINE>
            [[3., 4.],
             [0., 0.]],
    <BLANKLINE>
            [[1., 2.],
             [0., 0.]]])
    """
    token, s = torch.where(slots >= 0)  # (n,): the choices that got a slot
    buffers = x.new_zeros(num_experts, capacity, x.shape[-1])  # (E, capacity, D)
    return buffers.index_put((indices[token, s], slots[token, s]), x[token])


def combine(buffers: Tensor, indices: Tensor, slots: Tensor, weights: Tensor) -> Tensor:
    """Back from the experts' buffers to the tokens: for each token the weighted sum of what is in its slots.

    A dropped choice adds nothing, and its weight is not given to the others.

    buffers: (E, capacity, D), finite; float32 or float64. indices: int64 (T, k).
    slots: int64 (T, k), as in dispatch. weights: (T, k) in the dtype of buffers, of any sum.
    Returns: (T, D) in the dtype of buffers; 0 for a token without any slot. Gradients flow to buffers and weights.

    >>> buffers = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]])
    >>> weights = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    >>> combine(buffers, torch.tensor([[2, 0], [2, 1]]), torch.tensor([[0, 1], [-1, 0]]), weights)
    tensor([[4.2500],
            [1.5000]])
    """
    token, s = torch.where(slots >= 0)  # (n,)
    rows = buffers[indices[token, s], slots[token, s]]  # (n, D)
    y = buffers.new_zeros(len(indices), buffers.shape[-1])  # (T, D)
    return y.index_add(0, token, weights[token, s, None] * rows)
