"""The router of DeepSeek-V3: sigmoid scores, groups of experts, and a bias that only chooses."""

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
    """The k chosen experts of every token, and what each of them counts.

    logits: (T, E), T >= 1, finite; float32 or float64.
    bias: (E,) in the dtype of logits, of any sign, without gradient. The choice is by s + b, sigmoid(logits) + bias.
    n_group: divides E. The first E / n_group experts are group 0, the next as many group 1, and so on. A group is rated
        by the sum of its two largest s + b, a group of one expert by the one it has.
    topk_group: from 1 to n_group, how many groups stay. Of their experts the k with the largest s + b are chosen.
    norm_topk_prob: whether the sigmoids of the chosen experts are divided by their sum.
    routed_scaling_factor: by which the weights are multiplied in the end.
    Returns: weights (T, k) in the dtype of logits and indices (T, k) int64, in any order within a row, the same
        in both. Gradients flow from the weights to the logits.
    Raises: ValueError if the groups that stay have fewer than k experts, k > topk_group * E / n_group.

    >>> logits = torch.tensor([[2.0, 0.0, 1.0, 1.5]])  # sigmoid: 0.8808, 0.5000, 0.7311, 0.8176
    >>> deepseek_route(logits, torch.zeros(4), k=2, n_group=2, topk_group=1)
    (tensor([[0.5279, 0.4721]]), tensor([[3, 2]]))
    >>> deepseek_route(logits, torch.tensor([0.3, 0.0, 0.0, 0.0]), k=2, n_group=2, topk_group=1)
    (tensor([[0.6379, 0.3621]]), tensor([[0, 1]]))
    """
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError(f"{k} experts are to be chosen, and the groups that stay have {topk_group * size}")

    s = torch.sigmoid(logits)  # (T, E): how much an expert counts
    biased = (s + bias).view(T, n_group, size)  # (T, n_group, size): who is chosen
    rating = biased.topk(min(2, size), dim=-1).values.sum(-1)  # (T, n_group)
    stays = rating.topk(topk_group, dim=-1).indices  # (T, topk_group)
    closed = torch.ones_like(rating, dtype=torch.bool).scatter(-1, stays, False)  # (T, n_group)
    biased = biased.masked_fill(closed[..., None], float("-inf")).view(T, E)
    indices = biased.topk(k, dim=-1).indices  # (T, k)

    weights = s.gather(-1, indices)  # (T, k): without the bias
    if norm_topk_prob:
        weights = weights / weights.sum(-1, keepdim=True)
    return routed_scaling_factor * weights, indices


def update_bias(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """The bias after one step of balancing: less gamma for an overloaded expert, plus gamma for an underloaded one.

    bias: (E,), float32 or float64, without gradient. It stays as it is.
    indices: int64 (T, k), the choices of all tokens. The load of an expert is how often it stands there.
    gamma: the step, whatever the distance to the mean load of all E experts, T*k/E, which need not be whole.
    Returns: a new (E,) in the dtype of bias, computed in that dtype. An expert with exactly the mean load keeps its
        bias.

    >>> update_bias(torch.zeros(4), torch.tensor([[0, 1], [0, 1], [0, 2], [0, 3]]), gamma=0.001)  # loads 4, 2, 1, 1
    tensor([-0.0010,  0.0000,  0.0010,  0.0010])
    """
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)  # (E,)
    return bias + gamma * torch.sign(load.mean() - load)
