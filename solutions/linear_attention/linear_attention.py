"""Causal linear attention, as a matrix and as a recurrence."""

import torch
from torch import Tensor


def feature_map(x: Tensor) -> Tensor:
    """φ(x) = elu(x) + 1, elementwise: x + 1 where x > 0, and exp(x) elsewhere.

    x: float32 or float64, any shape.
    Returns: the same shape and dtype. Positive, in float64 at -30 too. Gradients flow to x, and
        are finite at 1000 too.

    >>> feature_map(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.3679, 1.0000, 3.0000])
    """
    below = x.clamp(max=0).exp()  # elu forms e^x - 1, which loses the digits of a small e^x; exp(1000) has no gradient
    return torch.where(x > 0, x + 1, below)


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
    weights = (feature_map(q) @ feature_map(k).mT).tril()  # (..., T, T): φ(q_t) · φ(k_s) for s <= t
    return (weights @ v) / weights.sum(-1, keepdim=True)


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
    T, V = v.shape[-2:]
    phi_q, phi_k = feature_map(q), feature_map(k)  # (..., T, K)
    if state is None:
        S = v.new_zeros(*k.shape[:-2], k.shape[-1], V)
        n = v.new_zeros(*k.shape[:-2], k.shape[-1])
    else:
        S, n = state["S"], state["n"]
    ys = []
    for t in range(T):
        S = S + phi_k[..., t, :, None] * v[..., t, None, :]  # (..., K, V)
        n = n + phi_k[..., t, :]  # (..., K)
        total = (phi_q[..., t, :, None] * S).sum(-2)  # (..., V)
        weight = (phi_q[..., t, :] * n).sum(-1, keepdim=True)  # (..., 1)
        ys.append(total / weight)
    return torch.stack(ys, dim=-2), {"S": S, "n": n}
