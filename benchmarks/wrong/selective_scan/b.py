# TRUE CAUSE: The gate is applied to what is read from the state, and the skip D u is added behind it. The gate comes
# last: it multiplies the sum ⟨C, h⟩ + D u.
"""S6, the recurrence of Mamba."""

import torch
import torch.nn.functional as F
from torch import Tensor


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    h0: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if delta_softplus:
        delta = F.softplus(delta)
    h = u.new_zeros(u.shape[0], *A.shape) if h0 is None else h0
    reads = []
    for t in range(u.shape[2]):
        step = delta[:, :, t, None]
        h = (step * A).exp() * h + step * u[:, :, t, None] * B[:, None, :, t]
        reads.append((h * C[:, None, :, t]).sum(dim=-1))
    y = torch.stack(reads, dim=-1)
    if z is not None:
        y = y * F.silu(z)
    if D is not None:
        y = y + D[:, None] * u
    return y, h
