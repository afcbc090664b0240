# TRUE CAUSE: The segment includes its first number: entry (t, s) is a_s + ... + a_t and not a_{s+1} + ... +
# a_t, so the diagonal is a_t and not 0.
import torch
from torch import Tensor


def segsum(a: Tensor) -> Tensor:
    T = a.shape[-1]
    grid = a[..., :, None].expand(*a.shape, T)  # grid[t, s] = a_t
    below = torch.ones(T, T, dtype=torch.bool).tril()
    sums = grid.masked_fill(~below, 0.0).cumsum(dim=-2)  # over t, only a_t with t > s
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    return sums.masked_fill(future, float("-inf"))


def ssd_quadratic(x: Tensor, a: Tensor, B: Tensor, C: Tensor) -> Tensor:
    L = torch.exp(segsum(a.transpose(1, 2)))  # (Bt, H, T, T)
    scores = torch.einsum("bthn,bshn->bhts", C, B)
    return torch.einsum("bhts,bshp->bthp", L * scores, x)


def ssd_chunked(
    x: Tensor, a: Tensor, B: Tensor, C: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, P = x.shape
    h = x.new_zeros(Bt, H, P, B.shape[-1]) if h0 is None else h0
    ys = []
    for first in range(0, T, chunk):
        part = slice(first, first + chunk)
        xc, ac, Bc, Cc = x[:, part], a[:, part], B[:, part], C[:, part]
        inside = ssd_quadratic(xc, ac, Bc, Cc)
        since = torch.exp(ac.cumsum(dim=1))  # (Bt, Q, H)
        outside = since[..., None] * torch.einsum("bhpn,bthn->bthp", h, Cc)
        ys.append(inside + outside)
        to_end = torch.exp(segsum(ac.transpose(1, 2))[:, :, -1])  # (Bt, H, Q)
        h = since[:, -1, :, None, None] * h + torch.einsum("bhs,bshp,bshn->bhpn", to_end, xc, Bc)
    return torch.cat(ys, dim=1), h
