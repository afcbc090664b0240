# TRUE CAUSE: thinks that the weights of dropped choices are handed to the choices that are left: combine divides by the sum
# of the kept weights and multiplies by the sum of all weights of the token. Everything else is right.
import math

import torch


def expert_capacity(num_tokens, num_experts, k, capacity_factor):
    choices = num_tokens * k
    return int(math.ceil(choices * capacity_factor / num_experts))


def assign_slots(indices, num_experts, capacity):
    T, k = indices.shape
    fill = [0] * num_experts
    result = torch.full((T, k), -1, dtype=torch.int64)
    for s in range(k):
        for t in range(T):
            e = int(indices[t, s])
            if fill[e] < capacity:
                result[t, s] = fill[e]
                fill[e] += 1
    return result


def dispatch(x, indices, slots, num_experts, capacity):
    buf = torch.zeros(num_experts, capacity, x.size(-1), dtype=x.dtype)
    for s in range(indices.size(1)):
        ok = slots[:, s] != -1
        buf[indices[ok, s], slots[ok, s]] = x[ok]
    return buf


def combine(buffers, indices, slots, weights):
    ok = (slots != -1).to(weights.dtype)
    kept = weights * ok
    # a token keeps its total weight: the others take over what was dropped
    total = weights.sum(1, keepdim=True)
    left = kept.sum(1, keepdim=True)
    kept = kept * total / torch.where(left == 0, torch.ones_like(left), left)
    out = buffers.new_zeros(indices.size(0), buffers.size(-1))
    for s in range(indices.size(1)):
        out = out + kept[:, s, None] * buffers[indices[:, s], slots[:, s].clamp(min=0)]
    return out
