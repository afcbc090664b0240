import torch
from torch import Tensor


def deepseek_route(
    logits: Tensor,
    bias: Tensor,
    k: int,
    n_group: int,
    topk_group: int,
    routed_scaling_factor: float = 1.0,
    norm_topk_prob: bool = True,
) -> tuple[Tensor, Tensor]:
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError("too few experts in the groups that stay")
    scores = logits.sigmoid()
    choice = (scores.detach() + bias).view(T, n_group, size)
    rating = choice.topk(min(2, size), dim=-1).values.sum(dim=-1)
    groups = rating.topk(topk_group, dim=-1).indices
    stays = torch.zeros_like(rating, dtype=torch.bool).scatter(1, groups, True)
    choice = choice.masked_fill(~stays[:, :, None], float("-inf")).view(T, E)
    indices = choice.topk(k, dim=-1).indices
    weights = scores.gather(1, indices)
    if norm_topk_prob:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights * routed_scaling_factor, indices


def update_bias(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias + gamma * torch.sign(load.mean() - load)
