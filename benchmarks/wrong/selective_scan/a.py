# TRUE CAUSE: the gate is applied before the skip, y = <C, h> silu(z) + D u; the skip is part of what is gated, and
# silu(z) multiplies <C, h> + D u last.
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
        delta = delta + delta_bias.unsqueeze(-1)
    if delta_softplus:
        delta = F.softplus(delta)

    decay = torch.exp(torch.einsum("bct,cn->tbcn", delta, A))
    feed = torch.einsum("bct,bnt->tbcn", delta * u, B)
    h = torch.zeros_like(feed[0]) if h0 is None else h0
    read = []
    for t in range(u.shape[-1]):
        h = decay[t] * h + feed[t]
        read.append(torch.einsum("bcn,bn->bc", h, C[:, :, t]))
    y = torch.stack(read, dim=-1)
    if z is not None:
        y = y * F.silu(z)
    if D is not None:
        y = y + D.unsqueeze(-1) * u
    return y, h
