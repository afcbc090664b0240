# TRUE CAUSE: forgets the division by √K altogether and works with q kᵀ as the scores: forward (output and lse) and backward
# are consistent with each other, but are those of attention with scale 1.
import torch


def merge(out_a, lse_a, out_b, lse_b):
    top = torch.maximum(lse_a, lse_b)
    top = top.masked_fill(top == -torch.inf, 0.0)
    ea, eb = (lse_a - top).exp(), (lse_b - top).exp()
    mass = ea + eb
    div = mass.masked_fill(mass == 0, 1.0).unsqueeze(-1)
    o = (out_a * ea.unsqueeze(-1) + out_b * eb.unsqueeze(-1)) / div
    return o, top + mass.log()


def _scores(qb, kb, q0, k0, shift, causal):
    s = torch.einsum("bhtd,bhsd->bhts", qb, kb)
    if causal:
        qpos = q0 + shift + torch.arange(qb.size(2)).unsqueeze(1)
        kpos = k0 + torch.arange(kb.size(2)).unsqueeze(0)
        s = s.masked_fill(kpos > qpos, -torch.inf)
    return s


def flash_forward(q, k, v, block_q, block_k, causal=False):
    shift = k.size(2) - q.size(2)
    outs, lses = [], []
    for q0 in range(0, q.size(2), block_q):
        qb = q[:, :, q0 : q0 + block_q]
        o = qb.new_zeros(*qb.shape[:3], v.size(3))
        l = qb.new_full(qb.shape[:3], -torch.inf)
        for k0 in range(0, k.size(2), block_k):
            s = _scores(qb, k[:, :, k0 : k0 + block_k], q0, k0, shift, causal)
            new_l = torch.logsumexp(s, dim=-1)
            ref = new_l.masked_fill(new_l == -torch.inf, 0.0)
            new_o = torch.exp(s - ref.unsqueeze(-1)) @ v[:, :, k0 : k0 + block_k]
            o, l = merge(o, l, new_o, new_l)
        outs.append(o)
        lses.append(l)
    return torch.cat(outs, 2), torch.cat(lses, 2)


def flash_backward(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    shift = k.size(2) - q.size(2)
    D = torch.einsum("bhtv,bhtv->bht", d_out, out)
    dq = torch.zeros(q.shape, dtype=q.dtype)
    dks, dvs = [], []
    for k0 in range(0, k.size(2), block_k):
        kb, vb = k[:, :, k0 : k0 + block_k], v[:, :, k0 : k0 + block_k]
        dkb, dvb = torch.zeros(kb.shape, dtype=q.dtype), torch.zeros(vb.shape, dtype=q.dtype)
        for q0 in range(0, q.size(2), block_q):
            rows = slice(q0, q0 + block_q)
            P = torch.exp(_scores(q[:, :, rows], kb, q0, k0, shift, causal) - lse[:, :, rows].unsqueeze(-1))
            dvb += P.mT @ d_out[:, :, rows]
            dS = P * (d_out[:, :, rows] @ vb.mT - D[:, :, rows].unsqueeze(-1))
            dq[:, :, rows] += dS @ kb
            dkb += dS.mT @ q[:, :, rows]
        dks.append(dkb)
        dvs.append(dvb)
    return dq, torch.cat(dks, 2), torch.cat(dvs, 2)
