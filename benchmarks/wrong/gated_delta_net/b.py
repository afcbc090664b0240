# TRUE CAUSE: In gated_delta_chunked the matrix M has the strength of the earlier token, β_j, in its columns. The
# correction that token i makes is written with its own strength: row i of M has to be multiplied by β_i.
import torch
import torch.nn.functional as F
from torch import Tensor


def l2_normalize(x: Tensor, eps: float = 1e-6) -> Tensor:
    return x * torch.rsqrt((x * x).sum(dim=-1, keepdim=True) + eps)


def gates(a: Tensor, b: Tensor, A_log: Tensor, dt_bias: Tensor) -> tuple[Tensor, Tensor]:
    return -A_log.exp() * F.softplus(a + dt_bias), b.sigmoid()


def _first_state(k: Tensor, v: Tensor, state: Tensor | None) -> Tensor:
    if state is not None:
        return state
    Bt, _, H, K = k.shape
    return v.new_zeros(Bt, H, K, v.shape[-1])


def gated_delta_recurrent(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    S = _first_state(k, v, state)
    outputs = []
    for t in range(q.shape[1]):
        S = g[:, t, :, None, None].exp() * S
        held = torch.einsum("bhkv,bhk->bhv", S, k[:, t])
        missing = beta[:, t, :, None] * (v[:, t] - held)
        S = S + k[:, t, :, :, None] * missing[:, :, None, :]
        outputs.append(torch.einsum("bhkv,bhk->bhv", S, q[:, t]))
    return torch.stack(outputs, dim=1), S


def gated_delta_chunked(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, chunk: int, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    if chunk < 1:
        raise ValueError("chunk must be at least 1")
    S = _first_state(k, v, state)
    outputs = []
    pieces = zip(*(part.transpose(1, 2).split(chunk, dim=2) for part in (q, k, v, g, beta)))
    for qc, kc, vc, gc, bc in pieces:  # (Bt, H, Q, ...)
        Q = qc.shape[2]
        total = gc.cumsum(dim=-1)
        past = torch.ones(Q, Q, dtype=torch.bool, device=q.device).tril()
        difference = total[..., :, None] - total[..., None, :]
        decay = difference.masked_fill(~past, -torch.inf).exp()  # i sees j

        keys = (kc @ kc.transpose(-1, -2)) * decay * bc[..., None, :]
        system = torch.eye(Q, dtype=q.dtype, device=q.device) + keys.tril(-1)
        fresh = bc[..., None] * (vc - total.exp()[..., None] * (kc @ S))
        writes = torch.linalg.solve_triangular(system, fresh, upper=False, unitriangular=True)

        within = (qc @ kc.transpose(-1, -2)) * decay
        outputs.append(total.exp()[..., None] * (qc @ S) + within @ writes)
        S = total[..., -1, None, None].exp() * S + (kc * decay[..., -1, :, None]).transpose(-1, -2) @ writes
    return torch.cat(outputs, dim=2).transpose(1, 2), S
