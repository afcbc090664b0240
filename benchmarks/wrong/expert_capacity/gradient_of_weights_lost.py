# TRUE CAUSE: combine detaches the weights where it masks them, so that no gradient reaches them, though the
# numbers are right.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def expert_capacity(num_tokens: int, num_experts: int, k: int, capacity_factor: float) -> int:
    return math.ceil(num_tokens * k * capacity_factor / num_experts)


def assign_slots(indices: Tensor, num_experts: int, capacity: int) -> Tensor:
    tokens, k = indices.shape
    queue = indices.T.reshape(-1)  # all first choices, then all second ones, ...
    one_hot = F.one_hot(queue, num_experts)
    place = (one_hot.cumsum(dim=0) - 1).gather(1, queue[:, None])[:, 0]
    slots = torch.where(place < capacity, place, -1)
    return slots.view(k, tokens).T.contiguous()


def dispatch(x: Tensor, indices: Tensor, slots: Tensor, num_experts: int, capacity: int) -> Tensor:
    token, choice = torch.nonzero(slots >= 0, as_tuple=True)
    place = indices[token, choice] * capacity + slots[token, choice]
    buffer = x.new_zeros(num_experts * capacity, x.shape[1])
    return buffer.index_copy(0, place, x[token]).view(num_experts, capacity, -1)


def combine(buffers: Tensor, indices: Tensor, slots: Tensor, weights: Tensor) -> Tensor:
    kept = slots >= 0
    rows = buffers[indices, slots.clamp(min=0)]
    used = weights.detach().clone()
    used[~kept] = 0
    return (used[:, :, None] * rows).sum(dim=1)
