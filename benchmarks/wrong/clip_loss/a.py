# TRUE CAUSE: clip_loss takes the logarithm of a finished softmax; at scale 100 the probability of a pair underflows to
# 0 in float32 and the loss is inf. log_softmax or cross_entropy on the logits would be right.
"""The loss of CLIP, and what one does with the trained model."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_LOG_SCALE = math.log(100.0)


def clip_logits(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    u = image_emb / image_emb.norm(dim=-1, keepdim=True)
    v = text_emb / text_emb.norm(dim=-1, keepdim=True)
    return log_scale.clamp(max=MAX_LOG_SCALE).exp() * (u @ v.T)


def clip_loss(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    logits = clip_logits(image_emb, text_emb, log_scale)
    by_image = logits.softmax(dim=1).diagonal()
    by_text = logits.softmax(dim=0).diagonal()
    return -(by_image.log().mean() + by_text.log().mean()) / 2


def zero_shot(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    unit = prompt_emb / prompt_emb.norm(dim=-1, keepdim=True)  # (K, M, E)
    classes = F.normalize(unit.mean(dim=1), dim=-1)
    return clip_logits(image_emb, classes, log_scale).softmax(dim=-1)


def recall_at_k(logits: Tensor, k: int) -> float:
    own = torch.arange(logits.shape[0], device=logits.device)[:, None]
    best = logits.topk(k, dim=1).indices
    return (best == own).any(dim=1).double().mean().item()
