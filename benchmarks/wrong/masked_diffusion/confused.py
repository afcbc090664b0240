# TRUE CAUSE: believes that low-confidence remasking fills the places where the model is LEAST sure first: unmask_step
# takes the masked places with the smallest probability of their best token. It has to fill the surest ones.
import torch


def mask_tokens(ids, t, u, mask_id):
    noisy = ids.clone()
    noisy[u < t.unsqueeze(1)] = mask_id
    return noisy


def _probabilities(logits, mask_id):
    logits = logits.clone()
    logits[..., mask_id] = -torch.inf
    return torch.softmax(logits, dim=-1)


def diffusion_loss(logits, ids, noisy, t, mask_id):
    batch, length, vocab = logits.shape
    shut = torch.arange(vocab) == mask_id
    log_p = torch.log_softmax(torch.where(shut, -torch.inf, logits), dim=-1)
    nll = -log_p.gather(2, ids.unsqueeze(2)).squeeze(2)
    nll = torch.where(noisy == mask_id, nll, torch.zeros_like(nll))
    per_text = nll.sum(1) / t
    return per_text.sum() / (batch * length)


def unmask_schedule(num_masked, steps):
    counts, left = [], num_masked
    for remaining in range(steps, 0, -1):
        now = -(-left // remaining)  # rounded up
        counts.append(now)
        left -= now
    return counts


def unmask_step(tokens, logits, counts, mask_id):
    result = tokens.clone()
    p = _probabilities(logits, mask_id)
    for b in range(tokens.shape[0]):
        places = (tokens[b] == mask_id).nonzero().flatten().tolist()
        places.sort(key=lambda i: p[b, i].max().item())
        for i in places[: int(counts[b])]:
            result[b, i] = p[b, i].argmax()
    return result
