# TRUE CAUSE: upcycle begins with a router of zeros in place of random normal numbers.
import math

import torch
from torch import Tensor


def upcycle(
    w1: Tensor, w2: Tensor, w3: Tensor, num_experts: int, seed: int, router_std: float = 0.02
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    gate = torch.zeros(num_experts, w1.shape[1], dtype=w1.dtype)

    def copies(w: Tensor) -> Tensor:
        return torch.stack([w.detach()] * num_experts)

    return {"gate": gate, "w1": copies(w1), "w2": copies(w2), "w3": copies(w3)}


def split_expert(w1: Tensor, w2: Tensor, w3: Tensor, m: int) -> dict[str, Tensor]:
    F, D = w1.shape
    return {
        "w1": w1.reshape(m, F // m, D),
        "w2": w2.reshape(D, m, F // m).transpose(0, 1),
        "w3": w3.reshape(m, F // m, D),
    }


def combinations(num_experts: int, k: int, m: int = 1) -> int:
    return math.comb(m * num_experts, m * k)
