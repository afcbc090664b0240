"""S6, the recurrence of Mamba, whose parameters depend on the token."""

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
    """A linear recurrence in every channel whose step size, input and read-out change with the token.

    u: (Bt, Ch, T), the input; T >= 1. All arguments have the dtype of u.
    delta: (Bt, Ch, T), the step size Δ; delta_bias (Ch,) is added first, then follows softplus if
        delta_softplus. After that it is at least 0.
    A: (Ch, N), negative.
    B, C: (Bt, N, T), shared by all channels.
    D: (Ch,), the skip; None: no skip.
    z: (Bt, Ch, T), the gate; None: no gate.
    h0: (Bt, Ch, N), the state before the first token, which is not changed; None: zeros.

    Returns: y (Bt, Ch, T) and the state after the last token (Bt, Ch, N), both in the dtype of u and
        computed in it or in a finer one. Gradients flow to all arguments.

    With one sequence, one channel and one state, and A = -ln 2, a step of size 1 halves the state:

    >>> u, delta, A = torch.tensor([[[4.0, 2.0]]]), torch.tensor([[[1.0, 2.0]]]), torch.tensor([[-0.6931472]])
    >>> B, C = torch.tensor([[[1.0, 0.5]]]), torch.tensor([[[1.0, 3.0]]])
    >>> selective_scan(u, delta, A, B, C)  # h = 1*4*1 = 4, then 4/4 + 2*2*0.5 = 3
    (tensor([[[4., 9.]]]), tensor([[[3.]]]))
    """
    raise NotImplementedError
