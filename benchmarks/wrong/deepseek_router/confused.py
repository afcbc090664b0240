# TRUE CAUSE: takes the scores to be a softmax over all experts, as in Mixtral or DeepSeek-V2, in place of a sigmoid of each
# expert's own logit: choice (with the bias) and weights both use softmax probabilities. update_bias is right.
import torch
import torch.nn.functional as F


def deepseek_route(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    T, E = logits.shape
    size = E // n_group
    if topk_group * size < k:
        raise ValueError("k is larger than what is left of the experts")
    probs = F.softmax(logits, dim=-1)
    biased = probs + bias
    grouped = biased.reshape(T, n_group, size)
    two_best = grouped.sort(dim=-1, descending=True).values[..., :2]
    best_groups = two_best.sum(-1).topk(topk_group).indices
    allowed = torch.full((T, n_group, size), float("-inf"), dtype=logits.dtype)
    allowed.scatter_(1, best_groups.unsqueeze(-1).expand(-1, -1, size), 0.0)
    idx = (biased + allowed.reshape(T, E)).topk(k).indices
    w = torch.gather(probs, 1, idx)
    if norm_topk_prob:
        w = w / w.sum(1, keepdim=True)
    return routed_scaling_factor * w, idx


def update_bias(bias, indices, gamma):
    E = bias.numel()
    counts = F.one_hot(indices.reshape(-1), E).sum(0)
    diff = indices.numel() - counts * E
    step = torch.zeros_like(bias)
    step[diff > 0] = gamma
    step[diff < 0] = -gamma
    return bias + step
