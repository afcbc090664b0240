# TRUE CAUSE: routed_scaling_factor is applied only inside the branch norm_topk_prob=True; without normalisation
# the weights are not multiplied by it.
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
    tokens, experts = logits.shape
    per_group = experts // n_group
    if k > topk_group * per_group:
        raise ValueError("fewer experts than k in the groups that stay")
    scores = logits.sigmoid()
    choice = (scores + bias).view(tokens, n_group, per_group)
    rating = choice.topk(min(2, per_group), dim=-1).values.sum(dim=-1)
    groups = rating.topk(topk_group, dim=-1).indices
    stays = torch.zeros(tokens, n_group, dtype=torch.bool).scatter(1, groups, True)
    masked = choice.masked_fill(~stays[:, :, None], float("-inf")).view(tokens, experts)
    indices = masked.topk(k, dim=-1).indices
    weights = scores.gather(1, indices)
    if norm_topk_prob:
        weights = routed_scaling_factor * weights / weights.sum(dim=-1, keepdim=True)
    return weights, indices


def update_bias(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    experts = bias.shape[0]
    load = torch.bincount(indices.flatten(), minlength=experts)
    # load and mean times the number of experts, so that both are whole numbers
    above = torch.sign(load * experts - indices.numel())
    return bias - gamma * above.to(bias.dtype)
