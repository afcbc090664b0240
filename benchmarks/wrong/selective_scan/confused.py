# TRUE CAUSE: discretises the input by the exact zero-order hold of the paper's equation 4, (exp(ΔA) - 1) / A · B u, in place of
# Mamba's code Δ B u that the exercise asks for. Everything else is right.
import torch
import torch.nn.functional as F


def selective_scan(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    dt = delta if delta_bias is None else delta + delta_bias.view(1, -1, 1)
    dt = F.softplus(dt) if delta_softplus else dt
    dA = torch.einsum("bct,cn->bctn", dt, A)
    A_bar = dA.exp()
    # zero-order hold: A^-1 (exp(ΔA) - I) B
    B_bar = torch.expm1(dA) / A[None, :, None, :] * B.transpose(1, 2).unsqueeze(1)
    state = torch.zeros(u.size(0), u.size(1), A.size(1), dtype=u.dtype) if h0 is None else h0.clone()
    collected = []
    for t in range(u.size(-1)):
        state = A_bar[:, :, t] * state + B_bar[:, :, t] * u[:, :, t].unsqueeze(-1)
        collected.append(torch.einsum("bcn,bn->bc", state, C[..., t]))
    ys = torch.stack(collected, 2)
    ys = ys if D is None else ys + u * D.view(1, -1, 1)
    ys = ys if z is None else ys * z * torch.sigmoid(z)
    return ys, state
