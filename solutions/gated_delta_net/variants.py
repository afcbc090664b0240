"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


class Read(NamedTuple):
    o: Tensor
    S: Tensor


@replaces("l2_normalize")
def by_a_longer_row(x, eps=1e-6):
    """√eps as one more number of the row, and torch's norm"""
    longer = torch.cat([x, torch.full_like(x[..., :1], eps**0.5)], dim=-1)
    return x / torch.linalg.vector_norm(longer, dim=-1, keepdim=True)


@replaces("l2_normalize")
def by_einsum(x, eps=1e-6):
    """in float64, a power in the place of a root"""
    wide = x.double()
    return torch.einsum("...k,...->...k", wide, (torch.einsum("...k,...k->...", wide, wide) + eps) ** -0.5).to(x.dtype)


class Gates(nn.Module):
    """Not an entry: the gates as a module without parameters."""

    def forward(self, a, b, A_log, dt_bias):
        x = a + dt_bias
        softplus = torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))
        return (-(A_log.exp() * softplus), 1 / (1 + torch.exp(-b)))


@replaces("gates")
def as_a_module(a, b, A_log, dt_bias):
    """softplus and sigmoid spelt out"""
    return Gates()(a, b, A_log, dt_bias)


@replaces("gates")
def by_logaddexp(a, b, A_log, dt_bias):
    """ln(e⁰ + eˣ), head by head, a list"""
    x = torch.logaddexp(torch.zeros_like(a), a + dt_bias)
    g = torch.stack([-torch.exp(rate) * x[..., h] for h, rate in enumerate(A_log)], dim=-1)
    return [g, b.sigmoid()]


@replaces("gates")
def by_logsigmoid(a, b, A_log, dt_bias):
    """softplus(x) = -logsigmoid(-x)"""
    return A_log.exp() * F.logsigmoid(-a - dt_bias), F.softplus(-b).neg().exp()


@replaces("gated_delta_recurrent")
def as_one_matrix(q, k, v, g, beta, state=None):
    """S ← α (I - β k kᵀ) S + β k vᵀ, as the paper writes it; a named tuple, o a permuted view"""
    (Bt, T, H, K), V = k.shape, v.shape[-1]
    S = torch.zeros(Bt, H, K, V, dtype=q.dtype) if state is None else state
    eye, outputs = torch.eye(K, dtype=q.dtype), []
    for t in range(T):
        key = k[:, t].unsqueeze(-1)
        b = beta[:, t, :, None, None]
        S = g[:, t, :, None, None].exp() * ((eye - b * key @ key.mT) @ S) + b * key @ v[:, t].unsqueeze(-2)
        outputs.append((q[:, t].unsqueeze(-2) @ S).squeeze(-2))
    return Read(torch.stack(outputs).permute(1, 0, 2, 3), S)


@replaces("gated_delta_recurrent")
def transposed_in_float64(q, k, v, g, beta, state=None):
    """the paper's S, V × K, in float64; back at the end"""
    dtype = q.dtype
    q, k, v, alpha, beta = (tensor.double().transpose(0, 1) for tensor in (q, k, v, g.double().exp(), beta))
    S = torch.zeros(*k.shape[1:3], v.shape[-1], k.shape[-1]).double() if state is None else state.double().mT
    outputs = []
    for qt, kt, vt, at, bt in zip(q, k, v, alpha, beta, strict=True):
        S = S * at[..., None, None]
        S = S + bt[..., None, None] * (vt - (S * kt[..., None, :]).sum(-1))[..., None] * kt[..., None, :]
        outputs.append((S * qt[..., None, :]).sum(-1))
    return torch.stack(outputs, dim=1).to(dtype), S.mT.to(dtype)


@replaces("gated_delta_recurrent")
def head_by_head(q, k, v, g, beta, state=None):
    """loops over texts and heads, matrices of two axes; a list"""
    (Bt, T, H, K), V = k.shape, v.shape[-1]
    rows, last = [], []
    for b in range(Bt):
        for h in range(H):
            S = q.new_zeros(K, V) if state is None else state[b, h]
            for t in range(T):
                S = S * torch.exp(g[b, t, h])
                S = torch.addr(S, k[b, t, h], (v[b, t, h] - k[b, t, h] @ S) * beta[b, t, h])
                rows.append(q[b, t, h] @ S)
            last.append(S)
    return [torch.stack(rows).reshape(Bt, H, T, V).swapaxes(1, 2), torch.stack(last).unflatten(0, (Bt, H))]


@replaces("gated_delta_recurrent")
def one_large_system(q, k, v, g, beta, state=None):
    """no recurrence: the whole text as one chunk, solved by torch.linalg.solve"""
    q, k, v, g, beta = (tensor.transpose(1, 2) for tensor in (q, k, v, g.unsqueeze(-1), beta.unsqueeze(-1)))
    T = k.shape[2]
    steps = torch.where(torch.ones(T, T).tril(-1).bool(), g, 0.0).cumsum(-2)  # sums of segments, without differences
    L = steps.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf).exp()
    start = g.cumsum(2).exp()
    before = 0.0 if state is None else start * (k @ state)
    matrix = torch.eye(T, dtype=q.dtype) + beta * (L * (k @ k.mT)).tril(-1)
    U = torch.linalg.solve(matrix, beta * (v - before))
    o, S = (L * (q @ k.mT)) @ U, (L[:, :, -1:].mT * k).mT @ U
    if state is not None:
        o, S = o + start * (q @ state), S + start[:, :, -1:] * state
    return o.transpose(1, 2), S


@replaces("gated_delta_chunked")
def token_by_token(q, k, v, g, beta, chunk, state=None):
    """the recurrence after all"""
    if not chunk > 0:
        raise ValueError(chunk)
    S = torch.zeros_like(k[:, 0, :, :, None] * v[:, 0, :, None, :]) if state is None else state
    outputs = []
    for qt, kt, vt, decay, bt in zip(*(x.unbind(1) for x in (q, k, v, g.exp(), beta)), strict=True):
        S = decay[..., None, None] * S
        held = (kt.unsqueeze(-2) @ S).squeeze(-2)
        S = S + kt.unsqueeze(-1) @ (bt.unsqueeze(-1) * (vt - held)).unsqueeze(-2)
        outputs.append((qt.unsqueeze(-2) @ S).squeeze(-2))
    return Read(torch.stack(outputs, 1), S)


@replaces("gated_delta_chunked")
def padded_all_at_once(q, k, v, g, beta, chunk, state=None):
    """as Hugging Face does it: padding, one system for all chunks with two right sides, a loop for the states"""
    if chunk < 1:
        raise ValueError("chunk")
    (Bt, T, H, K), V = k.shape, v.shape[-1]
    pad = -T % chunk
    q, k, v = (F.pad(x.transpose(1, 2), (0, 0, 0, pad)).unflatten(2, (-1, chunk)) for x in (q, k, v))
    g, beta = (F.pad(x.mT, (0, pad)).unflatten(2, (-1, chunk)) for x in (g, beta))
    G, beta = g.cumsum(-1), beta[..., None]
    hidden = torch.triu(torch.ones(chunk, chunk, dtype=torch.bool), 1)
    L = (G[..., :, None] - G[..., None, :]).masked_fill(hidden, -torch.inf).exp()
    M = torch.tril((beta * k) @ k.mT * L, -1) + torch.eye(chunk, dtype=q.dtype)
    right = torch.cat([beta * v, beta * k * G.exp()[..., None]], dim=-1)
    U, W = torch.linalg.solve_triangular(M, right, upper=False).split([V, K], dim=-1)
    S = q.new_zeros(Bt, H, K, V) if state is None else state
    outputs = []
    for i in range(G.shape[2]):
        u = U[:, :, i] - W[:, :, i] @ S
        outputs.append((q[:, :, i] * G[:, :, i].exp()[..., None]) @ S + (q[:, :, i] @ k[:, :, i].mT * L[:, :, i]) @ u)
        S = S * G[:, :, i, -1].exp()[..., None, None] + (k[:, :, i] * L[:, :, i, -1][..., None]).mT @ u
    return torch.cat(outputs, dim=2)[:, :, :T].transpose(1, 2), S


@replaces("gated_delta_chunked")
def place_by_place(q, k, v, g, beta, chunk, state=None):
    """forward substitution by hand, one place after the other, in float64"""
    if chunk <= 0:
        raise ValueError(f"{chunk} tokens")
    dtype, T = q.dtype, k.shape[1]
    q, k, v, g, beta = (x.double() for x in (q, k, v, g, beta))
    S = torch.zeros(*k.shape[:1], *k.shape[2:], v.shape[-1], dtype=torch.float64) if state is None else state.double()
    outputs = []
    for a in range(0, T, chunk):
        k_, v_, g_, b_ = (x[:, a : a + chunk] for x in (k, v, g, beta))
        us = []
        for i in range(k_.shape[1]):
            wanted = v_[:, i] - g_[:, : i + 1].sum(1).exp()[..., None] * torch.einsum("bhkv,bhk->bhv", S, k_[:, i])
            for j in range(i):
                near = g_[:, j + 1 : i + 1].sum(1).exp() * (k_[:, i] * k_[:, j]).sum(-1)
                wanted = wanted - near[..., None] * us[j]
            us.append(b_[:, i, :, None] * wanted)
            o = g_[:, : i + 1].sum(1).exp()[..., None] * torch.einsum("bhkv,bhk->bhv", S, q[:, a + i])
            for j in range(i + 1):
                near = g_[:, j + 1 : i + 1].sum(1).exp() * (q[:, a + i] * k_[:, j]).sum(-1)
                o = o + near[..., None] * us[j]
            outputs.append(o)
        S = g_.sum(1).exp()[..., None, None] * S
        for j, u in enumerate(us):
            S = S + torch.einsum("bh,bhk,bhv->bhkv", g_[:, j + 1 :].sum(1).exp(), k_[:, j], u)
    return torch.stack(outputs, 1).to(dtype), S.to(dtype)


@replaces("gated_delta_chunked")
def inverse_by_doubling(q, k, v, g, beta, chunk, state=None):
    """(I + M)⁻¹ as the product of I - M, I + M², I + M⁴, … : M to the power Q is zero"""
    if chunk < 1:
        raise ValueError("a chunk has tokens")
    S = 0.0 * (k[:, 0, :, :, None] * v[:, 0, :, None, :]) if state is None else state
    outputs = []
    for start in range(0, k.shape[1], chunk):
        piece = slice(start, start + chunk)
        q_, k_, v_ = (x[:, piece].permute(0, 2, 1, 3) for x in (q, k, v))
        g_, b_ = (x[:, piece].permute(0, 2, 1) for x in (g, beta))
        Q = g_.shape[-1]
        inside = torch.ones(Q, Q, dtype=torch.bool).tril()
        G = torch.cumsum(g_, -1)
        difference = torch.where(inside, G.unsqueeze(-1) - G.unsqueeze(-2), -torch.inf)
        L = torch.exp(difference)
        power = -torch.einsum("bhi,bhij,bhik,bhjk->bhij", b_, L, k_, k_).tril(-1)
        inverse = torch.eye(Q, dtype=q.dtype) + power
        for _ in range(max(Q - 1, 1).bit_length()):
            power = power @ power
            inverse = inverse + power @ inverse
        U = inverse @ (b_[..., None] * (v_ - G.exp()[..., None] * (k_ @ S)))
        o = torch.einsum("bhi,bhik,bhkv->bhiv", G.exp(), q_, S)
        o = o + torch.einsum("bhij,bhik,bhjk,bhjv->bhiv", L, q_, k_, U)
        outputs.append(o.permute(0, 2, 1, 3))
        S = G[..., -1, None, None].exp() * S + torch.einsum("bhj,bhjk,bhjv->bhkv", L[..., -1, :], k_, U)
    return [torch.cat(outputs, dim=1), S]
