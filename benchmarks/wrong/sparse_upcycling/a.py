# TRUE CAUSE: the copies are made by expand(...).contiguous(), which copies nothing where the tensor is contiguous
# already: with one expert the layer shares its memory with the dense weights. clone or stack would always copy.
import math

import torch
from torch import Tensor


def _copies(w: Tensor, number: int) -> Tensor:
    return w.detach().unsqueeze(0).expand(number, *w.shape).contiguous()


def upcycle(
    w1: Tensor, w2: Tensor, w3: Tensor, num_experts: int, seed: int, router_std: float = 0.02
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    gate = router_std * torch.randn(num_experts, w1.shape[1], generator=generator, dtype=w1.dtype)
    return {
        "gate": gate,
        "w1": _copies(w1, num_experts),
        "w2": _copies(w2, num_experts),
        "w3": _copies(w3, num_experts),
    }


def split_expert(w1: Tensor, w2: Tensor, w3: Tensor, m: int) -> dict[str, Tensor]:
    return {
        "w1": torch.stack(w1.chunk(m, dim=0)),
        "w2": torch.stack(w2.chunk(m, dim=1)),
        "w3": torch.stack(w3.chunk(m, dim=0)),
    }


def combinations(num_experts: int, k: int, m: int = 1) -> int:
    return math.comb(m * num_experts, m * k)
