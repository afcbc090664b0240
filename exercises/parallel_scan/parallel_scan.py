"""The parallel scan: all states of a linear recurrence in a logarithmic number of rounds."""

import torch
from torch import Tensor


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The one step h ← a h + b that does what two steps do, first the left one and then the right one.

    left, right: pairs (a1, b1) and (a2, b2) of floating-point tensors, all of one shape; elementwise.
    Returns: the pair (a, b), of that shape. The arguments stay as they were.

    >>> first, second = (torch.tensor(0.5), torch.tensor(8.0)), (torch.tensor(0.25), torch.tensor(3.0))
    >>> combine(first, second)  # 0.25 (0.5 h + 8) + 3
    (tensor(0.1250), tensor(5.))
    """
    raise NotImplementedError


def parallel_scan(a: Tensor, b: Tensor, h0: Tensor | None = None) -> Tensor:
    """All states of h_t = a_t h_{t-1} + b_t, in O(log T) rounds over whole tensors.

    a, b: float32 or float64 (..., T), any leading dimensions, none included; T >= 1. Each |a_t| <= 1, and 0 is
        allowed.
    h0: (...), the state before the first step; None: zeros. All have the same dtype.
    Returns: h (..., T) in this dtype; h_t includes the step t. Gradients flow to all arguments, and the
        arguments stay as they were.

    >>> a, b = torch.full((4,), 0.5), torch.tensor([8.0, 4.0, 2.0, 1.0])
    >>> parallel_scan(a, b)
    tensor([8., 8., 6., 4.])
    >>> parallel_scan(a, b, h0=torch.tensor(16.0))
    tensor([16., 12.,  8.,  5.])
    """
    raise NotImplementedError
