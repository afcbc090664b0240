# TRUE CAUSE: update_bias takes the mean load over the experts that got at least one token. The mean is over all E
# experts, idle ones too, T * k / E; with idle experts the rule above sets the bar too high.
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
        raise ValueError(f"{topk_group} groups of {size} experts are too few for k = {k}")
    scores = logits.sigmoid()
    choice = (scores + bias).detach().reshape(T, n_group, size)
    rating = choice.topk(min(2, size), dim=-1).values.sum(dim=-1)
    staying = torch.zeros(T, n_group, dtype=torch.bool, device=logits.device)
    staying.scatter_(1, rating.topk(topk_group, dim=-1).indices, True)
    choice = choice.masked_fill(~staying[:, :, None], float("-inf")).reshape(T, E)
    indices = choice.topk(k, dim=-1).indices
    weights = scores.gather(1, indices)
    if norm_topk_prob:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights * routed_scaling_factor, indices


def update_bias(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    mean = load[load > 0].mean()
    return bias + gamma * torch.sign(mean - load)
