# TRUE CAUSE: The inner loop of siglip_loss_chunked begins at i in place of 0: only blocks on and above the
# diagonal are computed, as if the matrix of pairs were symmetric; those below are missing.
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
    rows = row0 + torch.arange(z.shape[0])[:, None]
    cols = col0 + torch.arange(z.shape[1])[None, :]
    y = torch.where(rows == cols, 1.0, -1.0).to(z.dtype)
    return -F.logsigmoid(y * z).sum()


def _check(image_emb: Tensor, text_emb: Tensor) -> int:
    if len(image_emb) != len(text_emb):
        raise ValueError("not as many texts as images")
    return len(image_emb)


def siglip_loss(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor) -> Tensor:
    batch = _check(image_emb, text_emb)
    return pairwise_sum(image_emb, text_emb, log_t, bias) / batch


def siglip_loss_chunked(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, chunks: int) -> Tensor:
    batch = _check(image_emb, text_emb)
    size = batch // chunks
    total = 0
    for i in range(0, batch, size):
        for j in range(i, batch, size):
            total = total + pairwise_sum(image_emb[i : i + size], text_emb[j : j + size], log_t, bias, i, j)
    return total / batch


def initial_loss(batch: int, log_t: float, bias: float) -> float:
    def softplus(x: float) -> float:
        return max(x, 0.0) + math.log1p(math.exp(-abs(x)))

    return softplus(-bias) + (batch - 1) * softplus(bias)
