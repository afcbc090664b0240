import math

import torch
import torch.nn.functional as F
from torch import Tensor


def unit(x: Tensor) -> Tensor:
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def pairwise_sum(
    image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, row0: int = 0, col0: int = 0
) -> Tensor:
    z = log_t.exp() * (unit(image_emb) @ unit(text_emb).T) + bias
    rows = torch.arange(z.shape[0])[:, None] + row0
    columns = torch.arange(z.shape[1]) + col0
    y = torch.where(rows == columns, 1.0, -1.0).to(z.dtype)
    return -F.logsigmoid(y * z).sum()


def siglip_loss(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor) -> Tensor:
    if len(image_emb) != len(text_emb):
        raise ValueError("as many texts as images")
    return pairwise_sum(image_emb, text_emb, log_t, bias) / len(image_emb)


def siglip_loss_chunked(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, chunks: int) -> Tensor:
    B = len(image_emb)
    if B != len(text_emb):
        raise ValueError("as many texts as images")
    size = B // chunks
    total = 0
    for i in range(0, B, size):
        for j in range(0, B, size):
            total = total + pairwise_sum(image_emb[i : i + size], text_emb[j : j + size], log_t, bias, i, j)
    return total / B


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def initial_loss(batch: int, log_t: float, bias: float) -> float:
    return softplus(-bias) + (batch - 1) * softplus(bias)
