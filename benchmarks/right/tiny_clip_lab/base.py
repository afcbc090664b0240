"""A tiny CLIP."""

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


def captions(combinations):
    return torch.stack([combinations // 16, 4 + combinations // 4 % 4, 8 + combinations % 4], dim=1)


def render(combinations, seed):
    noise = 0.3 * torch.randn(len(combinations), 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    images = torch.zeros(len(combinations), 3, 16, 16)
    colours = torch.tensor(list(COLOURS.values()))
    shapes = torch.tensor([[[pixel == "#" for pixel in row] for row in shape] for shape in SHAPES.values()]).float()
    for i, c in enumerate(combinations.tolist()):
        row, column = 8 * (c % 4 // 2), 8 * (c % 2)
        images[i, :, row : row + 8, column : column + 8] = colours[c // 16][:, None, None] * shapes[c // 4 % 4]
    return images + noise


def sample_batch(size, seed):
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    return shown[torch.randperm(len(shown), generator=torch.Generator().manual_seed(seed))[:size]]


class TextEncoder(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.words = nn.Embedding(12, width)
        self.positions = nn.Parameter(0.02 * torch.randn(3, width))
        self.layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, words):
        return self.norm(self.layer(self.words(words) + self.positions).mean(1))


class TinyCLIP(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vit = ViT(16, 4, 3, 48, 2, 4, 192, 1)
            self.image_proj = nn.Linear(48, 32, bias=False)
            self.text = TextEncoder()
            self.text_proj = nn.Linear(48, 32, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.log_t = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def encode_image(self, images):
        return self.image_proj(self.vit.features(images)[:, 0])

    def encode_text(self, words):
        return self.text_proj(self.text(words))

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps + 1)
        seeds = torch.randint(2**31, (steps, 2), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for batch_seed, noise_seed in seeds:
            combinations = sample_batch(batch, batch_seed)
            u, v = self.encode_image(render(combinations, noise_seed)), self.encode_text(captions(combinations))
            value = clip_loss(u, v, self.log_scale) if loss == "clip" else siglip_loss(u, v, self.log_t, self.bias)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        return losses


@torch.no_grad()
def retrieve(model, images):
    u = F.normalize(model.encode_image(images), dim=-1)
    v = F.normalize(model.encode_text(captions(torch.arange(64))), dim=-1)
    return (u @ v.T).argmax(1)
