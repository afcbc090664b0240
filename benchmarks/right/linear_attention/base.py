import torch
import torch.nn.functional as F
from torch import Tensor


def feature_map(x: Tensor) -> Tensor:
    positive = x > 0
    return torch.where(positive, x + 1, torch.where(positive, torch.zeros_like(x), x).exp())


def linear_attention_parallel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (feature_map(q) @ feature_map(k).transpose(-2, -1)).tril()
    return (weights @ v) / weights.sum(-1, keepdim=True)


def linear_attention_recurrent(
    q: Tensor, k: Tensor, v: Tensor, state: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    fq, fk = feature_map(q), feature_map(k)
    if state is None:
        S = v.new_zeros(*k.shape[:-2], k.shape[-1], v.shape[-1])
        n = v.new_zeros(*k.shape[:-2], k.shape[-1])
    else:
        S, n = state["S"], state["n"]
    rows = []
    for t in range(q.shape[-2]):
        S = S + fk[..., t, :, None] * v[..., t, None, :]
        n = n + fk[..., t, :]
        a = fq[..., t, :]
        rows.append((a[..., None] * S).sum(-2) / (a * n).sum(-1, keepdim=True))
    return torch.stack(rows, dim=-2), {"S": S, "n": n}
