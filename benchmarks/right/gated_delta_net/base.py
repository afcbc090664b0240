import torch
import torch.nn.functional as F
from torch import Tensor


def l2_normalize(x: Tensor, eps: float = 1e-6) -> Tensor:
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) + eps)


def gates(a: Tensor, b: Tensor, A_log: Tensor, dt_bias: Tensor) -> tuple[Tensor, Tensor]:
    return -A_log.exp() * F.softplus(a + dt_bias), torch.sigmoid(b)


def gated_delta_recurrent(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    bt, t, h, width = q.shape
    S = q.new_zeros(bt, h, width, v.shape[-1]) if state is None else state
    outputs = []
    for i in range(t):
        S = S * g[:, i, :, None, None].exp()
        held = (S * k[:, i, :, :, None]).sum(-2)
        write = beta[:, i, :, None] * (v[:, i] - held)
        S = S + k[:, i, :, :, None] * write[:, :, None, :]
        outputs.append((S * q[:, i, :, :, None]).sum(-2))
    return torch.stack(outputs, dim=1), S


def gated_delta_chunked(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, chunk: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    if chunk < 1:
        raise ValueError("chunk must be at least 1")
    q, k, v, g, beta = (z.transpose(1, 2) for z in (q, k, v, g, beta))  # (Bt, H, T, ...)
    bt, h, t, width = q.shape
    S = q.new_zeros(bt, h, width, v.shape[-1]) if state is None else state
    outputs = []
    for i in range(0, t, chunk):
        Q, K, V, b = (z[:, :, i : i + chunk] for z in (q, k, v, beta))
        G = g[:, :, i : i + chunk].cumsum(-1)
        n = G.shape[-1]
        later = torch.ones(n, n, dtype=torch.bool).triu(1)
        decay = (G[..., :, None] - G[..., None, :]).masked_fill(later, -torch.inf).exp()
        M = (b[..., None] * decay * (K @ K.mT)).tril(-1)
        eg = G.exp()[..., None]
        right = b[..., None] * (V - eg * (K @ S))
        U = torch.linalg.solve_triangular(M + torch.eye(n, dtype=M.dtype), right, upper=False, unitriangular=True)
        outputs.append(eg * (Q @ S) + (decay * (Q @ K.mT)) @ U)
        S = eg[..., -1:, :] * S + (K * decay[..., -1, :, None]).mT @ U
    return torch.cat(outputs, dim=2).transpose(1, 2), S
