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
    return torch.stack([combinations // 16, 4 + combinations // 4 % 4, 8 + combinations % 4], dim=-1)


def render(combinations: Tensor, seed: int) -> Tensor:
    """A picture of each combination: its shape in its colour, at its place, on black; and noise on all of it.

    combinations: int64 (B,). seed: decides the noise, which is N(0, 0.3²) on every channel of every pixel.
    Returns: float32 (B, 3, 16, 16), channels red, green, blue; row 0 on top, column 0 on the left.
    """
    colours = torch.tensor(list(COLOURS.values()))  # (4, 3)
    shapes = torch.tensor([[[pixel == "#" for pixel in row] for row in rows] for rows in SHAPES.values()])  # (4, 8, 8)
    generator = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.randn(len(combinations), 3, 16, 16, generator=generator)
    for image, c in zip(images, combinations.tolist(), strict=True):
        top, left = c % 4 // 2 * 8, c % 2 * 8
        image[:, top : top + 8, left : left + 8] += colours[c // 16, :, None, None] * shapes[c // 4 % 4]
    return images


def sample_batch(size: int, seed: int) -> Tensor:
    """Combinations to train on, all different and none of them held out, drawn from `seed`.

    size: at most 52.
    Returns: int64 (size,), in random order; every set of so many is equally likely.
    """
    generator = torch.Generator().manual_seed(seed)
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])  # (52,)
    return shown[torch.randperm(len(shown), generator=generator)[:size]]


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
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.vision = ViT(16, patch=4, channels=3, dim=48, depth=2, heads=4, mlp_dim=192, num_classes=1)
            self.vision.head = nn.Identity()  # what it would say of classes is not asked
            self.image_projection = nn.Linear(48, 32, bias=False)
            self.words = nn.Embedding(12, 48)
            self.positions = nn.Parameter(0.1 * torch.randn(3, 48))
            self.text = nn.TransformerEncoderLayer(48, 4, 192, 0.0, "gelu", batch_first=True, norm_first=True)
            self.text_norm = nn.LayerNorm(48)
            self.text_projection = nn.Linear(48, 32, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.log_t = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def encode_image(self, images: Tensor) -> Tensor:
        """(B, 3, 16, 16) -> (B, 32), of any length but 0."""
        return self.image_projection(self.vision.features(images)[:, 0])

    def encode_text(self, words: Tensor) -> Tensor:
        """int64 (B, 3), as captions has them -> (B, 32), of any length but 0."""
        x = self.text(self.words(words) + self.positions)  # (B, 3, 48)
        return self.text_projection(self.text_norm(x.mean(1)))

    def fit(
        self, loss: str = "clip", steps: int = 300, batch: int = 48, lr: float = 2e-3, seed: int = 0
    ) -> list[float]:
        """Trains on fresh pictures of fresh batches, all drawn from `seed`, with clip_loss or ("siglip") siglip_loss.

        Returns: the loss of every step.
        """
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
        losses = []
        for step in range(steps):
            combinations = sample_batch(batch, seed * steps + step)
            images = self.encode_image(render(combinations, seed * steps + step))
            texts = self.encode_text(captions(combinations))
            if loss == "clip":
                value = clip_loss(images, texts, self.log_scale)
            else:
                value = siglip_loss(images, texts, self.log_t, self.bias)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        return losses


def retrieve(model: TinyCLIP, images: Tensor) -> Tensor:
    """For each picture the combination, of all 64, whose caption has the largest cosine with it.

    images: (B, 3, 16, 16). Returns: int64 (B,), without gradients.
    """
    with torch.no_grad():
        u = F.normalize(model.encode_image(images), dim=-1)  # (B, 32)
        v = F.normalize(model.encode_text(captions(torch.arange(64))), dim=-1)  # (64, 32)
    return (u @ v.T).argmax(-1)
