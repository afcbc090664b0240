import math

import torch
import torch.nn.functional as F
from torch import Tensor


def expert_capacity(num_tokens: int, num_experts: int, k: int, capacity_factor: float) -> int:
    return math.ceil(num_tokens * k * capacity_factor / num_experts)


def assign_slots(indices: Tensor, num_experts: int, capacity: int) -> Tensor:
    tokens, k = indices.shape
    order = indices.T.reshape(-1)
    chosen = F.one_hot(order, num_experts)
    before = chosen.cumsum(0) - chosen
    slots = before.gather(1, order[:, None]).squeeze(1)
    slots = torch.where(slots < capacity, slots, -1)
    return slots.view(k, tokens).T


def dispatch(x: Tensor, indices: Tensor, slots: Tensor, num_experts: int, capacity: int) -> Tensor:
    token, choice = torch.nonzero(slots >= 0, as_tuple=True)
    buffers = x.new_zeros(num_experts, capacity, x.shape[1])
    return buffers.index_put((indices[token, choice], slots[token, choice]), x[token])


def combine(buffers: Tensor, indices: Tensor, slots: Tensor, weights: Tensor) -> Tensor:
    got = slots >= 0
    rows = buffers[indices, slots.clamp(min=0)]
    used = torch.where(got, weights, torch.zeros_like(weights))
    return (rows * used[..., None]).sum(1)
