# TRUE CAUSE: routed_scaling_factor is applied only inside the branch of norm_topk_prob; the weights have to be
# multiplied by it in both cases, also when they are not normalised.
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
        raise ValueError(f"{topk_group} groups of {size} experts have fewer than {k}")
    scores = logits.sigmoid()
    choice = (scores + bias).detach()

    # which groups stay
    grouped = choice.view(T, n_group, size)
    rating = grouped.topk(min(2, size), dim=-1).values.sum(-1)  # (T, n_group)
    best = rating.topk(topk_group, dim=-1).indices
    stays = torch.zeros(T, n_group, dtype=torch.bool, device=logits.device).scatter(1, best, True)

    # which of their experts are chosen
    choice = grouped.masked_fill(~stays[:, :, None], float("-inf")).view(T, E)
    indices = choice.topk(k, dim=-1).indices

    weights = scores.gather(1, indices)
    if norm_topk_prob:
        weights = weights / weights.sum(-1, keepdim=True)
        weights = weights * routed_scaling_factor
    return weights, indices


def update_bias(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    E = bias.numel()
    load = torch.bincount(indices.flatten(), minlength=E)
    direction = torch.sign(indices.numel() - load * E)  # E times the distance to the mean, in whole numbers
    return bias + gamma * direction.to(bias.dtype)
