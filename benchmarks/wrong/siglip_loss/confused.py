# TRUE CAUSE: takes row0 and col0 for the numbers of the BLOCK in units of its own size (block row, block column), not of its
# first row and column: a pair is where row0 * M + i == col0 * N + j. siglip_loss_chunked passes block numbers and is right by
# itself; pairwise_sum called with offsets is wrong.
import math

import torch
import torch.nn.functional as F


def _unit(x):
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def pairwise_sum(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    M, N = image_emb.size(0), text_emb.size(0)
    logits = torch.exp(log_t) * _unit(image_emb) @ _unit(text_emb).T + bias
    i = torch.arange(M).view(M, 1) + row0 * M
    j = torch.arange(N).view(1, N) + col0 * N
    labels = 2 * (i == j).to(logits.dtype) - 1
    return F.softplus(-labels * logits).sum()


def siglip_loss(image_emb, text_emb, log_t, bias):
    if image_emb.size(0) != text_emb.size(0):
        raise ValueError("images and texts have to come in pairs")
    return pairwise_sum(image_emb, text_emb, log_t, bias) / image_emb.size(0)


def siglip_loss_chunked(image_emb, text_emb, log_t, bias, chunks):
    if image_emb.size(0) != text_emb.size(0):
        raise ValueError("images and texts have to come in pairs")
    images, texts = image_emb.chunk(chunks), text_emb.chunk(chunks)
    sums = [pairwise_sum(a, b, log_t, bias, r, c) for r, a in enumerate(images) for c, b in enumerate(texts)]
    return torch.stack(sums).sum() / image_emb.size(0)


def initial_loss(batch, log_t, bias):
    b = torch.tensor(bias, dtype=torch.float64)
    positive = F.softplus(-b)
    negative = F.softplus(b)
    return (positive + (batch - 1) * negative).item()
