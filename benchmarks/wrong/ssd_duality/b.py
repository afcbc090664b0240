# TRUE CAUSE: Between chunks ssd_chunked writes the state with C and reads it with B. B is what a token writes and C
# what it reads: h gets x_s B_s, and token t reads h C_t, as within the chunk.
import torch
from torch import Tensor


def segsum(a: Tensor) -> Tensor:
    T = a.shape[-1]
    later = torch.ones(T, T, dtype=torch.bool, device=a.device).tril(-1)  # t > s
    steps = a[..., :, None].expand(*a.shape, T).masked_fill(~later, 0.0)
    above = torch.ones(T, T, dtype=torch.bool, device=a.device).triu(1)
    return steps.cumsum(dim=-2).masked_fill(above, -torch.inf)


def ssd_quadratic(x: Tensor, a: Tensor, B: Tensor, C: Tensor) -> Tensor:
    L = segsum(a.transpose(1, 2)).exp()  # (Bt, H, T, T)
    scores = torch.einsum("bthn,bshn->bhts", C, B) * L
    return torch.einsum("bhts,bshp->bthp", scores, x)


def ssd_chunked(
    x: Tensor, a: Tensor, B: Tensor, C: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, P = x.shape
    h = x.new_zeros(Bt, H, P, B.shape[-1]) if h0 is None else h0
    outputs = []
    for start in range(0, T, chunk):
        xs, As, Bs, Cs = (part[:, start : start + chunk] for part in (x, a, B, C))
        inner = ssd_quadratic(xs, As, Bs, Cs)
        since_start = As.cumsum(dim=1).exp()  # (Bt, Q, H)
        outer = torch.einsum("bhpn,bthn->bthp", h, Bs) * since_start[..., None]
        outputs.append(inner + outer)

        till_end = segsum(As.transpose(1, 2))[..., -1, :].exp()  # (Bt, H, Q)
        fresh = torch.einsum("bhs,bshp,bshn->bhpn", till_end, xs, Cs)
        h = since_start[:, -1, :, None, None] * h + fresh
    return torch.cat(outputs, dim=1), h
