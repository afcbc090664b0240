"""From one feed-forward network to many."""

import math

import torch
from torch import Tensor


def upcycle(w1, w2, w3, num_experts, seed, router_std=0.02):
    generator = torch.Generator().manual_seed(seed)
    gate = torch.randn(num_experts, w1.shape[1], generator=generator, dtype=w1.dtype) * router_std
    return {
        "gate": gate,
        "w1": w1.repeat(num_experts, 1, 1),
        "w2": w2.repeat(num_experts, 1, 1),
        "w3": w3.repeat(num_experts, 1, 1),
    }


def split_expert(w1, w2, w3, m):
    f = w1.shape[0] // m
    return {
        "w1": w1.reshape(m, f, -1),
        "w2": w2.reshape(w2.shape[0], m, f).transpose(0, 1),
        "w3": w3.reshape(m, f, -1),
    }


def combinations(num_experts, k, m=1):
    return math.comb(num_experts * m, k * m)
