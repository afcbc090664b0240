# TRUE CAUSE: retrieve compares dot products with the vectors of the captions as they are, so that long vectors are
# preferred. The largest cosine is asked for: the captions have to be brought to length 1 as well.
"""A tiny CLIP: pictures of coloured shapes and captions of three words."""

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
    return torch.stack([combinations // 16, 4 + combinations // 4 % 4, 8 + combinations % 4], dim=1)


def render(combinations: Tensor, seed: int) -> Tensor:
    colours = torch.tensor(list(COLOURS.values()))  # (4, 3)
    shapes = torch.tensor([[[cell == "#" for cell in row] for row in shape] for shape in SHAPES.values()]).float()
    colour, shape, place = (captions(combinations) % 4).unbind(dim=1)
    drawn = colours[colour][:, :, None, None] * shapes[shape][:, None]  # (B, 3, 8, 8)
    pictures = torch.zeros(len(combinations), 3, 16, 16)
    for number, (quarter, p) in enumerate(zip(drawn, place.tolist())):
        top, left = 8 * (p // 2), 8 * (p % 2)
        pictures[number, :, top : top + 8, left : left + 8] = quarter
    generator = torch.Generator().manual_seed(seed)
    return pictures + 0.3 * torch.randn(pictures.shape, generator=generator)


def sample_batch(size: int, seed: int) -> Tensor:
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    order = torch.randperm(len(shown), generator=torch.Generator().manual_seed(seed))
    return shown[order[:size]]


class TinyCLIP(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vit = ViT(16, 4, 3, 48, 2, 4, 192, 1)
            self.image_map = nn.Linear(48, 32)
            self.words = nn.Embedding(12, 48)
            self.places = nn.Embedding(3, 48)
            self.layer = nn.TransformerEncoderLayer(48, 4, 192, dropout=0.0, batch_first=True, norm_first=True)
            self.text_norm = nn.LayerNorm(48)
            self.text_map = nn.Linear(48, 32)
            self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
            self.log_t = nn.Parameter(torch.tensor(math.log(10.0)))
            self.bias = nn.Parameter(torch.tensor(-10.0))

    def encode_image(self, images: Tensor) -> Tensor:
        return self.image_map(self.vit.features(images)[:, 0])

    def encode_text(self, words: Tensor) -> Tensor:
        x = self.layer(self.words(words) + self.places.weight)
        return self.text_map(self.text_norm(x.mean(dim=1)))

    def fit(
        self, loss: str = "clip", steps: int = 300, batch: int = 48, lr: float = 2e-3, seed: int = 0
    ) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0)
        seeds = torch.randint(2**31, (steps, 2), generator=torch.Generator().manual_seed(seed)).tolist()
        history = []
        for step, (which, noise) in enumerate(seeds):
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1.0, (step + 1) / 20, 1.1 - step / steps)
            combinations = sample_batch(batch, which)
            u = self.encode_image(render(combinations, noise))
            v = self.encode_text(captions(combinations))
            if loss == "clip":
                value = clip_loss(u, v, self.log_scale)
            else:
                value = siglip_loss(u, v, self.log_t, self.bias)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            history.append(value.item())
        return history


@torch.no_grad()
def retrieve(model: TinyCLIP, images: Tensor) -> Tensor:
    u = F.normalize(model.encode_image(images), dim=1)
    v = model.encode_text(captions(torch.arange(64)))
    return (u @ v.T).argmax(dim=1)
