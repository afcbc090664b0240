# TRUE CAUSE: gated_delta_recurrent reads the output with q before the token has written, so that a token does
# not see its own write.
import torch
import torch.nn.functional as F
from torch import Tensor


def l2_normalize(x: Tensor, eps: float = 1e-6) -> Tensor:
    return x * torch.rsqrt((x * x).sum(dim=-1, keepdim=True) + eps)


def gates(a: Tensor, b: Tensor, A_log: Tensor, dt_bias: Tensor) -> tuple[Tensor, Tensor]:
    return -A_log.exp() * F.softplus(a + dt_bias), b.sigmoid()


def _start(q: Tensor, k: Tensor, v: Tensor, state: Tensor | None) -> Tensor:
    if state is not None:
        return state
    return q.new_zeros(q.shape[0], q.shape[2], k.shape[3], v.shape[3])


def gated_delta_recurrent(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    S = _start(q, k, v, state)
    outputs = []
    for t in range(q.shape[1]):
        S = S * g[:, t].exp()[..., None, None]
        held = (S * k[:, t, :, :, None]).sum(dim=2)
        write = beta[:, t, :, None] * (v[:, t] - held)
        outputs.append((S * q[:, t, :, :, None]).sum(dim=2))
        S = S + k[:, t, :, :, None] * write[:, :, None, :]
    return torch.stack(outputs, dim=1), S


def gated_delta_chunked(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, chunk: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    if chunk < 1:
        raise ValueError("chunk has to be at least 1")
    S = _start(q, k, v, state)
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # (Bt, H, T, .)
    g, beta = g.transpose(1, 2), beta.transpose(1, 2)
    outputs = []
    for begin in range(0, q.shape[2], chunk):
        piece = slice(begin, begin + chunk)
        Q, K, V, b = q[:, :, piece], k[:, :, piece], v[:, :, piece], beta[:, :, piece, None]
        G = g[:, :, piece].cumsum(dim=-1)
        n = G.shape[-1]
        lower = torch.ones(n, n, dtype=torch.bool).tril()
        diff = (G[..., :, None] - G[..., None, :]).masked_fill(~lower, 0.0)
        decay = diff.exp() * lower
        M = (b * decay * (K @ K.transpose(2, 3))).tril(-1)
        eye = torch.eye(n, dtype=q.dtype)
        fade = G.exp()[..., None]
        U = torch.linalg.solve_triangular(eye + M, b * (V - fade * (K @ S)), upper=False, unitriangular=True)
        outputs.append(fade * (Q @ S) + (decay * (Q @ K.transpose(2, 3))) @ U)
        to_end = (G[..., -1:] - G).exp()[..., None]
        S = S * G[..., -1, None, None].exp() + (K * to_end).transpose(2, 3) @ U
    return torch.cat(outputs, dim=2).transpose(1, 2), S
