import math

import torch
import torch.nn.functional as F
from torch import Tensor


def unit(x: Tensor) -> Tensor:
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def get_scale(log_scale: Tensor) -> Tensor:
    return log_scale.clamp(max=math.log(100)).exp()


def clip_logits(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    return get_scale(log_scale) * unit(image_emb) @ unit(text_emb).T


def clip_loss(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    logits = clip_logits(image_emb, text_emb, log_scale)
    labels = torch.arange(len(logits))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def zero_shot(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    classes = unit(prompt_emb).mean(dim=1)
    return clip_logits(image_emb, classes, log_scale).softmax(dim=-1)


def recall_at_k(logits: Tensor, k: int) -> float:
    top = logits.topk(k, dim=-1).indices
    labels = torch.arange(len(logits))[:, None]
    return (top == labels).any(dim=-1).double().mean().item()
