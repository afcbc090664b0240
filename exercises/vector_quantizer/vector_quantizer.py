"""A picture in few numbers: each vector of a grid becomes the number of the nearest vector of a codebook (VQ-VAE)."""

import math

import torch
from torch import Tensor


def nearest_code(z: Tensor, codebook: Tensor) -> Tensor:
    """The number of the code with the smallest distance to each vector.

    z: (..., D). codebook: (C, D), C >= 1. Both float32 or float64, of one dtype. No two codes are equally near.
    Returns: int64 (...), from 0 to C - 1. No gradient is asked for.
    Memory: a few times N · C numbers, with N the number of vectors, and nothing of N · C · D.

    >>> nearest_code(torch.tensor([[0.9, 0.1], [-3.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0], [-9.0, 0.0]]))
    tensor([1, 0])
    """
    raise NotImplementedError


def quantize(z: Tensor, codebook: Tensor, beta: float = 0.25) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors replaced by their codes, in such a way that encoder and codebook can both learn.

    z: (..., D), what the encoder says. codebook: (C, D). As in nearest_code. beta: weight of the commitment.
    Returns: z_q, codes, loss.
        z_q (..., D): the nearest code of each vector. Backward it is as if it were z: the gradient of z_q reaches z
            unchanged, and the codebook not at all.
        codes: int64 (...).
        loss: mean of (sg(z) - e)² plus beta times the mean of (z - sg(e))², where e is the nearest code and sg(·) lets
            no gradient through; both means go over all numbers. The first pulls codes to z, the second z to its code.

    >>> z = torch.tensor([[1.0, 2.0]], requires_grad=True)
    >>> codebook = torch.tensor([[0.0, 0.0], [1.0, 4.0]], requires_grad=True)
    >>> z_q, codes, loss = quantize(z, codebook, beta=0.5)
    >>> z_q.detach(), codes, loss.item()
    (tensor([[1., 4.]]), tensor([1]), 3.0)
    >>> (10 * z_q.sum() + loss).backward()
    >>> z.grad, codebook.grad
    (tensor([[10.,  9.]]), tensor([[0., 0.],
            [0., 2.]]))
    """
    raise NotImplementedError


def code_usage(codes: Tensor, num_codes: int) -> dict[str, int | float]:
    """Is the codebook in use? A code that is never the nearest gets no gradient, and stays dead.

    codes: int64, any shape, at least one number, from 0 to num_codes - 1. num_codes: C.
    Returns: {"used", "perplexity", "bits"}. used: how many codes occur. perplexity: exp(-Σ p ln p), where p is the
        share of each code: C if all are used alike, 1 if one code is all. bits: log₂ of the perplexity, what a number
        costs on average if frequent codes are written short.

    >>> {name: round(x, 4) for name, x in code_usage(torch.tensor([[0, 0], [2, 3]]), num_codes=8).items()}
    {'used': 3, 'perplexity': 2.8284, 'bits': 1.5}
    """
    raise NotImplementedError
