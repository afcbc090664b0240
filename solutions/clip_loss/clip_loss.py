"""CLIP: images and texts in one space, each of a pair to be found by the other."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def clip_logits(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The scaled cosine of each image with each text.

    image_emb: (B, E), text_emb: (M, E): float32 or float64, rows of length 1e-8 to 1e15, to which no epsilon is added.
    log_scale: a scalar tensor of the same dtype; the scale is exp(min(log_scale, ln 100)).
        Which gradient it has at ln 100 exactly is not prescribed.
    Returns: (B, M) in the dtype of the embeddings. Gradients flow to all three arguments.

    >>> images = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    >>> texts = torch.tensor([[4.0, 3.0], [-3.0, 4.0]])
    >>> clip_logits(images, texts, torch.tensor(5.0).log())
    tensor([[ 4.0000, -3.0000],
            [ 4.8000,  1.4000]])
    """
    u = F.normalize(image_emb, dim=-1)  # (B, E), rows of length 1
    v = F.normalize(text_emb, dim=-1)  # (M, E)
    scale = log_scale.clamp(max=math.log(100)).exp()
    return scale * u @ v.T  # (B, M)


def clip_loss(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The mean of two cross-entropies: each image finds its text, each text its image.

    image_emb, text_emb: (B, E), row i of one belongs to row i of the other. log_scale: as for clip_logits.
    Returns: a scalar in the dtype of the embeddings, finite. Gradients flow to all three arguments.

    >>> images = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    >>> texts = torch.tensor([[4.0, 3.0], [-3.0, 4.0]])
    >>> clip_loss(images, texts, torch.tensor(5.0).log())  # rows 0.001 and 3.433, columns 1.171 and 0.012
    tensor(1.1543)
    """
    logits = clip_logits(image_emb, text_emb, log_scale)  # (B, B)
    own = torch.arange(len(logits))
    images = F.cross_entropy(logits, own)  # over the texts, for each image
    texts = F.cross_entropy(logits.T, own)  # over the images, for each text
    return (images + texts) / 2


def zero_shot(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The probability of each class, for classes that are given by prompts.

    image_emb: (B, E). prompt_emb: (K, M, E), M prompts for each of K classes, rows of length 1e-8 to 1e15.
    log_scale: as for clip_logits.
    Returns: (B, K) in the dtype of the embeddings, rows that sum to 1: the softmax of the logits with the class
        vectors. The vector of a class is the mean of its prompts, each of length 1, normalised.

    >>> prompts = torch.tensor([[[3.0, 4.0], [1.0, 0.0]], [[0.0, 2.0], [4.0, 3.0]]])
    >>> zero_shot(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), prompts, torch.tensor(5.0).log())
    tensor([[0.9034, 0.0966],
            [0.0966, 0.9034]])
    """
    classes = F.normalize(prompt_emb, dim=-1).mean(dim=1)  # (K, E)
    return clip_logits(image_emb, classes, log_scale).softmax(dim=-1)  # (B, K)


def recall_at_k(logits: Tensor, k: int) -> float:
    """The share of rows whose own column is among their k largest.

    logits: (B, B), no two of a row equal. Row i belongs to column i. k: 1 <= k <= B.
    Returns: a float between 0 and 1.

    >>> rows = [[4.0, -3.0, 0.0, 1.0], [4.8, 1.4, 0.2, 0.5], [0.0, 2.0, 1.0, -2.0], [-1.0, 2.5, 1.5, 0.0]]
    >>> recall_at_k(torch.tensor(rows), 1), recall_at_k(torch.tensor(rows), 2)  # row 0; rows 0, 1 and 2
    (0.25, 0.75)
    """
    own = logits.diagonal()[:, None]  # (B, 1)
    larger = (logits > own).sum(dim=-1)  # (B,): how many stand before its own
    return (larger < k).double().mean().item()
