# TRUE CAUSE: takes β for a gate on the whole state update that scales the value alone: what is written is β v - held in place
# of β (v - held), so with β < 1 the old entry is erased entirely. The recurrent and the chunked form agree on it.
import torch
import torch.nn.functional as F


def l2_normalize(x, eps=1e-6):
    length = torch.sqrt(torch.sum(x**2, -1, keepdim=True) + eps)
    return x / length


def gates(a, b, A_log, dt_bias):
    rate = torch.exp(A_log)
    return -(rate * F.softplus(a + dt_bias)), torch.sigmoid(b)


def gated_delta_recurrent(q, k, v, g, beta, state=None):
    Bt, T, H, K = k.shape
    mem = torch.zeros(Bt, H, K, v.size(-1), dtype=q.dtype) if state is None else state.clone()
    out = []
    for t in range(T):
        mem = mem * torch.exp(g[:, t])[:, :, None, None]
        old = torch.einsum("bhkv,bhk->bhv", mem, k[:, t])
        new = beta[:, t, :, None] * v[:, t]
        mem = mem + torch.einsum("bhk,bhv->bhkv", k[:, t], new - old)
        out.append(torch.einsum("bhkv,bhk->bhv", mem, q[:, t]))
    return torch.stack(out, 1), mem


def gated_delta_chunked(q, k, v, g, beta, chunk, state=None):
    if chunk <= 0:
        raise ValueError("chunk < 1")
    Bt, T, H, K = k.shape
    mem = torch.zeros(Bt, H, K, v.size(-1), dtype=q.dtype) if state is None else state.clone()
    out = []
    for s in range(0, T, chunk):
        qc, kc, vc = (z[:, s : s + chunk].permute(0, 2, 1, 3) for z in (q, k, v))
        bc = beta[:, s : s + chunk].permute(0, 2, 1).unsqueeze(-1)
        cum = g[:, s : s + chunk].permute(0, 2, 1).cumsum(-1)
        n = cum.size(-1)
        keep = torch.tril(torch.ones(n, n, dtype=torch.bool))
        L = torch.where(keep, cum.unsqueeze(-1) - cum.unsqueeze(-2), torch.tensor(0.0, dtype=q.dtype)).exp() * keep
        scale = cum.exp().unsqueeze(-1)
        system = torch.eye(n, dtype=q.dtype) + torch.tril(L * (kc @ kc.mT), -1)
        writes = torch.linalg.solve_triangular(system, bc * vc - scale * (kc @ mem), upper=False)
        out.append(scale * (qc @ mem) + (L * (qc @ kc.mT)) @ writes)
        tail = torch.exp(cum[..., -1:] - cum).unsqueeze(-1)
        mem = torch.exp(cum[..., -1])[..., None, None] * mem + (tail * kc).mT @ writes
    return torch.cat(out, 2).permute(0, 2, 1, 3), mem
