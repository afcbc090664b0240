"""Discretisation: a differential equation becomes a recurrence with steps of size dt."""

import torch
import torch.nn.functional as F
from torch import Tensor


def discretize(A: Tensor, B: Tensor, dt: float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    """h' = A h + B x as h_t = A_bar h_{t-1} + B_bar x_t, for a matrix A.

    A: float32 or float64 (N, N), any matrix, singular ones included. B: (N, M), of the same dtype.
    dt: the size of a step, a float above 0.
    method: "zoh", "bilinear" or "euler".
    Returns: A_bar (N, N) and B_bar (N, M), in the dtype of A. Gradients flow to A and B.
    Raises: ValueError for any other method.

    >>> discretize(torch.tensor([[-0.5]]), torch.tensor([[1.0]]), dt=2.0)
    (tensor([[0.3679]]), tensor([[1.2642]]))
    >>> discretize(torch.tensor([[-0.5]]), torch.tensor([[1.0]]), dt=2.0, method="bilinear")
    (tensor([[0.3333]]), tensor([[1.3333]]))
    """
    raise NotImplementedError


def discretize_diag(A: Tensor, B: Tensor, dt: Tensor | float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    """The same for a diagonal A: every entry is a system of its own.

    A, B: float32 or float64, the diagonal and its inputs. dt: a number above 0, or a tensor of such numbers, in
        the dtype of A. They broadcast, and dt * A and dt * B have the same shape. Mamba, for example, has
        A (Ch, N), B (Bt, T, 1, N) and dt (Bt, T, Ch, 1).
    method: "zoh", "bilinear" or "mamba".
    Returns: A_bar and B_bar in the shape of dt * A and the dtype of A. Entries of A may be 0 or so near to it as
        -1e-12; B_bar keeps its digits there. Gradients flow to A, B and a tensor dt; none is NaN.
    Raises: ValueError for any other method.

    >>> discretize_diag(torch.tensor([-0.5, 0.0]), torch.tensor([1.0, 1.0]), dt=2.0)
    (tensor([0.3679, 1.0000]), tensor([1.2642, 2.0000]))
    """
    raise NotImplementedError
