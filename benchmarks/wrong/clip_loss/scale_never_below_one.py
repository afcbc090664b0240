# TRUE CAUSE: clip_logits also clamps log_scale from below at 0, as some implementations do: scales below 1 such
# as 0.1 become 1 and get no gradient.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def _unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def clip_logits(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    scale = log_scale.clamp(0.0, math.log(100.0)).exp()
    return scale * (_unit(image_emb) @ _unit(text_emb).T)


def clip_loss(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    logits = clip_logits(image_emb, text_emb, log_scale)
    target = torch.arange(logits.shape[0])
    rows = F.cross_entropy(logits, target)
    columns = F.cross_entropy(logits.T, target)
    return (rows + columns) / 2


def zero_shot(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    classes = _unit(prompt_emb).mean(dim=1)
    return clip_logits(image_emb, classes, log_scale).softmax(dim=-1)


def recall_at_k(logits: Tensor, k: int) -> float:
    own = logits.diagonal()[:, None]
    better = (logits > own).sum(dim=1)
    return (better < k).double().mean().item()
