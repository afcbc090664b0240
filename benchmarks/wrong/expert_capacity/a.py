# TRUE CAUSE: assign_slots starts each round of choices behind the counts of the previous round only; with k >= 3 the
# counts of all earlier rounds have to be added up, else slots are given twice.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def expert_capacity(num_tokens: int, num_experts: int, k: int, capacity_factor: float) -> int:
    return math.ceil(num_tokens * k * capacity_factor / num_experts)


def assign_slots(indices: Tensor, num_experts: int, capacity: int) -> Tensor:
    slots = torch.empty_like(indices)
    taken = torch.zeros(num_experts, dtype=torch.int64, device=indices.device)
    for s in range(indices.shape[1]):
        chosen = F.one_hot(indices[:, s], num_experts)  # (T, E)
        place = (chosen.cumsum(0) - 1).gather(1, indices[:, s : s + 1]).squeeze(1) + taken[indices[:, s]]
        slots[:, s] = torch.where(place < capacity, place, -1)
        taken = chosen.sum(0)
    return slots


def dispatch(x: Tensor, indices: Tensor, slots: Tensor, num_experts: int, capacity: int) -> Tensor:
    token, choice = (slots >= 0).nonzero(as_tuple=True)
    row = indices[token, choice] * capacity + slots[token, choice]
    flat = x.new_zeros(num_experts * capacity, x.shape[1])
    return flat.index_copy(0, row, x[token]).view(num_experts, capacity, x.shape[1])


def combine(buffers: Tensor, indices: Tensor, slots: Tensor, weights: Tensor) -> Tensor:
    token, choice = (slots >= 0).nonzero(as_tuple=True)
    rows = buffers[indices[token, choice], slots[token, choice]]
    y = buffers.new_zeros(indices.shape[0], buffers.shape[-1])
    return y.index_add(0, token, weights[token, choice, None] * rows)
