"""The gated delta rule: a linear-attention state that can be corrected, token by token and in chunks.

q, k (Bt, T, H, K)     what a token reads with, and under which key it writes; used as they are, of any length
v, o (Bt, T, H, V)     what it writes, and what it reads
g    (Bt, T, H)        log-decay, from -100 to 0
beta (Bt, T, H)        strength of the write, from 0 to 1
S    (Bt, H, K, V)     the state; T >= 1; all are of one dtype, float32 or float64
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def l2_normalize(x: Tensor, eps: float = 1e-6) -> Tensor:
    """x / √(Σ x² + eps), the sum over the last axis. A row of zeros stays zero.

    x: float32 or float64, (..., K).
    Returns: the shape and dtype of x. Gradients flow to x and are finite, also at a row of zeros.

    >>> l2_normalize(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    raise NotImplementedError


def gates(a: Tensor, b: Tensor, A_log: Tensor, dt_bias: Tensor) -> tuple[Tensor, Tensor]:
    """Decay and strength from two numbers for each head: g = -exp(A_log) softplus(a + dt_bias), beta = sigmoid(b).

    a, b: (Bt, T, H). A_log, dt_bias: (H,).
    Returns: g and beta, (Bt, T, H) each. a = 1000 gives a finite g. Gradients flow to all arguments and are finite
        there, too.

    >>> a, b = torch.tensor([[[0.0, 1000.0]]]), torch.tensor([[[0.0, 1.0]]])
    >>> gates(a, b, A_log=torch.tensor([0.0, -2.3025851]), dt_bias=torch.tensor([0.0, 0.0]))
    (tensor([[[  -0.6931, -100.0000]]]), tensor([[[0.5000, 0.7311]]]))
    """
    raise NotImplementedError


def gated_delta_recurrent(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Token by token, in every head: decay the state, correct what it holds under k_t, read it with q_t.

    state: (Bt, H, K, V), S before the first token; None: zeros. It is not changed.
    Returns: o (Bt, T, H, V) and the state after the last token (Bt, H, K, V), in the dtype of q and computed in it
        or in a finer one. q is not scaled. Gradients flow to all arguments.

    Key [1, 0] holds 4 and then 6; the second write replaces the first. Key [0, 1] is written half:

    >>> k = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).view(1, 3, 1, 2)
    >>> v, g = torch.tensor([4.0, 6.0, 10.0]).view(1, 3, 1, 1), torch.zeros(1, 3, 1)
    >>> beta = torch.tensor([1.0, 1.0, 0.5]).view(1, 3, 1)
    >>> o, S = gated_delta_recurrent(torch.ones(1, 3, 1, 2), k, v, g, beta)
    >>> o.flatten(), S.flatten()
    (tensor([ 4.,  6., 11.]), tensor([6., 5.]))
    """
    raise NotImplementedError


def gated_delta_chunked(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, chunk: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same map in pieces of `chunk` tokens: one triangular system within a piece, a state from one to the next.

    chunk: Q >= 1. It need not divide T: the last piece is then shorter. It may be larger than T.
    state: as for gated_delta_recurrent.
    Returns: what gated_delta_recurrent returns. For a given Q, memory grows in proportion to T. Gradients flow to all
        arguments. No number and no gradient is NaN or infinite, whatever g from -100 to 0. It should take Python a few
        steps for each chunk, or for each place in a chunk, and not for each token; no test counts them.
    Raises: ValueError if chunk < 1.

    >>> k = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).view(1, 3, 1, 2)
    >>> v, g = torch.tensor([4.0, 6.0, 10.0]).view(1, 3, 1, 1), torch.zeros(1, 3, 1)
    >>> beta = torch.tensor([1.0, 1.0, 0.5]).view(1, 3, 1)
    >>> o, S = gated_delta_chunked(torch.ones(1, 3, 1, 2), k, v, g, beta, chunk=2)
    >>> o.flatten(), S.flatten()
    (tensor([ 4.,  6., 11.]), tensor([6., 5.]))
    """
    raise NotImplementedError
