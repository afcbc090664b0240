# TRUE CAUSE: initial_loss computes log(1 + exp(x)) with math.exp, which raises OverflowError for a bias beyond about
# 709 in size; for large x it has to be computed as x + log1p(exp(-x)).
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def pairwise_sum(
    image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, row0: int = 0, col0: int = 0
) -> Tensor:
    u = F.normalize(image_emb, dim=-1, eps=1e-30)
    v = F.normalize(text_emb, dim=-1, eps=1e-30)
    z = log_t.exp() * (u @ v.T) + bias
    rows = row0 + torch.arange(len(u), device=u.device)
    cols = col0 + torch.arange(len(v), device=v.device)
    is_pair = rows[:, None] == cols[None, :]
    return F.softplus(torch.where(is_pair, -z, z)).sum()


def _check(image_emb: Tensor, text_emb: Tensor) -> int:
    if len(image_emb) != len(text_emb):
        raise ValueError("as many texts as images are needed")
    return len(image_emb)


def siglip_loss(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor) -> Tensor:
    B = _check(image_emb, text_emb)
    return pairwise_sum(image_emb, text_emb, log_t, bias) / B


def siglip_loss_chunked(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, chunks: int) -> Tensor:
    B = _check(image_emb, text_emb)
    size = B // chunks
    total = image_emb.new_zeros(())
    for row0 in range(0, B, size):
        for col0 in range(0, B, size):
            images, texts = image_emb[row0 : row0 + size], text_emb[col0 : col0 + size]
            total = total + pairwise_sum(images, texts, log_t, bias, row0, col0)
    return total / B


def _softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def initial_loss(batch: int, log_t: float, bias: float) -> float:
    yes = batch * _softplus(-bias)
    no = batch * (batch - 1) * _softplus(bias)
    return (yes + no) / batch
