# TRUE CAUSE: l2_normalize uses F.normalize, which divides by max(norm, eps); the statement divides by sqrt(sum x^2 +
# eps), which makes short rows shorter than 1.
import torch
import torch.nn.functional as F
from torch import Tensor


def l2_normalize(x: Tensor, eps: float = 1e-6) -> Tensor:
    return F.normalize(x, dim=-1, eps=eps)


def gates(a: Tensor, b: Tensor, A_log: Tensor, dt_bias: Tensor) -> tuple[Tensor, Tensor]:
    g = -A_log.exp() * F.softplus(a + dt_bias)
    return g, torch.sigmoid(b)


def gated_delta_recurrent(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, K = q.shape
    S = q.new_zeros(Bt, H, K, v.shape[-1]) if state is None else state
    outputs = []
    for t in range(T):
        S = S * g[:, t].exp()[..., None, None]
        held = torch.einsum("bhkv,bhk->bhv", S, k[:, t])
        write = beta[:, t, :, None] * (v[:, t] - held)
        S = S + k[:, t].unsqueeze(-1) * write.unsqueeze(-2)
        outputs.append(torch.einsum("bhkv,bhk->bhv", S, q[:, t]))
    return torch.stack(outputs, dim=1), S


def gated_delta_chunked(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, chunk: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    if chunk < 1:
        raise ValueError("chunk must be at least 1")
    Bt, T, H, K = q.shape
    S = q.new_zeros(Bt, H, K, v.shape[-1]) if state is None else state
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # (Bt, H, T, .)
    g, beta = g.transpose(1, 2), beta.transpose(1, 2)  # (Bt, H, T)
    outputs = []
    for start in range(0, T, chunk):
        piece = slice(start, start + chunk)
        qc, kc, vc, bc = q[:, :, piece], k[:, :, piece], v[:, :, piece], beta[:, :, piece, None]
        G = g[:, :, piece].cumsum(-1)
        Q = G.shape[-1]
        lower = torch.ones(Q, Q, dtype=torch.bool, device=q.device).tril()
        decay = (G[..., :, None] - G[..., None, :]).masked_fill(~lower, float("-inf")).exp()
        M = (bc * decay * (kc @ kc.mT)).tril(-1)
        since_start = G.exp().unsqueeze(-1)
        rhs = bc * (vc - since_start * (kc @ S))
        system = M + torch.eye(Q, dtype=q.dtype, device=q.device)
        U = torch.linalg.solve_triangular(system, rhs, upper=False, unitriangular=True)
        outputs.append(since_start * (qc @ S) + (decay * (qc @ kc.mT)) @ U)
        to_end = (G[..., -1:] - G).exp().unsqueeze(-1)
        S = G[..., -1].exp()[..., None, None] * S + (to_end * kc).mT @ U
    return torch.cat(outputs, dim=2).transpose(1, 2), S
