# TRUE CAUSE: parallel_scan uses the closed form P_t (h0 + Σ b_s / P_s) with the cumulative products P of a:
# where the product becomes 0 (an a that is 0, or many small ones) it divides by 0 and gives NaN.
import torch
from torch import Tensor


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    a1, b1 = left
    a2, b2 = right
    return a2 * a1, a2 * b1 + b2


def parallel_scan(a: Tensor, b: Tensor, h0: Tensor | None = None) -> Tensor:
    if h0 is not None:
        first = b[..., :1] + a[..., :1] * h0[..., None]
        b = torch.cat([first, b[..., 1:]], dim=-1)
    product = a.cumprod(dim=-1)
    return product * (b / product).cumsum(dim=-1)
