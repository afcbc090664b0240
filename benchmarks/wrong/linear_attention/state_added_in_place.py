# TRUE CAUSE: S and n of the state that is passed in are changed, because the sums are added in place (+=).
import torch
import torch.nn.functional as F
from torch import Tensor


def feature_map(x: Tensor) -> Tensor:
    return torch.where(x > 0, x + 1, torch.exp(x.clamp(max=0)))


def linear_attention_parallel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    fq, fk = feature_map(q), feature_map(k)
    weights = (fq @ fk.transpose(-2, -1)).tril()  # (..., T, T)
    return weights @ v / weights.sum(-1, keepdim=True)


def linear_attention_recurrent(
    q: Tensor, k: Tensor, v: Tensor, state: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    fq, fk = feature_map(q), feature_map(k)
    T = q.shape[-2]
    if state is None:
        S = v.new_zeros(*k.shape[:-2], k.shape[-1], v.shape[-1])
        n = v.new_zeros(*k.shape[:-2], k.shape[-1])
    else:
        S, n = state["S"], state["n"]
    ys = []
    for t in range(T):
        S += fk[..., t, :, None] * v[..., t, None, :]
        n += fk[..., t, :]
        top = (fq[..., t, None, :] @ S)[..., 0, :]
        bottom = (fq[..., t, :] * n).sum(-1, keepdim=True)
        ys.append(top / bottom)
    return torch.stack(ys, dim=-2), {"S": S, "n": n}
