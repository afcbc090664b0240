"""Causal linear attention, as a matrix and as a recurrence."""

import torch
import torch.nn.functional as F
from torch import Tensor


def feature_map(x: Tensor) -> Tensor:
    """φ(x) = elu(x) + 1, elementwise: x + 1 where x > 0, and exp(x) elsewhere.

    x: float32 or float64, any shape.
    Returns: the same shape and dtype. Positive, in float64 at -30 too. Gradients flow to x, and
        are finite at 1000 too.

    >>> feature_map(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.3679, 1.0000, 3.0000])
    """
    raise NotImplementedError


def linear_attention_parallel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """All tokens at once: y_t is the mean of v_0 ... v_t with the weights φ(q_t) · φ(k_s).

    q, k: (..., T, K), before the feature map. v: (..., T, V). T >= 1; any leading dimensions, none included; all of
        one dtype, float32 or float64.
    Returns: y (..., T, V) in the dtype of v. The weights of each token sum to 1: nothing is added to the
        denominator. Gradients flow to all arguments.

    >>> q, k = torch.zeros(3, 1), torch.tensor([[0.0], [2.0], [0.0]])  # φ is 1 1 1 and 1 3 1
    >>> v = torch.tensor([[4.0], [8.0], [3.0]])
    >>> linear_attention_parallel(q, k, v).flatten()
    tensor([4.0000, 7.0000, 6.2000])
    """
    raise NotImplementedError


def linear_attention_recurrent(
    q: Tensor, k: Tensor, v: Tensor, state: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The same, token by token, with a state whose size does not depend on T.

    q, k, v: as in linear_attention_parallel.
    state: {"S": (..., K, V), "n": (..., K)}, the sums of φ(k_s) v_sᵀ and of φ(k_s) over all earlier tokens;
        None: zeros. It is not changed.
    Returns: y (..., T, V), and the state after the last token in the same form, in the dtype of v. Gradients flow
        to all arguments, and to the tensors of the state.

    >>> q, k = torch.zeros(3, 1), torch.tensor([[0.0], [2.0], [0.0]])
    >>> v = torch.tensor([[4.0], [8.0], [3.0]])
    >>> y, state = linear_attention_recurrent(q, k, v)
    >>> y.flatten(), state
    (tensor([4.0000, 7.0000, 6.2000]), {'S': tensor([[31.]]), 'n': tensor([5.])})
    """
    raise NotImplementedError
