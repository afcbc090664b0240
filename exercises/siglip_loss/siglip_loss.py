"""SigLIP: a sigmoid for every pair of image and text, in one piece or in blocks."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def pairwise_sum(
    image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, row0: int = 0, col0: int = 0
) -> Tensor:
    """The sum of log(1 + exp(-y z)) over one block of the matrix of all pairs.

    image_emb: (M, E), text_emb: (N, E): float32 or float64, rows of any length between 1e-12 and 1e15, to which
        no epsilon is added. They are the images row0 ... row0 + M - 1 and the texts col0 ... col0 + N - 1 of the batch.
    log_t, bias: scalar tensors of the same dtype; z_ij = exp(log_t) cos(i, j) + bias, of any size.
    Image and text of the same number in the batch are a pair, y = 1; all others are none, y = -1.
    Returns: a scalar in the dtype of the embeddings. Gradients, finite, flow to the four tensors.

    >>> images = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    >>> texts = torch.tensor([[4.0, 3.0], [-3.0, 4.0]])
    >>> log_t, bias = torch.tensor(5.0).log(), torch.tensor(0.0)
    >>> pairwise_sum(images, texts, log_t, bias)  # z = 4, -3, 4.8, 1.4: 0.018 + 0.049 + 4.808 + 0.220
    tensor(5.0954)
    >>> pairwise_sum(images, texts, log_t, bias, row0=2)  # no pair in this block
    tensor(10.4954)
    """
    raise NotImplementedError


def siglip_loss(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor) -> Tensor:
    """The sum over all B² pairs, divided by B.

    image_emb, text_emb: (B, E), row i of one belongs to row i of the other. log_t, bias: as for pairwise_sum.
    Returns: a scalar in the dtype of the embeddings. Gradients, finite, flow to the four tensors.
    Raises: ValueError unless there are as many texts as images.

    >>> images = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    >>> texts = torch.tensor([[4.0, 3.0], [-3.0, 4.0]])
    >>> siglip_loss(images, texts, torch.tensor(5.0).log(), torch.tensor(0.0))
    tensor(2.5477)
    """
    raise NotImplementedError


def siglip_loss_chunked(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, chunks: int) -> Tensor:
    """siglip_loss from chunks² blocks of B/chunks images and B/chunks texts.

    image_emb, text_emb, log_t, bias: as for siglip_loss. chunks: into how many pieces each side is cut;
        it divides B.
    Returns: the same scalar as siglip_loss, with the same gradients.
    Raises: ValueError unless there are as many texts as images.

    >>> images = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    >>> texts = torch.tensor([[4.0, 3.0], [-3.0, 4.0]])
    >>> siglip_loss_chunked(images, texts, torch.tensor(5.0).log(), torch.tensor(0.0), chunks=2)
    tensor(2.5477)
    """
    raise NotImplementedError


def initial_loss(batch: int, log_t: float, bias: float) -> float:
    """siglip_loss where every image is orthogonal to every text, its own as well: all cosines are 0.

    batch: B >= 1. log_t, bias: Python numbers; the bias may be as large as 1000 in both directions.
    Returns: a float.

    >>> initial_loss(32768, math.log(10), bias=0.0), initial_loss(32768, math.log(10), bias=-10.0)
    (22713.046812588287, 11.487631129538222)
    """
    raise NotImplementedError
