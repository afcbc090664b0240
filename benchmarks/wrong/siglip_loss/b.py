# TRUE CAUSE: siglip_loss_chunked passes the number of a chunk as row0 and col0. They are the numbers of its first row
# and column in the whole matrix, chunk number times B / chunks; with chunks of more than one row false pairs appear
# off the diagonal.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def pairwise_sum(
    image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, row0: int = 0, col0: int = 0
) -> Tensor:
    u = image_emb / image_emb.norm(dim=1, keepdim=True)
    v = text_emb / text_emb.norm(dim=1, keepdim=True)
    z = log_t.exp() * (u @ v.T) + bias
    rows = torch.arange(row0, row0 + len(u), device=z.device)
    columns = torch.arange(col0, col0 + len(v), device=z.device)
    belong = rows[:, None] == columns[None, :]
    return -F.logsigmoid(torch.where(belong, z, -z)).sum()


def _check(image_emb: Tensor, text_emb: Tensor) -> int:
    if len(image_emb) != len(text_emb):
        raise ValueError(f"{len(image_emb)} images and {len(text_emb)} texts are no pairs")
    return len(image_emb)


def siglip_loss(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor) -> Tensor:
    B = _check(image_emb, text_emb)
    return pairwise_sum(image_emb, text_emb, log_t, bias) / B


def siglip_loss_chunked(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, chunks: int) -> Tensor:
    B = _check(image_emb, text_emb)
    total = torch.zeros((), dtype=image_emb.dtype, device=image_emb.device)
    for row0, images in enumerate(image_emb.chunk(chunks)):
        for col0, texts in enumerate(text_emb.chunk(chunks)):
            total = total + pairwise_sum(images, texts, log_t, bias, row0, col0)
    return total / B


def initial_loss(batch: int, log_t: float, bias: float) -> float:
    def softplus(a: float) -> float:
        return max(a, 0.0) + math.log1p(math.exp(-abs(a)))

    return softplus(-bias) + (batch - 1) * softplus(bias)
