# TRUE CAUSE: The noise is multiplied by 0.3² = 0.09, the variance, in place of the standard deviation 0.3.
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

COLOUR_TABLE = torch.tensor(list(COLOURS.values()))
SHAPE_TABLE = torch.tensor([[[float(pixel == "#") for pixel in row] for row in shape] for shape in SHAPES.values()])


def captions(combinations: Tensor) -> Tensor:
    colour, shape, place = combinations // 16, combinations // 4 % 4, combinations % 4
    return torch.stack([colour, shape + 4, place + 8], dim=1)


def render(combinations: Tensor, seed: int) -> Tensor:
    colour, shape, place = combinations // 16, combinations // 4 % 4, combinations % 4
    drawn = COLOUR_TABLE[colour][:, :, None, None] * SHAPE_TABLE[shape][:, None]
    images = torch.zeros(len(combinations), 3, 16, 16)
    for p in range(4):
        row, column = 8 * (p // 2), 8 * (p % 2)
        images[place == p, :, row : row + 8, column : column + 8] = drawn[place == p]
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return images + 0.3**2 * noise


def sample_batch(size: int, seed: int) -> Tensor:
    allowed = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    order = torch.randperm(len(allowed), generator=torch.Generator().manual_seed(seed))
    return allowed[order[:size]]


class TinyCLIP(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vit = ViT(16, 4, 3, 48, 2, 4, 192, 1)
            self.image_proj = nn.Linear(48, 32, bias=False)
            self.words = nn.Embedding(12, 48)
            self.positions = nn.Parameter(0.02 * torch.randn(3, 48))
            self.layer = nn.TransformerEncoderLayer(48, 4, 96, dropout=0.0, batch_first=True, norm_first=True)
            self.text_proj = nn.Linear(48, 32, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.log_t = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def encode_image(self, images: Tensor) -> Tensor:
        return self.image_proj(self.vit.features(images)[:, 0])

    def encode_text(self, words: Tensor) -> Tensor:
        x = self.layer(self.words(words) + self.positions)
        return self.text_proj(x.mean(dim=1))

    def fit(
        self, loss: str = "clip", steps: int = 300, batch: int = 48, lr: float = 2e-3, seed: int = 0
    ) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps + 1, pct_start=0.1)
        seeds = torch.randint(2**31, (steps, 2), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for batch_seed, noise_seed in seeds:
            combinations = sample_batch(batch, batch_seed)
            u = self.encode_image(render(combinations, noise_seed))
            v = self.encode_text(captions(combinations))
            if loss == "clip":
                value = clip_loss(u, v, self.log_scale)
            else:
                value = siglip_loss(u, v, self.log_t, self.bias)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        return losses


@torch.no_grad()
def retrieve(model: TinyCLIP, images: Tensor) -> Tensor:
    u = F.normalize(model.encode_image(images), dim=-1)
    v = F.normalize(model.encode_text(captions(torch.arange(64))), dim=-1)
    return (u @ v.T).argmax(dim=1)
