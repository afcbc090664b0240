import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


# ---- l2_normalize


@replaces("l2_normalize")
def normalize_rsqrt(x, eps=1e-6):
    """rsqrt of a sum of powers"""
    return x * torch.rsqrt(x.pow(2).sum(dim=-1, keepdim=True) + eps)


@replaces("l2_normalize")
def normalize_einsum(x, eps=1e-6):
    """einsum"""
    s = torch.einsum("...k,...k->...", x, x)
    return x / (s + eps).sqrt().unsqueeze(-1)


@replaces("l2_normalize")
def normalize_longer(x, eps=1e-6):
    """the length of a vector with √eps put on"""
    root = torch.full_like(x[..., :1], math.sqrt(eps))
    return x / torch.linalg.vector_norm(torch.cat([x, root], -1), dim=-1, keepdim=True)


@replaces("l2_normalize")
def normalize_matmul(x, eps=1e-6):
    """a product of a row and a column"""
    s = x.unsqueeze(-2) @ x.unsqueeze(-1)
    return x.div((s.squeeze(-1) + eps).sqrt())


@replaces("l2_normalize")
def normalize_log(x, eps=1e-6):
    """the exponential of half a logarithm"""
    return x * torch.exp(-0.5 * torch.log(x.square().sum(-1, True) + eps))


@replaces("l2_normalize")
def normalize_rms(x, eps=1e-6):
    """F.rms_norm with eps / K, divided by √K"""
    k = x.shape[-1]
    return F.rms_norm(x, (k,), None, eps / k) / math.sqrt(k)


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        r = 1 / torch.sqrt((x**2).sum(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, r)
        return x * r

    @staticmethod
    def backward(ctx, grad):
        x, r = ctx.saved_tensors
        return grad * r - x * r**3 * (grad * x).sum(-1, keepdim=True), None


@replaces("l2_normalize")
def normalize_own_gradient(x, eps=1e-6):
    """an autograd.Function"""
    return _Normalize.apply(x, eps)


@replaces("l2_normalize")
def normalize_double(x, eps=1e-6):
    """in float64"""
    z = x.double()
    return (z / (z.pow(2).sum(-1, keepdim=True) + eps) ** 0.5).to(x.dtype)


@replaces("l2_normalize")
def normalize_first_axis(x, eps=1e-6):
    """the last axis first; a view as result"""
    z = x.movedim(-1, 0).contiguous()
    return (z / (z.square().sum(0) + eps).sqrt()).movedim(0, -1)


@replaces("l2_normalize")
def normalize_loop(x, eps=1e-6):
    """a sum in a loop over columns"""
    total = torch.full_like(x[..., 0], eps)
    for column in x.unbind(-1):
        total = total + column * column
    return torch.stack([column / total.sqrt() for column in x.unbind(-1)], dim=-1)


# ---- gates


@replaces("gates")
def gates_logaddexp(a, b, A_log, dt_bias):
    """logaddexp with 0"""
    z = a + dt_bias
    return -(torch.exp(A_log) * torch.logaddexp(z, torch.zeros_like(z))), 1 - torch.sigmoid(-b)


@replaces("gates")
def gates_logsigmoid(a, b, A_log, dt_bias):
    """logsigmoid of the negative; sigmoid from its logarithm"""
    return A_log.exp() * F.logsigmoid(-(a + dt_bias)), F.logsigmoid(b).exp()


@replaces("gates")
def gates_maximum(a, b, A_log, dt_bias):
    """maximum and log1p; tanh"""
    z = a + dt_bias
    soft = torch.maximum(z, torch.zeros_like(z)) + torch.log1p(torch.exp(-z.abs()))
    return soft * -A_log.exp(), 0.5 * (1 + torch.tanh(b / 2))


@replaces("gates")
def gates_where(a, b, A_log, dt_bias):
    """where with a safe branch"""
    z = a + dt_bias
    large = z > 30
    soft = torch.where(large, z, torch.log1p(torch.where(large, torch.zeros_like(z), z).exp()))
    return -soft * torch.exp(A_log), b.sigmoid()


@replaces("gates")
def gates_log_space(a, b, A_log, dt_bias):
    """decay as an exponential of A_log + ln softplus"""
    soft = F.softplus(a + dt_bias, threshold=40.0)
    return -torch.exp(A_log + soft.log()), torch.special.expit(b)


@replaces("gates")
def gates_softmax(a, b, A_log, dt_bias):
    """logsumexp and softmax over a pair"""
    z = a + dt_bias
    pair = torch.stack([torch.zeros_like(z), z], -1)
    return -A_log.exp() * pair.logsumexp(-1), torch.stack([b, torch.zeros_like(b)], -1).softmax(-1)[..., 0]


@replaces("gates")
def gates_heads(a, b, A_log, dt_bias):
    """head by head"""
    g = [-A_log[h].exp() * F.softplus(a[..., h] + dt_bias[h]) for h in range(A_log.shape[0])]
    return torch.stack(g, dim=-1), torch.sigmoid(b)


class GateAndStrength(NamedTuple):
    g: Tensor
    beta: Tensor


@replaces("gates")
def gates_named(a, b, A_log, dt_bias):
    """a NamedTuple"""
    return GateAndStrength(g=torch.neg(F.softplus(a.add(dt_bias)).mul(A_log.exp())), beta=torch.sigmoid(b))


@replaces("gates")
def gates_double(a, b, A_log, dt_bias):
    """in float64"""
    soft = F.softplus(a.double() + dt_bias.double(), threshold=50)
    return (-A_log.double().exp() * soft).to(a.dtype), b.double().sigmoid().to(b.dtype)


@replaces("gates")
def gates_einsum(a, b, A_log, dt_bias):
    """einsum; nn.Softplus"""
    soft = torch.nn.Softplus()(a + dt_bias.view(1, 1, -1))
    return torch.einsum("bth,h->bth", soft, -A_log.exp()), torch.nn.Sigmoid()(b)


# ---- gated_delta_recurrent


def _start(q, v, state):
    if state is not None:
        return state
    return torch.zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[3], dtype=q.dtype)


@replaces("gated_delta_recurrent")
def recurrent_einsum(q, k, v, g, beta, state=None):
    """einsum in each step"""
    S, out = _start(q, v, state), []
    for t in range(q.shape[1]):
        S = torch.einsum("bh,bhkv->bhkv", g[:, t].exp(), S)
        held = torch.einsum("bhkv,bhk->bhv", S, k[:, t])
        S = S + torch.einsum("bh,bhk,bhv->bhkv", beta[:, t], k[:, t], v[:, t] - held)
        out.append(torch.einsum("bhkv,bhk->bhv", S, q[:, t]))
    return torch.stack(out, 1), S


@replaces("gated_delta_recurrent")
def recurrent_matmul(q, k, v, g, beta, state=None):
    """rows and columns with matmul, unbound over time"""
    S, out = _start(q, v, state), []
    for qt, kt, vt, gt, bt in zip(*(z.unbind(1) for z in (q, k, v, g, beta))):
        S = S * torch.exp(gt)[..., None, None]
        held = kt.unsqueeze(-2) @ S
        S = S + kt.unsqueeze(-1) @ ((vt.unsqueeze(-2) - held) * bt[..., None, None])
        out.append((qt.unsqueeze(-2) @ S).squeeze(-2))
    return torch.stack(out, dim=1), S


@replaces("gated_delta_recurrent")
def recurrent_transition(q, k, v, g, beta, state=None):
    """the one line: e^g (I - β k kᵀ) S + β k vᵀ"""
    S, out = _start(q, v, state), []
    eye = torch.eye(q.shape[-1], dtype=q.dtype)
    for t in range(q.shape[1]):
        column, b = k[:, t].unsqueeze(-1), beta[:, t, :, None, None]
        S = g[:, t, :, None, None].exp() * (eye - b * column @ column.mT) @ S + b * column @ v[:, t].unsqueeze(-2)
        out.append(torch.matmul(S.mT, q[:, t].unsqueeze(-1)).squeeze(-1))
    return torch.stack(out, dim=1), S


@replaces("gated_delta_recurrent")
def recurrent_heads(q, k, v, g, beta, state=None):
    """text by text and head by head, vectors"""
    bt, t, h, _ = q.shape
    S0 = _start(q, v, state)
    o, last = [], []
    for b in range(bt):
        for n in range(h):
            S, rows = S0[b, n], []
            for i in range(t):
                S = S * g[b, i, n].exp()
                S = S + torch.outer(k[b, i, n], beta[b, i, n] * (v[b, i, n] - S.T @ k[b, i, n]))
                rows.append(S.T @ q[b, i, n])
            o.append(torch.stack(rows))
            last.append(S)
    o = torch.stack(o).view(bt, h, t, v.shape[-1])
    return o.transpose(1, 2), torch.stack(last).view(S0.shape)


@replaces("gated_delta_recurrent")
def recurrent_transposed(q, k, v, g, beta, state=None):
    """the state transposed, as in the paper; views as results"""
    S, out = _start(q, v, state).mT, []
    for t in range(q.shape[1]):
        S = S * g[:, t].exp()[:, :, None, None]
        held = (S @ k[:, t, :, :, None]).squeeze(-1)
        S = S + (beta[:, t, :, None] * (v[:, t] - held)).unsqueeze(-1) * k[:, t].unsqueeze(-2)
        out.append((S @ q[:, t, :, :, None]).squeeze(-1))
    return torch.stack(out, -1).permute(0, 3, 1, 2), S.mT


@replaces("gated_delta_recurrent")
def recurrent_double(q, k, v, g, beta, state=None):
    """in float64"""
    dtype = q.dtype
    q, k, v, g, beta = (z.double() for z in (q, k, v, g, beta))
    S, out = (_start(q, v, state)).double(), []
    for t in range(q.shape[1]):
        S = S * g[:, t, :, None, None].exp()
        u = beta[:, t, :, None] * (v[:, t] - (S * k[:, t].unsqueeze(-1)).sum(2))
        S = S + k[:, t].unsqueeze(-1) * u.unsqueeze(-2)
        out.append((S * q[:, t].unsqueeze(-1)).sum(2))
    return torch.stack(out, 1).to(dtype), S.to(dtype)


@replaces("gated_delta_recurrent")
def recurrent_writes(q, k, v, g, beta, state=None):
    """keeps the writes in place of the state, each with its decay so far"""
    q, k, v, g, beta = (z.transpose(1, 2) for z in (q, k, v, g, beta))  # (Bt, H, T, ...)
    S0 = q.new_zeros(*k.shape[:2], k.shape[3], v.shape[3]) if state is None else state
    age0 = torch.ones_like(g[:, :, :1])
    ages, U, out = g[:, :, :0], v[:, :, :0], []
    for t in range(q.shape[2]):
        e, here = g[:, :, t : t + 1].exp(), slice(t, t + 1)
        age0, ages = age0 * e, torch.cat([ages * e, torch.ones_like(e)], -1)
        old = ages[..., :t].unsqueeze(-2)
        held = age0.unsqueeze(-1) * (k[:, :, here] @ S0) + (k[:, :, here] @ k[:, :, :t].mT * old) @ U
        U = torch.cat([U, beta[:, :, here, None] * (v[:, :, here] - held)], 2)
        out.append(age0.unsqueeze(-1) * (q[:, :, here] @ S0) + (q[:, :, here] @ k[:, :, : t + 1].mT * ages.unsqueeze(-2)) @ U)
    return torch.cat(out, dim=2).transpose(1, 2), age0.unsqueeze(-1) * S0 + (k * ages.unsqueeze(-1)).mT @ U


@replaces("gated_delta_recurrent")
def recurrent_bmm(q, k, v, g, beta, state=None):
    """texts and heads as one axis, baddbmm"""
    bt, t, h, n = q.shape
    flat = lambda z: z.transpose(1, 2).reshape(bt * h, t, -1)
    Q, K, V, G, B = flat(q), flat(k), flat(v), flat(g), flat(beta)
    S = _start(q, v, state).reshape(bt * h, n, -1)
    out = []
    for i in range(t):
        row = K[:, i : i + 1]
        S = S * G[:, i : i + 1].exp()
        u = B[:, i : i + 1] * torch.baddbmm(V[:, i : i + 1], row, S, alpha=-1)
        S = torch.baddbmm(S, row.mT, u)
        out.append(torch.bmm(Q[:, i : i + 1], S))
    o = torch.cat(out, dim=1).view(bt, h, t, -1).transpose(1, 2).contiguous()
    return o, S.view(bt, h, n, -1)


@replaces("gated_delta_recurrent")
def recurrent_recursion(q, k, v, g, beta, state=None):
    """a generator of states"""
    def states(S):
        for t in range(q.shape[1]):
            S = S * g[:, t].exp().unsqueeze(-1).unsqueeze(-1)
            S = S + (beta[:, t].unsqueeze(-1) * k[:, t]).unsqueeze(-1) * (v[:, t] - (k[:, t].unsqueeze(-1) * S).sum(-2)).unsqueeze(-2)
            yield S

    every = torch.stack(list(states(_start(q, v, state))), 1)  # (Bt, T, H, K, V)
    return torch.einsum("bthkv,bthk->bthv", every, q), every[:, -1]


@replaces("gated_delta_recurrent")
def recurrent_filled(q, k, v, g, beta, state=None):
    """a result that is filled in place, the state a clone"""
    S = q.new_zeros(*q.shape[:1], *q.shape[2:], v.shape[-1]) if state is None else state.clone()
    o = torch.zeros_like(v, memory_format=torch.contiguous_format)
    alpha = g.exp()
    for t in range(q.size(1)):
        S = S.mul(alpha[:, t, :, None, None])
        delta = v[:, t].sub(torch.matmul(S.transpose(-1, -2), k[:, t, :, :, None])[..., 0])
        S = S.add(k[:, t, :, :, None].mul(delta.mul(beta[:, t, :, None])[:, :, None]))
        o[:, t] = torch.matmul(S.transpose(-1, -2), q[:, t, :, :, None])[..., 0]
    return o, S


@replaces("gated_delta_recurrent")
def recurrent_read_before(q, k, v, g, beta, state=None):
    """reads the faded state, and adds its own write times q·k"""
    S, out = _start(q, v, state), []
    for t in range(q.shape[1]):
        S = S * g[:, t, :, None, None].exp()
        both = torch.stack([k[:, t], q[:, t]], dim=2) @ S  # (Bt, H, 2, V)
        u = beta[:, t, :, None] * (v[:, t] - both[:, :, 0])
        out.append(both[:, :, 1] + (q[:, t] * k[:, t]).sum(-1, keepdim=True) * u)
        S = S + k[:, t].unsqueeze(-1) * u.unsqueeze(-2)
    return torch.stack(out, dim=1), S


# ---- gated_delta_chunked


def _check(chunk):
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}")


def _decay(g):
    """(..., Q) -> (..., Q, Q), exp of sums over segments, 0 above the diagonal"""
    n = g.shape[-1]
    G = g.cumsum(-1)
    d = G.unsqueeze(-1) - G.unsqueeze(-2)
    keep = torch.ones(n, n, dtype=torch.bool).tril()
    return torch.where(keep, d, torch.full_like(d, -torch.inf)).exp()


def _run(q, k, v, g, beta, chunk, state, solve):
    _check(chunk)
    S = _start(q, v, state)
    out = []
    for Q, K, V, G, B in zip(*(z.split(chunk, dim=1) for z in (q, k, v, g, beta))):
        Q, K, V, G, B = (z.transpose(1, 2) for z in (Q, K, V, G, B))
        L = _decay(G)
        e = G.cumsum(-1).exp().unsqueeze(-1)
        M = torch.tril(B.unsqueeze(-1) * L * (K @ K.transpose(-1, -2)), -1)
        U = solve(M, B.unsqueeze(-1) * (V - e * (K @ S)))
        out.append((e * (Q @ S) + (L * (Q @ K.transpose(-1, -2))) @ U).transpose(1, 2))
        S = S * e[:, :, -1:] + (L[:, :, -1].unsqueeze(-1) * K).transpose(-1, -2) @ U
    return torch.cat(out, 1), S


@replaces("gated_delta_chunked")
def chunked_inverse(q, k, v, g, beta, chunk, state=None):
    """torch.linalg.inv"""
    return _run(q, k, v, g, beta, chunk, state, lambda M, r: torch.linalg.inv(M + torch.eye(M.shape[-1], dtype=M.dtype)) @ r)


@replaces("gated_delta_chunked")
def chunked_solve(q, k, v, g, beta, chunk, state=None):
    """torch.linalg.solve"""
    return _run(q, k, v, g, beta, chunk, state, lambda M, r: torch.linalg.solve(M + torch.eye(M.shape[-1], dtype=M.dtype), r))


@replaces("gated_delta_chunked")
def chunked_substitution(q, k, v, g, beta, chunk, state=None):
    """forward substitution by hand"""
    def solve(M, r):
        rows = []
        for i in range(r.shape[-2]):
            row = r[..., i, :]
            if rows:
                row = row - (M[..., i, :i].unsqueeze(-2) @ torch.stack(rows, -2)).squeeze(-2)
            rows.append(row)
        return torch.stack(rows, -2)

    return _run(q, k, v, g, beta, chunk, state, solve)


@replaces("gated_delta_chunked")
def chunked_blocks(q, k, v, g, beta, chunk, state=None):
    """the triangular system halved recursively"""
    def solve(M, r):
        n = M.shape[-1]
        if n == 1:
            return r
        m = n // 2
        top = solve(M[..., :m, :m], r[..., :m, :])
        return torch.cat([top, solve(M[..., m:, m:], r[..., m:, :] - M[..., m:, :m] @ top)], -2)

    return _run(q, k, v, g, beta, chunk, state, solve)


@replaces("gated_delta_chunked")
def chunked_padded(q, k, v, g, beta, chunk, state=None):
    """padded to whole chunks, all systems solved at once, for the state and the values apart (the WY form)"""
    _check(chunk)
    bt, t, h, n = q.shape
    c = min(chunk, t)
    more = -t % c
    cut = lambda z: F.pad(z, (0, 0) * (z.dim() - 2) + (0, more)).unflatten(1, (-1, c)).movedim(3, 1)  # (Bt, H, NC, c, ...)
    Q, K, V, G, B = cut(q), cut(k), cut(v), cut(g), cut(beta)
    L = _decay(G)
    e = G.cumsum(-1).exp().unsqueeze(-1)
    M = (B.unsqueeze(-1) * L * (K @ K.mT)).tril(-1) + torch.eye(c, dtype=q.dtype)
    both = torch.linalg.solve_triangular(M, B.unsqueeze(-1) * torch.cat([V, e * K], -1), upper=False)
    W, Y = both[..., : v.shape[-1]], both[..., v.shape[-1] :]
    inner = L * (Q @ K.mT)
    S, out = _start(q, v, state), []
    for i in range(Q.shape[2]):
        U = W[:, :, i] - Y[:, :, i] @ S
        out.append(e[:, :, i] * (Q[:, :, i] @ S) + inner[:, :, i] @ U)
        S = e[:, :, i, -1:] * S + (L[:, :, i, -1, :, None] * K[:, :, i]).mT @ U
    return torch.cat(out, 2)[:, :, :t].transpose(1, 2), S


@replaces("gated_delta_chunked")
def chunked_products(q, k, v, g, beta, chunk, state=None):
    """decays as products of e^g, place by place for all chunks at once; no differences of sums"""
    _check(chunk)
    c = min(chunk, q.shape[1])
    cut = lambda z: F.pad(z, (0, 0) * (z.dim() - 2) + (0, -q.shape[1] % c)).unflatten(1, (-1, c)).movedim(3, 1)
    Q, K, V, B, a = cut(q), cut(k), cut(v), cut(beta), cut(g.exp())
    a = torch.where(cut(torch.ones_like(g)) > 0, a, torch.ones_like(a))  # padding does not fade
    row, rows = torch.zeros_like(a), []
    unit = torch.eye(c, dtype=q.dtype)
    for i in range(c):
        row = row * a[..., i : i + 1] + unit[i]
        rows.append(row)
    L, e = torch.stack(rows, -2), a.cumprod(-1).unsqueeze(-1)
    M = (B.unsqueeze(-1) * L * (K @ K.mT)).tril(-1) + unit
    S, out = _start(q, v, state), []
    for i in range(Q.shape[2]):
        r = B[:, :, i].unsqueeze(-1) * (V[:, :, i] - e[:, :, i] * (K[:, :, i] @ S))
        U = torch.linalg.solve_triangular(M[:, :, i], r, upper=False)
        out.append(e[:, :, i] * (Q[:, :, i] @ S) + (L[:, :, i] * (Q[:, :, i] @ K[:, :, i].mT)) @ U)
        S = e[:, :, i, -1:] * S + (L[:, :, i, -1].unsqueeze(-1) * K[:, :, i]).mT @ U
    return torch.cat(out, 2)[:, :, : q.shape[1]].transpose(1, 2), S


@replaces("gated_delta_chunked")
def chunked_double(q, k, v, g, beta, chunk, state=None):
    """in float64, rounded at the end"""
    dtype = q.dtype
    args = [z.double() for z in (q, k, v, g, beta)]
    start = None if state is None else state.double()
    solve = lambda M, r: torch.linalg.solve_triangular(M + torch.eye(M.shape[-1], dtype=M.dtype), r, upper=False)
    o, S = _run(*args, chunk, start, solve)
    return o.to(dtype), S.to(dtype)


@replaces("gated_delta_chunked")
def chunked_einsum(q, k, v, g, beta, chunk, state=None):
    """einsum, heads stay behind the tokens; the decay of the state in log space"""
    if not chunk >= 1:
        raise ValueError("chunk < 1")
    S, o = _start(q, v, state), torch.zeros_like(v)
    pieces = []
    for s in range(0, q.shape[1], chunk):
        part = slice(s, s + chunk)
        Q, K, V, B = q[:, part], k[:, part], v[:, part], beta[:, part]
        G = torch.cumsum(g[:, part], dim=1)
        n = G.shape[1]
        place = torch.arange(n)
        D = G[:, :, None] - G[:, None]  # (Bt, i, j, H)
        D = D.masked_fill((place[:, None] < place)[None, :, :, None], float("-inf")).exp()
        A = torch.einsum("bih,bijh,bihk,bjhk->bhij", B, D, K, K) * (place[:, None] > place)
        r = B[..., None] * (V - G.exp()[..., None] * torch.einsum("bhkv,bihk->bihv", S, K))
        U = torch.linalg.solve_triangular(torch.eye(n, dtype=q.dtype) + A, r.permute(0, 2, 1, 3), upper=False, unitriangular=True)
        y = torch.einsum("bihk,bhkv->bihv", Q * G.exp()[..., None], S)
        pieces.append(y + torch.einsum("bijh,bihk,bjhk,bhjv->bihv", D, Q, K, U))
        S = S * G[:, -1, :, None, None].exp() + torch.einsum("bjh,bjhk,bhjv->bhkv", torch.exp(G[:, -1:] - G), K, U)
    return torch.cat(pieces, dim=1) + 0 * o, S


@replaces("gated_delta_chunked")
def chunked_heads(q, k, v, g, beta, chunk, state=None):
    """head by head"""
    _check(chunk)
    S = _start(q, v, state)
    solve = lambda M, r: torch.linalg.solve_triangular(M + torch.eye(M.shape[-1], dtype=M.dtype), r, upper=False, unitriangular=True)
    parts = [_run(*(z[:, :, h : h + 1] for z in (q, k, v, g, beta)), chunk, S[:, h : h + 1], solve) for h in range(q.shape[2])]
    return torch.cat([o for o, _ in parts], dim=2), torch.cat([s for _, s in parts], dim=1)


@replaces("gated_delta_chunked")
def chunked_places(q, k, v, g, beta, chunk, state=None):
    """chunks as affine maps S -> P S + R, made place by place for all chunks at once, then composed"""
    _check(chunk)
    bt, t, h, n = q.shape
    c = min(chunk, t)
    more = -t % c
    cut = lambda z: F.pad(z, (0, 0) * (z.dim() - 2) + (0, more)).unflatten(1, (-1, c))  # (Bt, NC, c, H, ...)
    Q, K, V, G, B = cut(q), cut(k), cut(v), cut(g), cut(beta)
    P = torch.eye(n, dtype=q.dtype).expand(bt, Q.shape[1], h, n, n)
    R = torch.zeros(bt, Q.shape[1], h, n, v.shape[-1], dtype=q.dtype)
    maps = torch.cat([P, R], -1)
    reads = []
    for i in range(c):
        maps = maps * G[:, :, i, :, None, None].exp()
        key = K[:, :, i].unsqueeze(-2)
        target = torch.cat([torch.zeros_like(K[:, :, i]), V[:, :, i]], -1).unsqueeze(-2)
        maps = maps + key.mT @ (B[:, :, i, :, None, None] * (target - key @ maps))
        reads.append((Q[:, :, i].unsqueeze(-2) @ maps).squeeze(-2))
    reads = torch.stack(reads, 2)  # (Bt, NC, c, H, K + V)
    S, out = _start(q, v, state), []
    for i in range(Q.shape[1]):
        r = reads[:, i]
        out.append(torch.einsum("bchk,bhkv->bchv", r[..., :n], S) + r[..., n:])
        S = maps[:, i, :, :, :n] @ S + maps[:, i, :, :, n:]
    return torch.cat(out, 1)[:, :t], S


@replaces("gated_delta_chunked")
def chunked_recursive(q, k, v, g, beta, chunk, state=None):
    """one chunk, then the rest by recursion over a shorter text"""
    _check(chunk)
    S = _start(q, v, state)
    solve = lambda M, r: torch.linalg.solve(M + torch.eye(M.size(-1), dtype=M.dtype), r)
    o, S = _run(*(z[:, :chunk] for z in (q, k, v, g, beta)), chunk, S, solve)
    outputs, done = [o], chunk
    while done < q.shape[1]:
        o, S = _run(*(z[:, done : done + chunk] for z in (q, k, v, g, beta)), chunk, S, solve)
        outputs.append(o)
        done += chunk
    return torch.cat(outputs, dim=1), S
