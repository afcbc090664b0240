"""A tiny CLIP: pictures of coloured shapes, captions of three words, and combinations that training never shows."""

import math

import torch
import torch.nn.functional as F
from clip_loss import clip_loss
from siglip_loss import siglip_loss
from torch import Tensor, nn
from vit import ViT

COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0), "yellow": (1.0, 1.0, 0.0)}
SHAPES = {  # 8 x 8 pixels, a quarter of a picture
    "square": ("........", ".######.", ".######.", ".######.", ".######.", ".######.", ".######.", "........"),
    "ring": ("........", ".######.", ".#....#.", ".#....#.", ".#....#.", ".#....#.", ".######.", "........"),
    "cross": ("...##...", "...##...", "...##...", "########", "########", "...##...", "...##...", "...##..."),
    "stripe": ("........", "........", "########", "########", "........", "........", "########", "########"),
}
PLACES = ("top left", "top right", "bottom left", "bottom right")

# Combination c is COLOURS[c // 16], SHAPES[c // 4 % 4], PLACES[c % 4]. These take no part in training:
HELD_OUT = (0, 9, 14, 15, 18, 40, 46, 47, 55, 60, 62, 63)


def captions(combinations: Tensor) -> Tensor:
    """The three words of each combination: word 0-3 is a colour, 4-7 a shape, 8-11 a place.

    combinations: int64 (B,), 0 to 63.
    Returns: int64 (B, 3), colour, shape, place.

    >>> captions(torch.tensor([0, 27, 63]))  # 27 = 1 · 16 + 2 · 4 + 3
    tensor([[ 0,  4,  8],
            [ 1,  6, 11],
            [ 3,  7, 11]])
    """
    raise NotImplementedError


def render(combinations: Tensor, seed: int) -> Tensor:
    """A picture of each combination: its shape in its colour, at its place, on black; and noise on all of it.

    combinations: int64 (B,). seed: decides the noise, which is N(0, 0.3²) on every channel of every pixel.
    Returns: float32 (B, 3, 16, 16), channels red, green, blue; row 0 on top, column 0 on the left.
    """
    raise NotImplementedError


def sample_batch(size: int, seed: int) -> Tensor:
    """Combinations to train on, all different and none of them held out, drawn from `seed`.

    size: at most 52.
    Returns: int64 (size,), in random order; every set of so many is equally likely.
    """
    raise NotImplementedError


class TinyCLIP(nn.Module):
    """Two encoders into one space of 32 numbers, in which a picture and its caption should point in one direction.

    The picture's is your ViT with image size 16, patch 4, 3 channels, dim 48, depth 2, 4 heads, mlp_dim 192 and any
    number of classes: its class token after the last norm, and a linear map to 32. That of captions is free: words,
    their positions, one layer, and a linear map to 32, say. All that is random comes from `seed`, and the constructor
    leaves torch's own random generator as it was.

    log_scale: parameter for clip_loss, begins at ln(1 / 0.07). log_t, bias: parameters for siglip_loss, begin at
    ln 10 and -10. All are scalars, and float32 like everything else.
    """

    def __init__(self, seed: int = 0) -> None:
        raise NotImplementedError

    def encode_image(self, images: Tensor) -> Tensor:
        """(B, 3, 16, 16) -> (B, 32), of any length but 0."""
        raise NotImplementedError

    def encode_text(self, words: Tensor) -> Tensor:
        """int64 (B, 3), as captions has them -> (B, 32), of any length but 0."""
        raise NotImplementedError

    def fit(
        self, loss: str = "clip", steps: int = 300, batch: int = 48, lr: float = 2e-3, seed: int = 0
    ) -> list[float]:
        """Trains on fresh pictures of fresh batches, all drawn from `seed`, with clip_loss or ("siglip") siglip_loss.

        Returns: the loss of every step.
        """
        raise NotImplementedError


def retrieve(model: TinyCLIP, images: Tensor) -> Tensor:
    """For each picture the combination, of all 64, whose caption has the largest cosine with it.

    images: (B, 3, 16, 16). Returns: int64 (B,), without gradients.
    """
    raise NotImplementedError
