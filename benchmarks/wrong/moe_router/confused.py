# TRUE CAUSE: believes that the weights are the kept logits divided by their sum (no exponential): w_i = l_i / sum of the
# chosen l_j, instead of the softmax over the chosen logits.
import torch


def route(logits, k):
    n_experts = logits.size(-1)
    if k < 1 or k > n_experts:
        raise ValueError("bad k")
    order = torch.argsort(logits, dim=-1, descending=True)
    best = order[..., :k]
    kept = torch.gather(logits, -1, best)
    high = kept.float() if kept.dtype in (torch.half, torch.bfloat16) else kept
    shares = high / high.sum(-1, keepdim=True)
    return shares.type(logits.dtype), best


def combine_matrix(weights, indices, num_experts):
    one_hot = torch.nn.functional.one_hot(indices, num_experts).to(weights.dtype)
    return (one_hot * weights.unsqueeze(-1)).sum(-2)
