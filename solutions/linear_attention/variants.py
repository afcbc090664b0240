"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


class Outputs(NamedTuple):
    y: Tensor
    state: dict[str, Tensor]


def phi(x):
    return torch.exp(x.clamp(max=0)) + F.relu(x)


@replaces("feature_map")
def exponential_and_relu(x):
    """one side each"""
    return phi(x)


@replaces("feature_map")
def elu_and_one(x):
    """torch's elu: enough in float64 at -30"""
    return F.elu(x) + 1


@replaces("feature_map")
def by_cases(x):
    """torch.where"""
    return torch.where(x > 0, x + 1, torch.exp(torch.minimum(x, torch.zeros_like(x))))


class NumpyMap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        array = x.numpy()
        low = np.exp(np.minimum(array, 0))
        ctx.save_for_backward(torch.from_numpy(low))
        return torch.from_numpy(low + np.maximum(array, 0))

    @staticmethod
    def backward(ctx, g: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return g * slope  # 1 above 0, since exp(0) is


@replaces("feature_map")
def numpy_round_trip(x):
    """NumPy inside a custom autograd Function"""
    return NumpyMap.apply(x)


@replaces("linear_attention_parallel")
def running_sums(q, k, v):
    """cumsum over time, no T x T matrix"""
    q, k = phi(q), phi(k)
    S = torch.cumsum(torch.einsum("...tk,...tv->...tkv", k, v), dim=-3)
    n = k.cumsum(-2)
    return torch.einsum("...tk,...tkv->...tv", q, S) / torch.einsum("...tk,...tk->...t", q, n).unsqueeze(-1)


@replaces("linear_attention_parallel")
def ones_beside_v(q, k, v):
    """the normaliser as one more value; weights masked by where; a view"""
    T = q.shape[-2]
    past = torch.arange(T)[:, None] >= torch.arange(T)
    weights = torch.where(past, torch.einsum("...tk,...sk->...ts", phi(q), phi(k)), 0.0)
    both = torch.matmul(weights, F.pad(v, (0, 1), value=1.0))
    return (both / both[..., -1:])[..., :-1]


@replaces("linear_attention_parallel")
def by_logarithms(q, k, v):
    """a softmax of the logarithms of the weights"""
    T = q.shape[-2]
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    return torch.softmax((phi(q) @ phi(k).mT).log().masked_fill(future, float("-inf")), dim=-1) @ v


@replaces("linear_attention_parallel")
def in_chunks(q, k, v):
    """matrices of four tokens, a carried sum between them"""
    q, k, v = phi(q), phi(k), F.pad(v, (0, 1), value=1.0)
    S, ys = torch.zeros((), dtype=v.dtype), []
    for q_, k_, v_ in zip(q.split(4, -2), k.split(4, -2), v.split(4, -2), strict=True):
        y = torch.tril(q_ @ k_.transpose(-1, -2)) @ v_
        ys.append(y if not ys else y + q_ @ S)
        S = S + k_.transpose(-1, -2) @ v_
    y = torch.cat(ys, dim=-2)
    return y[..., :-1].div(y[..., -1:])


@replaces("linear_attention_recurrent")
def one_state(q, k, v, state=None):
    """n as one more column of S; time first; a named tuple"""
    q, k = phi(q).movedim(-2, 0), phi(k).movedim(-2, 0)
    v = F.pad(v, (0, 1), value=1.0).movedim(-2, 0)
    S = 0.0 if state is None else torch.cat([state["S"], state["n"].unsqueeze(-1)], dim=-1)
    ys = []
    for q_t, k_t, v_t in zip(q, k, v, strict=True):
        S = S + torch.einsum("...k,...v->...kv", k_t, v_t)
        y = torch.einsum("...k,...kv->...v", q_t, S)
        ys.append(y[..., :-1] / y[..., -1:])
    return Outputs(torch.stack(ys).movedim(0, -2), {"n": S[..., -1], "S": S[..., :-1]})


@replaces("linear_attention_recurrent")
def all_states_at_once(q, k, v, state=None):
    """cumsum over time, the old state added; a list"""
    q, k = phi(q), phi(k)
    S = (k.unsqueeze(-1) * v.unsqueeze(-2)).cumsum(-3)
    n = k.cumsum(-2)
    if state is not None:
        S, n = S + state["S"].unsqueeze(-3), n + state["n"].unsqueeze(-2)
    y = (q.unsqueeze(-2) @ S).squeeze(-2) / (q * n).sum(-1, keepdim=True)
    return [y, {"S": S[..., -1, :, :], "n": n[..., -1, :]}]


@replaces("linear_attention_recurrent")
def head_by_head(q, k, v, state=None):
    """loops over heads and tokens with vectors and outer products; results written into y"""
    (T, K), V = q.shape[-2:], v.shape[-1]
    leading = q.shape[:-2]
    rows = [tensor.reshape(-1, *tensor.shape[-2:]) for tensor in (phi(q), phi(k), v)]
    if state is None:
        states = [(torch.zeros(K, V, dtype=v.dtype), torch.zeros(K, dtype=v.dtype)) for _ in rows[0]]
    else:
        states = list(zip(state["S"].reshape(-1, K, V), state["n"].reshape(-1, K), strict=True))
    y, Ss, ns = torch.zeros(len(rows[0]), T, V, dtype=v.dtype), [], []
    for r, (S, n) in enumerate(states):
        for t in range(T):
            q_t, k_t, v_t = (tensor[r, t] for tensor in rows)
            S, n = S + torch.outer(k_t, v_t), n + k_t
            y[r, t] = (q_t @ S) / torch.dot(q_t, n)
        Ss.append(S)
        ns.append(n)
    return y.view(*leading, T, V), {"S": torch.stack(Ss).view(*leading, K, V), "n": torch.stack(ns).view(*leading, K)}
