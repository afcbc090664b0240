# TRUE CAUSE: The recurrent form takes S from the state and starts the normaliser n at zero in each piece, as if the
# mean were over the tokens of the piece. n has to be carried along from the state too.
import torch
import torch.nn.functional as F
from torch import Tensor


def feature_map(x: Tensor) -> Tensor:
    """x + 1 above 0, exp(x) elsewhere."""
    return torch.where(x > 0, x + 1, x.clamp(max=0).exp())


def linear_attention_parallel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (feature_map(q) @ feature_map(k).transpose(-1, -2)).tril()
    return (weights @ v) / weights.sum(dim=-1, keepdim=True)


def linear_attention_recurrent(
    q: Tensor, k: Tensor, v: Tensor, state: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    fq, fk = feature_map(q), feature_map(k)
    n = torch.zeros_like(fk[..., 0, :])
    S = n[..., :, None] * v[..., 0, None, :] if state is None else state["S"]
    rows = []
    for t in range(q.shape[-2]):
        S = S + fk[..., t, :, None] * v[..., t, None, :]
        n = n + fk[..., t, :]
        read = (fq[..., t, :, None] * S).sum(dim=-2)
        rows.append(read / (fq[..., t, :] * n).sum(dim=-1, keepdim=True))
    return torch.stack(rows, dim=-2), {"S": S, "n": n}
