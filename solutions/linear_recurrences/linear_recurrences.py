"""One family of layers with a state: fade, correct, write, read. Only the transition differs between them.

    S_t = (I - beta_t k_t k_tᵀ) diag(a_t) S_{t-1} + beta_t k_t v_tᵀ        o_t = S_tᵀ q_t

S (..., K, V) is the state. a_t says how much of each of its K rows stays, beta_t how far the entry under k_t is moved
to v_t. A layer may leave one of them out:

    linear attention   no a, no beta        S + k vᵀ
    RetNet, Mamba-2    a (..., 1)           one number for all rows, fixed or made from the token
    GLA, RWKV-6        a (..., K)           a number for each row
    DeltaNet           beta
    gated DeltaNet     a (..., 1), beta
    KDA                a (..., K), beta     Kimi Linear

Without beta nothing is corrected, and k vᵀ is written as it is. All tensors are float32 or float64, of one dtype.
"""

import torch
from torch import Tensor


def step(state: Tensor, k: Tensor, v: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """The state after one token.

    In this order: row i of the state is multiplied by a_i; what the state, now faded, says under the key is read, Sᵀk;
    and beta · k (v - Sᵀk)ᵀ is added. Without beta k vᵀ is added instead, and nothing is read.

    state: (..., K, V). It is not changed. k: (..., K), of any length, used as it is. v: (..., V). Any leading
        dimensions, the same for all, none included.
    a: (..., K), or (..., 1) if all rows fade alike; from -1 to 1. None: nothing fades.
    beta: (..., 1), from 0 to 2. None: linear attention's write.
    Returns: (..., K, V). Gradients flow to all arguments.

    >>> state = torch.tensor([[8.0], [4.0]])
    >>> k, v, half = torch.tensor([1.0, 0.0]), torch.tensor([6.0]), torch.tensor([0.5])
    >>> step(state, k, v).flatten(), step(state, k, v, a=half).flatten()
    (tensor([14.,  4.]), tensor([10.,  2.]))
    >>> step(state, k, v, a=half, beta=half).flatten()  # faded to 4 and 2; 4 is moved half of the way to 6
    tensor([5., 2.])
    """
    if a is not None:
        state = a[..., None] * state  # (..., K, 1) times (..., K, V)
    if beta is not None:
        held = (k[..., None] * state).sum(dim=-2)  # (..., V), what the state says under k
        v = beta * (v - held)
    return state + k[..., None] * v[..., None, :]


def scan(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor | None = None,
    beta: Tensor | None = None,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """A whole text, token by token: a step, then the read o_t = S_tᵀ q_t, the token's own write included.

    q, k: (..., T, K). v: (..., T, V). a: (..., T, K) or (..., T, 1), or None. beta: (..., T, 1) or None. T >= 1.
    state: (..., K, V), that before the first token; None: zeros. It is not changed.
    Returns: o (..., T, V), not scaled, and the state after the last token (..., K, V), in the dtype of q. Gradients
        flow to all arguments.

    A state that is turned around by each 1 counts the parity of a text of bits:

    >>> bits = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(4, 1)
    >>> one = torch.ones(4, 1)
    >>> o, _ = scan(one, one, 0 * one, beta=2 * bits, state=torch.ones(1, 1))
    >>> o.flatten()
    tensor([-1., -1.,  1., -1.])
    """
    if state is None:
        state = q.new_zeros(*q.shape[:-2], q.shape[-1], v.shape[-1])
    outputs = []
    for t in range(q.shape[-2]):
        a_t = None if a is None else a[..., t, :]
        beta_t = None if beta is None else beta[..., t, :]
        state = step(state, k[..., t, :], v[..., t, :], a_t, beta_t)
        outputs.append((q[..., t, :, None] * state).sum(dim=-2))  # (..., V)
    return torch.stack(outputs, dim=-2), state


def gradient_scan(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """A state that is trained while it reads: TTT-linear, with one step of gradient descent for each token.

    The loss of token t is L_t(S) = ½ |Sᵀk_t - v_t|²: what the state says under the key should be the value. Tokens come
    in batches of `batch`: the first so many, then the next. With S' the state before the first token of a batch,

        S_t = S_{t-1} - eta_t ∇L_t(S')        o_t = S_tᵀ q_t

    so all the gradients of a batch are taken at S', and can be computed at once. The last batch may be shorter.

    q, k, v, state: as in scan. eta: (..., T, 1), the sizes of the steps. batch: at least 1; it may be larger than T.
    Returns: o (..., T, V), and the state after the last token (..., K, V). Gradients flow to all arguments.
    Raises: ValueError if batch < 1.

    >>> one, v = torch.ones(3, 1), torch.tensor([[4.0], [8.0], [2.0]])
    >>> [gradient_scan(one, one, v, 0.5 * one, batch)[0].flatten().tolist() for batch in (1, 2, 3)]
    [[2.0, 5.0, 3.5], [2.0, 6.0, 4.0], [2.0, 6.0, 7.0]]
    """
    if batch < 1:
        raise ValueError(f"batch is {batch}; it should be at least 1")
    if state is None:
        state = q.new_zeros(*q.shape[:-2], q.shape[-1], v.shape[-1])
    outputs = []
    for t in range(q.shape[-2]):
        if t % batch == 0:
            first = state  # S' of the formula
        k_t = k[..., t, :, None]  # (..., K, 1)
        error = (k_t * first).sum(dim=-2) - v[..., t, :]  # (..., V)
        gradient = k_t * error[..., None, :]  # (..., K, V)
        state = state - eta[..., t, :, None] * gradient
        outputs.append((q[..., t, :, None] * state).sum(dim=-2))
    return torch.stack(outputs, dim=-2), state


def lowest_eigenvalue(k: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """The smallest eigenvalue of a token's transition, the matrix by which step multiplies the state from the left.

    A layer whose transitions have no eigenvalue below 0, whatever the token, cannot tell an odd number of ones from an
    even one in a text of any length: its states may shrink, and never turn around.

    k: (..., K). a, beta: as in step. Where beta is given, a is not below 0; then all eigenvalues are real.
    Returns: (...), in the dtype of k; 1 without a and beta.

    >>> k = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 1.0]])
    >>> lowest_eigenvalue(k, beta=torch.tensor([[1.0], [2.0], [1.0]])).abs().round(decimals=4)
    tensor([0., 1., 1.])
    >>> lowest_eigenvalue(k[0], a=torch.tensor([0.9, 0.5]))
    tensor(0.5000)
    """
    identity = torch.eye(k.shape[-1], dtype=k.dtype)
    transition = step(identity, k, torch.zeros_like(k), a, beta)  # (..., K, K): each column is a state of its own
    return torch.linalg.eigvals(transition).real.amin(dim=-1)
