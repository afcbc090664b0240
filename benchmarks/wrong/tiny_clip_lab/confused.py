# TRUE CAUSE: reads the number of a combination in the other order of digits, c = place * 16 + shape * 4 + colour, in captions and
# in render alike: colour is c % 4 and place c // 16. (So what is held out are other pictures, too.) Training and retrieval agree with each other.
import math

import torch
from clip_loss import clip_loss
from siglip_loss import siglip_loss
from torch import nn
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


def _digits(c):
    """colour, shape, place: the lowest digit to the base 4 first"""
    return c % 4, (c // 4) % 4, c // 16


def captions(combinations):
    colour, shape, place = _digits(combinations)
    return torch.stack((colour, 4 + shape, 8 + place), dim=-1)


def render(combinations, seed):
    colours, shapes = list(COLOURS.values()), list(SHAPES.values())
    g = torch.Generator().manual_seed(seed)
    pictures = torch.randn(len(combinations), 3, 16, 16, generator=g) * 0.3
    for n, c in enumerate(combinations.tolist()):
        colour, shape, place = _digits(c)
        top, left = (0, 8)[place >= 2], (0, 8)[place % 2]
        for i, line in enumerate(shapes[shape]):
            for j, mark in enumerate(line):
                if mark == "#":
                    pictures[n, :, top + i, left + j] += torch.tensor(colours[colour])
    return pictures


def sample_batch(size, seed):
    g = torch.Generator().manual_seed(seed)
    train = [c for c in torch.randperm(64, generator=g).tolist() if c not in HELD_OUT]
    return torch.tensor(train[:size])


class TinyCLIP(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        saved = torch.get_rng_state()
        torch.manual_seed(seed)
        self.tower = ViT(image_size=16, patch=4, channels=3, dim=48, depth=2, heads=4, mlp_dim=192, num_classes=2)
        self.to_space = nn.Linear(48, 32)
        self.vocabulary = nn.Embedding(12, 64)
        self.reader = nn.Sequential(nn.Linear(3 * 64, 96), nn.GELU(), nn.Linear(96, 32))
        torch.set_rng_state(saved)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(0.07)))
        self.log_t = nn.Parameter(torch.tensor(math.log(10)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def encode_image(self, images):
        cls = self.tower.features(images)[:, 0]
        return self.to_space(cls)

    def encode_text(self, words):
        return self.reader(self.vocabulary(words).flatten(1))

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        opt = torch.optim.Adam(self.parameters(), lr=lr)
        history = []
        for k in range(steps):
            for group in opt.param_groups:
                group["lr"] = lr * min(1.0, (k + 1) / 30) * (1 - k / steps)
            number = seed * 100_003 + k
            c = sample_batch(batch, number)
            pics, words = self.encode_image(render(c, number + 50_000)), self.encode_text(captions(c))
            if loss == "siglip":
                l = siglip_loss(pics, words, self.log_t, self.bias)
            else:
                l = clip_loss(pics, words, self.log_scale)
            opt.zero_grad()
            l.backward()
            opt.step()
            history.append(l.item())
        return history


def retrieve(model, images):
    with torch.no_grad():
        pics = model.encode_image(images)
        texts = model.encode_text(captions(torch.arange(64)))
        texts = texts / texts.norm(dim=1, keepdim=True)
        return (pics @ texts.T).max(dim=1).indices
