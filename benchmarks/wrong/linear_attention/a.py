# TRUE CAUSE: feature_map takes torch.where over x + 1 and exp(x); for large x exp(x) is inf and its gradient inf * 0
# = NaN reaches x. The argument of exp has to be limited to 0 first.
"""Linear attention in its two forms."""

import torch
import torch.nn.functional as F
from torch import Tensor


def feature_map(x: Tensor) -> Tensor:
    return torch.where(x > 0, x + 1, torch.exp(x))


def linear_attention_parallel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (feature_map(q) @ feature_map(k).transpose(-1, -2)).tril()
    return (weights @ v) / weights.sum(dim=-1, keepdim=True)


def linear_attention_recurrent(
    q: Tensor, k: Tensor, v: Tensor, state: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    fq, fk = feature_map(q), feature_map(k)
    if state is None:
        S = v.new_zeros(*v.shape[:-2], k.shape[-1], v.shape[-1])
        n = v.new_zeros(*v.shape[:-2], k.shape[-1])
    else:
        S, n = state["S"], state["n"]
    rows = []
    for t in range(v.shape[-2]):
        qt, kt, vt = fq[..., t, :], fk[..., t, :], v[..., t, :]
        S = S + kt[..., :, None] * vt[..., None, :]
        n = n + kt
        top = (qt[..., :, None] * S).sum(dim=-2)
        bottom = (qt * n).sum(dim=-1, keepdim=True)
        rows.append(top / bottom)
    return torch.stack(rows, dim=-2), {"S": S, "n": n}
