# TRUE CAUSE: zero_shot normalises over the images (dim 0). The probabilities of an image are the softmax over the
# classes, dim 1, so that each row sums to 1.
import math

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_LOG_SCALE = math.log(100)


def _unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def clip_logits(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    cosines = _unit(image_emb) @ _unit(text_emb).T
    return log_scale.clamp(max=MAX_LOG_SCALE).exp() * cosines


def clip_loss(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    logits = clip_logits(image_emb, text_emb, log_scale)
    pairs = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def zero_shot(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    classes = _unit(prompt_emb).mean(dim=1)  # (K, E)
    return clip_logits(image_emb, classes, log_scale).softmax(dim=0)


def recall_at_k(logits: Tensor, k: int) -> float:
    own = logits.diagonal()[:, None]
    better = (logits > own).sum(dim=1)
    return (better < k).double().mean().item()
