# TRUE CAUSE: takes top-p to be a threshold on the single probabilities: it keeps each token whose probability is at least
# 1 - p times that of the most probable one (as min-p does), instead of the smallest set whose sum reaches p.
import torch


def apply_temperature(logits, temperature):
    if temperature <= 0:
        raise ValueError(f"temperature {temperature}")
    return logits * (1.0 / temperature)


def top_k_filter(logits, k):
    if k < 1:
        raise ValueError(f"k {k}")
    vocab = logits.size(-1)
    if k >= vocab:
        return logits
    border = logits.sort(dim=-1, descending=True).values[..., k - 1].unsqueeze(-1)
    return torch.where(logits >= border, logits, -torch.inf)


def top_p_filter(logits, p):
    if p <= 0 or p > 1:
        raise ValueError(f"p {p}")
    probs = torch.softmax(logits, -1)
    threshold = (1 - p) * probs.max(-1, keepdim=True).values
    return torch.where(probs >= threshold, logits, -torch.inf)


def next_token_distribution(logits, temperature=1.0, top_k=None, top_p=None):
    out = apply_temperature(logits, temperature)
    out = out if top_k is None else top_k_filter(out, top_k)
    out = out if top_p is None else top_p_filter(out, top_p)
    return torch.softmax(out, -1)


def sample(probs, u):
    cumulative = probs.cumsum(-1)
    token = (cumulative <= u.unsqueeze(-1)).sum(-1)
    vocab = probs.size(-1)
    positive = probs > 0
    last = vocab - 1 - positive.flip(-1).to(torch.int64).argmax(-1)
    return torch.minimum(token, last)
