# TRUE CAUSE: ssd_chunked runs from zeros and adds what h0 gives to y alone; the state that it returns lacks h0,
# decayed by all steps, so a text in pieces goes wrong from the third piece on.
import torch
from torch import Tensor


def segsum(a: Tensor) -> Tensor:
    T = a.shape[-1]
    below = torch.ones(T, T, dtype=torch.bool, device=a.device).tril(-1)
    steps = a.unsqueeze(-1).expand(*a.shape, T).masked_fill(~below, 0.0)  # (t, s): a_t where s < t
    sums = steps.cumsum(dim=-2)
    seen = torch.ones(T, T, dtype=torch.bool, device=a.device).tril()
    return sums.masked_fill(~seen, float("-inf"))


def _within(x: Tensor, a: Tensor, B: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """The map of tokens that start from zeros, and the state that they leave."""
    L = segsum(a.transpose(1, 2)).exp()  # (Bt, H, T, T)
    weights = L * torch.einsum("bthn,bshn->bhts", C, B)
    y = torch.einsum("bhts,bshp->bthp", weights, x)
    h = torch.einsum("bhs,bshp,bshn->bhpn", L[:, :, -1], x, B)
    return y, h


def ssd_quadratic(x: Tensor, a: Tensor, B: Tensor, C: Tensor) -> Tensor:
    return _within(x, a, B, C)[0]


def _read(a: Tensor, C: Tensor, h: Tensor) -> Tensor:
    """What the tokens read of the state before them."""
    return torch.einsum("bth,bthn,bhpn->bthp", a.cumsum(dim=1).exp(), C, h)


def ssd_chunked(
    x: Tensor, a: Tensor, B: Tensor, C: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, P = x.shape
    h = x.new_zeros(Bt, H, P, B.shape[-1])
    rows = []
    for start in range(0, T, chunk):
        now = slice(start, start + chunk)
        y, fresh = _within(x[:, now], a[:, now], B[:, now], C[:, now])
        rows.append(y + _read(a[:, now], C[:, now], h))
        h = a[:, now].sum(dim=1).exp()[..., None, None] * h + fresh
    y = torch.cat(rows, dim=1)
    if h0 is not None:
        y = y + _read(a, C, h0)
    return y, h
