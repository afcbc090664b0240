# TRUE CAUSE: takes log_scale for the logarithm of the TEMPERATURE: the logits are divided by exp(log_scale) (with the cap
# accordingly on 1/temperature at 100) in place of multiplied by it. All functions that use clip_logits inherit it.
import math

import torch
import torch.nn.functional as F


def _l2(v):
    return v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)


def clip_logits(image_emb, text_emb, log_scale):
    # temperature at least 1/100
    temperature = torch.exp(torch.clamp(log_scale, min=-math.log(100.0)))
    return torch.einsum("be,me->bm", _l2(image_emb), _l2(text_emb)) / temperature


def clip_loss(image_emb, text_emb, log_scale):
    z = clip_logits(image_emb, text_emb, log_scale)
    i2t = z.log_softmax(dim=1).diagonal()
    t2i = z.log_softmax(dim=0).diagonal()
    return -0.5 * (i2t.mean() + t2i.mean())


def zero_shot(image_emb, prompt_emb, log_scale):
    class_vec = _l2(prompt_emb).mean(1)
    return F.softmax(clip_logits(image_emb, class_vec, log_scale), dim=1)


def recall_at_k(logits, k):
    top = logits.topk(k, dim=1).indices
    hits = (top == torch.arange(len(logits)).unsqueeze(1)).any(dim=1)
    return hits.float().mean().item()
