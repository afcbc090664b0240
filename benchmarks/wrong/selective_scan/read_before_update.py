# TRUE CAUSE: The output of token t is read from the state before this token was taken in.
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
    if h0 is None:
        h = u.new_zeros(u.shape[0], u.shape[1], A.shape[1])
    else:
        h = h0
    outputs = []
    for t in range(u.shape[2]):
        step = delta[:, :, t, None]
        decay = torch.exp(step * A)
        outputs.append((h * C[:, None, :, t]).sum(dim=-1))
        h = decay * h + step * u[:, :, t, None] * B[:, None, :, t]
    y = torch.stack(outputs, dim=-1)
    if D is not None:
        y = y + D[:, None] * u
    if z is not None:
        y = y * F.silu(z)
    return y, h
