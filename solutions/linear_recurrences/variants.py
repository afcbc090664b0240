"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


class Read(NamedTuple):
    o: Tensor
    S: Tensor


@replaces("step")
def as_a_matrix(state: Tensor, k: Tensor, v: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """the transition written out, a filled up to K numbers first"""
    K = k.shape[-1]
    eye = torch.eye(K, dtype=k.dtype)
    gate = torch.diag_embed((torch.ones_like(k[..., :1]) if a is None else a).expand(k.shape))
    key, value = k.unsqueeze(-1), v.unsqueeze(-2)
    if beta is None:
        return gate @ state + key @ value
    strength = beta.unsqueeze(-1)
    return (eye - strength * (key @ key.mT)) @ gate @ state + strength * (key @ value)


@replaces("step")
def einsums(state: Tensor, k: Tensor, v: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """einsum throughout, ones for a missing a"""
    rows = torch.ones_like(k) if a is None else a.expand_as(k)
    faded = torch.einsum("...i,...ij->...ij", rows, state)
    if beta is None:
        return faded + torch.einsum("...i,...j->...ij", k, v)
    held = torch.einsum("...ij,...i->...j", faded, k)
    return faded + torch.einsum("...i,...j,...u->...ij", k, v - held, beta)


@replaces("step")
def transposed(state: Tensor, k: Tensor, v: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """the papers' S, V × K; erased first, written afterwards; a view at the end"""
    S = state.mT
    if a is not None:
        S = S * a.unsqueeze(-2)
    if beta is None:
        return (S + v.unsqueeze(-1) * k.unsqueeze(-2)).mT
    erased = S - (S @ k.unsqueeze(-1)) * (beta * k).unsqueeze(-2)
    return (erased + v.unsqueeze(-1) * (beta * k).unsqueeze(-2)).mT


@replaces("scan")
def columns_of_a_table(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor | None = None,
    beta: Tensor | None = None,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """tokens first, neutral gates for missing ones, a named tuple, o a view"""
    tokens = [x.movedim(-2, 0) for x in (q, k, v)]
    rows = torch.ones_like(k[..., :1]) if a is None else a
    S = (k[..., 0, :, None] * v[..., 0, None, :]).mul(0.0) if state is None else state
    read = []
    for i, (q_t, k_t, v_t) in enumerate(zip(*tokens, strict=True)):
        S = torch.mul(rows[..., i, :, None], S)
        if beta is None:
            S = S + k_t[..., None] * v_t[..., None, :]
        else:
            S = (
                S
                + k_t[..., None] * (beta[..., i, :] * (v_t - torch.matmul(S.mT, k_t[..., None])[..., 0]))[..., None, :]
            )
        read.append((q_t[..., None, :] @ S)[..., 0, :])
    return Read(torch.stack(read).movedim(0, -2), S)


@replaces("scan")
def all_transitions_first(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor | None = None,
    beta: Tensor | None = None,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """matrices and writes of all tokens at once, in float64, and a list"""
    dtype, K = q.dtype, q.shape[-1]
    q, k, v = q.double(), k.double(), v.double()
    matrix = torch.eye(K, dtype=torch.float64).expand(*k.shape, K)
    write = k[..., None] * v[..., None, :]
    if a is not None:
        matrix = matrix * a.double()[..., None, :]
    if beta is not None:
        matrix = matrix - beta.double()[..., None] * k[..., None] @ (k[..., None, :] @ matrix)
        write = beta.double()[..., None] * write
    S = torch.zeros_like(write[..., 0, :, :]) if state is None else state.double()
    states = []
    for t in range(q.shape[-2]):
        S = matrix[..., t, :, :] @ S + write[..., t, :, :]
        states.append(S)
    o = torch.einsum("...ti,...tij->...tj", q, torch.stack(states, dim=-3))
    return [o.to(dtype), S.to(dtype)]


@replaces("scan")
def halves(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor | None = None,
    beta: Tensor | None = None,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """recursively: a text is its first half and then its second"""
    T = q.shape[-2]
    S = q.new_zeros((*q.shape[:-2], q.shape[-1], v.shape[-1])) if state is None else state
    if T == 1:
        if a is not None:
            S = S * a.mT
        wanted = v if beta is None else beta * (v - k @ S)
        S = S + k.mT @ wanted
        return q @ S, S
    cut = T // 2
    first = [None if x is None else x[..., :cut, :] for x in (q, k, v, a, beta)]
    second = [None if x is None else x[..., cut:, :] for x in (q, k, v, a, beta)]
    before, S = halves(*first, S)
    after, S = halves(*second, S)
    return torch.cat([before, after], dim=-2), S


@replaces("gradient_scan")
def whole_batches(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """a batch at once: two products and a triangle"""
    if batch <= 0:
        raise ValueError(f"{batch} tokens")
    S = torch.zeros_like(k[..., 0, :, None] * v[..., 0, None, :]) if state is None else state
    outputs = []
    for Q, X, Y, steps in zip(*(x.split(batch, dim=-2) for x in (q, k, v, eta)), strict=True):
        writes = steps * (Y - X @ S)
        outputs.append(Q @ S + (Q @ X.mT).tril() @ writes)
        S = S + X.mT @ writes
    return torch.cat(outputs, dim=-2), S


@replaces("gradient_scan")
def by_autograd(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """torch.func differentiates the loss"""
    if not batch >= 1:
        raise ValueError("batch")

    def loss(S: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return 0.5 * ((k[..., None, :] @ S)[..., 0, :] - v).pow(2).sum()

    slope = torch.func.grad(loss)
    S = q.new_zeros(*k.shape[:-2], k.shape[-1], v.shape[-1]) if state is None else state
    rows = []
    for start in range(0, k.shape[-2], batch):
        frozen = S
        for t in range(start, min(start + batch, k.shape[-2])):
            S = S - eta[..., t, :, None] * slope(frozen, k[..., t, :], v[..., t, :])
            rows.append(torch.einsum("...i,...ij->...j", q[..., t, :], S))
    return Read(torch.stack(rows, -2), S)


@replaces("gradient_scan")
def two_memories(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """the state before the batch, and what the batch has added so far, transposed"""
    if batch < 1:
        raise ValueError("a batch has tokens")
    before = v.new_zeros(*v.shape[:-2], v.shape[-1], k.shape[-1]) if state is None else state.mT
    added, seen, outputs = 0.0 * before, 0, []
    for t in range(k.shape[-2]):
        if seen == batch:
            before, added, seen = before + added, 0.0 * before, 0
        key = k[..., t, :].unsqueeze(-2)
        missing = v[..., t, :].unsqueeze(-1) - (before * key).sum(-1, keepdim=True)
        added = added + eta[..., t, :].unsqueeze(-1) * missing * key
        seen += 1
        outputs.append(((before + added) * q[..., t, :].unsqueeze(-2)).sum(-1))
    return torch.stack(outputs, dim=-2), (before + added).mT


@replaces("lowest_eigenvalue")
def by_symmetry(k: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """eigvalsh of diag(√a) (I - β k kᵀ) diag(√a), which has the same eigenvalues; the least a if there is no beta"""
    if beta is None:
        return torch.ones_like(k[..., 0]) if a is None else a.amin(-1)
    root = torch.ones_like(k) if a is None else a.sqrt().expand_as(k)
    x = root * k
    matrix = torch.diag_embed(root.square()) - beta[..., None] * x[..., None] * x[..., None, :]
    return torch.linalg.eigvalsh(matrix)[..., 0]


@replaces("lowest_eigenvalue")
def by_cases(k: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """a formula wherever there is one, NumPy elsewhere"""
    if beta is None:
        return (k[..., :1] * 0 + 1 if a is None else a).min(dim=-1).values
    along = 1 - beta[..., 0] * k.square().sum(-1)
    if a is None or a.shape[-1] == 1:
        scale = 1.0 if a is None else a[..., 0]
        return scale * (along if k.shape[-1] == 1 else along.clamp(max=1.0))
    matrix = (torch.eye(k.shape[-1], dtype=k.dtype) - beta[..., None] * k[..., None] * k[..., None, :]) * a[
        ..., None, :
    ]
    return torch.from_numpy(np.asarray(np.linalg.eigvals(matrix.numpy()).real.min(-1))).to(k.dtype)


@replaces("lowest_eigenvalue")
def sorted_values(k: Tensor, a: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """in float64, the transposed matrix, real parts sorted"""
    matrix = torch.eye(k.shape[-1], dtype=torch.float64).repeat(*k.shape[:-1], 1, 1)
    if beta is not None:
        matrix = matrix - torch.einsum("...u,...i,...j->...ij", beta.double(), k.double(), k.double())
    if a is not None:
        matrix = matrix * a.double()[..., :, None]
    return torch.view_as_real(torch.linalg.eigvals(matrix))[..., 0].sort(-1).values[..., 0].to(k.dtype)
