# TRUE CAUSE: assign_slots starts each round of choices behind the tokens of the round before only. The third choices
# have to go behind the first AND the second ones; here, with k of 3 or more, they get slots that are taken already.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def expert_capacity(num_tokens: int, num_experts: int, k: int, capacity_factor: float) -> int:
    return math.ceil(num_tokens * k * capacity_factor / num_experts)


def assign_slots(indices: Tensor, num_experts: int, capacity: int) -> Tensor:
    columns = []
    before = torch.zeros(num_experts, dtype=torch.int64)
    for choice in indices.unbind(dim=1):  # all first choices, then all second ones, ...
        chosen = F.one_hot(choice, num_experts)  # (T, E)
        place = before + chosen.cumsum(dim=0) - 1
        columns.append(place.gather(1, choice[:, None])[:, 0])
        before = chosen.sum(dim=0)
    slots = torch.stack(columns, dim=1)
    return slots.masked_fill(slots >= capacity, -1)


def dispatch(x: Tensor, indices: Tensor, slots: Tensor, num_experts: int, capacity: int) -> Tensor:
    token, choice = (slots >= 0).nonzero(as_tuple=True)
    expert, slot = indices[token, choice], slots[token, choice]
    buffers = x.new_zeros(num_experts * capacity, x.shape[1])
    return buffers.index_copy(0, expert * capacity + slot, x[token]).view(num_experts, capacity, -1)


def combine(buffers: Tensor, indices: Tensor, slots: Tensor, weights: Tensor) -> Tensor:
    token, choice = (slots >= 0).nonzero(as_tuple=True)
    rows = buffers[indices[token, choice], slots[token, choice]]
    y = buffers.new_zeros(indices.shape[0], buffers.shape[-1])
    return y.index_add(0, token, weights[token, choice][:, None] * rows)
