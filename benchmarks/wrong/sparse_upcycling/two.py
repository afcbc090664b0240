# TRUE CAUSE: (1) the seed is not used: the router is drawn from torch's own generator, so the same seed gives another router.
# (2) combinations computes with floating-point factorials (gamma functions), so that large numbers are not exact.
import math

import torch
from torch import Tensor


def upcycle(
    w1: Tensor, w2: Tensor, w3: Tensor, num_experts: int, seed: int, router_std: float = 0.02
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    gate = router_std * torch.randn(num_experts, w1.shape[1], dtype=w1.dtype)

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
    n, r = m * num_experts, m * k
    return round(math.exp(math.lgamma(n + 1) - math.lgamma(r + 1) - math.lgamma(n - r + 1)))
