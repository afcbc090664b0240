# TRUE CAUSE: retrieve compares dot products with captions of any length; the caption with the largest cosine is asked
# for, so the vectors of the captions have to be normalised.
"""A tiny CLIP and its world of 64 pictures."""

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

HELD_OUT = (0, 9, 14, 15, 18, 40, 46, 47, 55, 60, 62, 63)


def captions(combinations: Tensor) -> Tensor:
    colour = combinations // 16
    shape = combinations // 4 % 4
    place = combinations % 4
    return torch.stack([colour, 4 + shape, 8 + place], dim=1)


def render(combinations: Tensor, seed: int) -> Tensor:
    colours = torch.tensor(list(COLOURS.values()))
    shapes = torch.tensor([[[float(c == "#") for c in row] for row in rows] for rows in SHAPES.values()])
    pictures = torch.zeros(len(combinations), 3, 16, 16)
    for picture, c in zip(pictures, combinations.tolist()):
        top, left = 8 * (c % 4 // 2), 8 * (c % 2)
        picture[:, top : top + 8, left : left + 8] = colours[c // 16][:, None, None] * shapes[c // 4 % 4]
    generator = torch.Generator().manual_seed(seed)
    return pictures + 0.3 * torch.randn(pictures.shape, generator=generator)


def sample_batch(size: int, seed: int) -> Tensor:
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    order = torch.randperm(len(shown), generator=torch.Generator().manual_seed(seed))
    return shown[order[:size]]


class TextEncoder(nn.Module):
    def __init__(self, width: int = 48, out: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(12, width)
        self.places = nn.Parameter(0.1 * torch.randn(3, width))
        self.hidden = nn.Linear(3 * width, 96)
        self.out = nn.Linear(96, out)

    def forward(self, words: Tensor) -> Tensor:
        x = self.words(words) + self.places
        return self.out(F.gelu(self.hidden(x.flatten(1))))


class TinyCLIP(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vit = ViT(
                image_size=16, patch=4, channels=3, dim=48, depth=2, heads=4, mlp_dim=192, num_classes=1
            )
            self.image_out = nn.Linear(48, 32)
            self.text = TextEncoder()
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.log_t = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def encode_image(self, images: Tensor) -> Tensor:
        return self.image_out(self.vit.features(images)[:, 0])

    def encode_text(self, words: Tensor) -> Tensor:
        return self.text(words)

    def fit(
        self, loss: str = "clip", steps: int = 300, batch: int = 48, lr: float = 2e-3, seed: int = 0
    ) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        history = []
        for step in range(steps):
            factor = min(1.0, (step + 1) / 30, 0.05 + 2 * (steps - step) / steps)
            for group in optimizer.param_groups:
                group["lr"] = lr * factor
            combinations = sample_batch(batch, seed=seed * 100_003 + 2 * step)
            images = render(combinations, seed=seed * 100_003 + 2 * step + 1)
            u, v = self.encode_image(images), self.encode_text(captions(combinations))
            if loss == "siglip":
                value = siglip_loss(u, v, self.log_t, self.bias)
            else:
                value = clip_loss(u, v, self.log_scale)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            history.append(value.item())
        return history


@torch.no_grad()
def retrieve(model: TinyCLIP, images: Tensor) -> Tensor:
    texts = model.encode_text(captions(torch.arange(64)))
    pictures = F.normalize(model.encode_image(images), dim=-1)
    return (pictures @ texts.T).argmax(dim=1)
