import torch
from torch import Tensor


def segsum(a: Tensor) -> Tensor:
    t = a.shape[-1]
    lower = torch.ones(t, t, dtype=torch.bool).tril(-1)
    x = a.unsqueeze(-1).expand(*a.shape, t).masked_fill(~lower, 0.0)  # a_t in row t, for s < t
    return x.cumsum(-2).masked_fill(~torch.ones(t, t, dtype=torch.bool).tril(), -torch.inf)


def ssd_quadratic(x: Tensor, a: Tensor, B: Tensor, C: Tensor) -> Tensor:
    L = segsum(a.transpose(1, 2)).exp()  # (Bt, H, T, T)
    scores = torch.einsum("bthn,bshn->bhts", C, B)
    return torch.einsum("bhts,bshp->bthp", L * scores, x)


def ssd_chunked(
    x: Tensor, a: Tensor, B: Tensor, C: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    bt, t, heads, p = x.shape
    h = x.new_zeros(bt, heads, p, B.shape[-1]) if h0 is None else h0
    pieces = []
    for i in range(0, t, chunk):
        xc, ac, Bc, Cc = (z[:, i : i + chunk] for z in (x, a, B, C))
        since = ac.cumsum(1).exp()  # decay from the state at the start to each token
        y = ssd_quadratic(xc, ac, Bc, Cc)
        pieces.append(y + since[..., None] * torch.einsum("bthn,bhpn->bthp", Cc, h))
        until = segsum(ac.transpose(1, 2))[:, :, -1].exp()  # decay from each token to the end
        h = since[:, -1, :, None, None] * h + torch.einsum("bht,bthp,bthn->bhpn", until, xc, Bc)
    return torch.cat(pieces, dim=1), h
